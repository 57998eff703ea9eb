"""Arms that end while others of theirs are open: one by one, or those of a batch together.

An arm's end has to ask whether its instance runs, and what its parent waits for. The arms of one
fork that end in one batch have the same answers, so these are looked up once, and one statement is
bound for all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from sayiir.stores.records import End, ItemKey
from sayiir.stores.relational.codes import ENDED, RUNNING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.stores.records import Checkpoint, Fence
    from sayiir.stores.relational.rows import Item
    from sayiir.stores.sqlite.transaction import Transaction

__all__ = ["Parents", "Siblings", "end_arm", "end_arms", "siblings_of"]

Parents: TypeAlias = dict[tuple[int, str], ItemKey]
"""Whose arms stand at a spawn path of a run: known after the first of them."""
Siblings: TypeAlias = tuple[int, str]
"""The run and the spawn path of arms that have one parent."""

_LEAST_TOGETHER: Final = 4
"""Fewer aren't worth the savepoint."""

# An arm that ends while its parent waits for others. Its rank is null and it doesn't wait, for
# it is leased.
_END: Final = f"""
update work_item set phase = {ENDED}, holder = null, process = null, due = null,
    failures = 0, interruptions = 0, interruptions_ever = 0, failed = 0,
    output = ?1, error = null, error_at = ?2
where run = ?3 and spawn_path = ?4 and idx = ?5 and epoch = ?6 and holder is not null
"""  # noqa: S608 - a number of our own


def siblings_of(checkpoint: Checkpoint) -> Siblings | None:
    """Whose end it is, of arms that may end together; None: it is none, or has more to do."""
    if type(checkpoint.effect) is not End or checkpoint.prune:
        return None
    fence = checkpoint.fence
    place = fence.item.spawn_path
    return (fence.run, place) if place else None


def end_arms(
    tx: Transaction, place: Siblings, checkpoints: Sequence[Checkpoint], parents: Parents
) -> int:
    """End the first of these arms together, as many as leave their parent waiting; how many.

    Either all of those or none: where one of them isn't held any more, nothing is written.
    """
    if len(checkpoints) < _LEAST_TOGETHER:
        return 0
    parent = _waiting_parent(tx, checkpoints[0].fence, parents)
    together = 0 if parent is None else min(len(checkpoints), parent.pending - 1)
    if parent is None or together < _LEAST_TOGETHER:
        return 0
    now, run, path = tx.now, *place
    ends: list[tuple[object, ...]] = []
    for fence, effect, _, _ in checkpoints[:together]:
        assert isinstance(effect, End)
        ends.append((effect.output, now, run, path, fence.item.index, fence.epoch))
    tx.execute("savepoint arms")
    ended = tx.executemany(_END, ends).rowcount == together
    if not ended:
        tx.execute("rollback to arms")
    tx.execute("release arms")
    if not ended:
        return 0
    for fence, _, result, _ in checkpoints[:together]:
        tx.forget_item(run, fence.item)
        if result is not None:
            tx.add_result(run, result)
    parent.pending -= together
    tx.count_later(parent)
    return together


def end_arm(tx: Transaction, fence: Fence, end: End, parents: Parents) -> bool:
    """End one of them; False: nothing was written, for it has more to do or isn't held."""
    parent = _waiting_parent(tx, fence, parents)
    if parent is None or parent.pending < 2:
        return False
    item = fence.item
    ended = tx.execute(
        _END, (end.output, tx.now, fence.run, item.spawn_path, item.index, fence.epoch)
    )
    if not ended.rowcount:
        return False
    parent.pending -= 1
    tx.count_later(parent)
    return True


def _waiting_parent(tx: Transaction, fence: Fence, parents: Parents) -> Item | None:
    """The parent, where an arm's end does no more than to count down what it waits for.

    The last arm brings the parent, and one whose siblings are held readies the next.
    """
    run = tx.find_run(fence.run)
    if run is None or run.state != RUNNING or run.control:
        return None
    parent = _parent(tx, fence, parents)
    return None if parent is None or parent.held else parent


def _parent(tx: Transaction, fence: Fence, parents: Parents) -> Item | None:
    place = (fence.run, fence.item.spawn_path)
    key = parents.get(place)
    if key is None:
        row = tx.execute(
            "select parent_spawn_path, parent_idx from work_item "
            "where run = ? and spawn_path = ? and idx = ?",
            (*place, fence.item.index),
        ).fetchone()
        if row is None or row[0] is None:
            return None
        key = parents[place] = ItemKey(*row)
    return tx.find_item(fence.run, key)
