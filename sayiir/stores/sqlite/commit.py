"""A batch of checkpoints: the quick way for each where it can be had, else the long one."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from sayiir.stores.relational import commits
from sayiir.stores.sqlite.ends import Parents, end_arms, siblings_of
from sayiir.stores.sqlite.quick import DONE, quick_way

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
    answers: list[Answer] = []
    for place, neighbours in groupby(checkpoints, siblings_of):
        group = list(neighbours)
        together = 0 if place is None else end_arms(tx, place, group, parents)
        answers += [DONE] * together
        answers += [
            quick_way(tx, checkpoint, parents) or commits.write(tx, checkpoint)
            for checkpoint in group[together:]
        ]
    tx.flush()
    return answers
