"""Creating the arms of a fork or the items of a map."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sayiir.errors import StoreError
from sayiir.stores.relational.codes import HELD, JOIN, READY
from sayiir.stores.relational.moves import Keeper, claimed, hold
from sayiir.stores.relational.rows import Item

if TYPE_CHECKING:
    from sayiir.stores.records import Claimed, NewItem, Spawn
    from sayiir.stores.relational.protocol import Rows
    from sayiir.stores.relational.rows import Run

__all__ = ["spawn_arms"]


def spawn_arms(
    rows: Rows, run: Run, parent: Item, spawn: Spawn, keeper: Keeper | None
) -> tuple[bool, tuple[Claimed, ...]]:
    """Insert the arms that aren't there yet; whether all have ended, and what was claimed.

    The parent, which stands at the spawn, is still to be saved.

    Raises:
        StoreError: the items aren't in order of index, or beyond the total.
    """
    _check(spawn)
    parent.total, parent.max_open = spawn.total, spawn.limit
    taken = _at_once(rows, run, parent, spawn, keeper)
    if taken is None:
        taken = _one_by_one(rows, run, parent, spawn, keeper)
    if parent.created == spawn.total:
        # What failed or was lost while the arms were made says nothing of what follows their join.
        parent.forget_attempts()
        parent.phase, parent.ready_at = JOIN, rows.now
        if not parent.joined:
            parent.drop_lease()
    return parent.joined, taken


def _at_once(
    rows: Rows, run: Run, parent: Item, spawn: Spawn, keeper: Keeper | None
) -> tuple[Claimed, ...] | None:
    """Insert all arms as rows that are alike, where they are; None: nothing was done."""
    free = spawn.limit is None or spawn.limit >= spawn.total
    if keeper is None or parent.created or not free or not len(spawn.items) == spawn.total > 0:
        return None
    taken = rows.insert_arms(run, parent, spawn, keeper)
    if taken is not None:
        parent.created = parent.pending = spawn.total
        if len(taken) < spawn.total:
            rows.changed.add(run.run)  # the others are there to be claimed
    return taken


def _one_by_one(
    rows: Rows, run: Run, parent: Item, spawn: Spawn, keeper: Keeper | None
) -> tuple[Claimed, ...]:
    """Some of which may wait for others, may be there, or take the place of what is."""
    arms: list[Item] = []
    kept: list[Item] = []
    for new in spawn.items:
        if new.index < parent.created:
            continue  # the same batch again, after a crash before its answer arrived
        arm = _arm(rows, run, parent, spawn.path, new)
        # Counting the open arms, not comparing the index: when an earlier batch has all ended
        # no arm is left that would ready the first of this one.
        room = parent.has_room
        parent.created += 1
        parent.pending += 1
        if not room:
            arm.phase = HELD
            parent.held += 1
        elif keeper is not None and len(kept) < spawn.keep:
            hold(rows, arm, keeper)
            kept.append(arm)
        arms.append(arm)
    rows.insert(run, arms, _elements(spawn, arms))
    return tuple(claimed(rows, run, arm) for arm in kept)


def _check(spawn: Spawn) -> None:
    indexes = [item.index for item in spawn.items]
    if not indexes:
        return
    if indexes != list(range(indexes[0], indexes[0] + len(indexes))):
        raise StoreError(f"a Spawn's items come in order of index, not {indexes[:20]}")
    if indexes[-1] >= spawn.total:
        raise StoreError(f"a Spawn of {spawn.total} has no item {indexes[-1]}")


def _arm(rows: Rows, run: Run, parent: Item, spawn_path: str, new: NewItem) -> Item:
    return Item(
        run=run.run,
        spawn_path=spawn_path,
        idx=new.index,
        parent_spawn_path=parent.spawn_path,
        parent_idx=parent.idx,
        queue=rows.queue_of(run, new.tags),
        path=new.path,
        input=new.input,
        prio=new.priority or run.priority,
        phase=READY,
        ready_at=rows.now,
    )


def _elements(spawn: Spawn, arms: list[Item]) -> dict[int, bytes]:
    created = {arm.idx for arm in arms}
    return {
        new.index: new.element
        for new in spawn.items
        if new.element is not None and new.index in created
    }
