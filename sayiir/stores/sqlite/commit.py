"""A batch of checkpoints: the quick way for each where it can be had, else the long one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sayiir.stores.relational import commits
from sayiir.stores.sqlite.quick import Parents, quick_way

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.stores.records import Answer, Checkpoint
    from sayiir.stores.sqlite.transaction import Transaction

__all__ = ["commit"]


def commit(tx: Transaction, checkpoints: Sequence[Checkpoint]) -> list[Answer]:
    """Write the checkpoints whose fences hold, one after the other.

    Raises:
        StoreError: a path that has a result already, or an effect that makes no sense; nothing
            of the whole batch is written.
    """
    parents: Parents = {}
    answers = [
        quick_way(tx, checkpoint, parents) or commits.write(tx, checkpoint)
        for checkpoint in checkpoints
    ]
    tx.flush()
    return answers
