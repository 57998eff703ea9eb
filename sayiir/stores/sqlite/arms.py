"""The arms of a fork or map, created at once: many rows by one statement.

Bound row by row, all 33 columns of each, they took longer to bind than to write: 7 us an arm, of
which this leaves 3. What arms have alike is bound once.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from sayiir.limits import RANK_SECONDS_PER_PRIORITY
from sayiir.stores.records import Claimed, Fence, ItemKey, Phase
from sayiir.stores.relational.codes import READY
from sayiir.stores.relational.due import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.stores.records import NewItem, Spawn
    from sayiir.stores.relational.moves import Keeper
    from sayiir.stores.relational.rows import Item, Run
    from sayiir.stores.sqlite.transaction import Transaction

__all__ = ["insert_arms"]

_ROWS_AT_ONCE: Final = (64, 8, 1)
"""Each size is a statement of its own, so there are few."""
_PRIORITY_US: Final = RANK_SECONDS_PER_PRIORITY * SECOND_US
_INSERT: Final = (
    "insert into work_item (run, spawn_path, idx, parent_spawn_path, parent_idx, queue, path, "
    "input, prio, phase, ready_at, rank, due, epoch, holder, process, lease_until) values "
)
_ALIKE: Final = 11
_OWN: Final = 5
# Filed as `due.schedule` does it: what is claimed is due when its lease ends; what isn't has a
# rank, and can be claimed.
_ROW: Final = (
    f"(?1, ?2, ?{{0}}, ?3, ?4, ?{{1}}, ?{{2}}, ?{{3}}, ?{{4}}, {READY}, ?5, "
    f"?6 + (?{{4}} - 1) * {_PRIORITY_US}, ?7, ?8, ?9, ?10, ?11)"
)


@cache
def _insert(rows: int) -> str:
    """The statement for so many rows: its parameters are what is alike, then each row's own."""
    each = (range(first, first + _OWN) for first in range(_ALIKE + 1, rows * _OWN + _ALIKE, _OWN))
    return _INSERT + ", ".join(_ROW.format(*numbers) for numbers in each)


def insert_arms(
    tx: Transaction, run: Run, parent: Item, spawn: Spawn, keeper: Keeper
) -> tuple[Claimed, ...]:
    """Insert all arms of the spawn, none of which is there yet; the first are claimed."""
    keep = max(spawn.keep, 0)
    kept, left = spawn.items[:keep], spawn.items[keep:]
    place = (run.run, spawn.path, parent.spawn_path, parent.idx, tx.now)
    lease = (None, keeper.lease_until, 1, keeper.holder, tx.process, keeper.lease_until)
    _insert_rows(tx, run, kept, (*place, *lease))
    _insert_rows(tx, run, left, (*place, tx.now, None, 0, None, None, 0))
    elements = {item.index: item.element for item in spawn.items if item.element is not None}
    if elements:
        tx.insert_elements(run.run, spawn.path, elements)
    return tuple(_claimed(tx, run, spawn.path, item, keeper) for item in kept)


def _insert_rows(
    tx: Transaction, run: Run, items: Sequence[NewItem], alike: tuple[object, ...]
) -> None:
    at = 0
    for size in _ROWS_AT_ONCE:
        while len(items) - at >= size:
            values = [*alike]
            for item in items[at : at + size]:
                queue, prio = tx.queue_of(run, item.tags), item.priority or run.priority
                values += (item.index, queue, item.path, item.input, prio)
            tx.execute(_insert(size), values)
            at += size


def _claimed(tx: Transaction, run: Run, spawn_path: str, item: NewItem, keeper: Keeper) -> Claimed:
    return Claimed(
        fence=Fence(run.run, ItemKey(spawn_path, item.index), 1),
        run_id=run.run_id,
        instance_id=run.instance_id,
        definition_hash=run.definition_hash,
        phase=Phase.READY,
        path=item.path,
        input=item.input,
        lease_until_at_us=keeper.lease_until,
        deadline_in_us=None if run.deadline_at is None else run.deadline_at - tx.now,
        traceparent=run.traceparent,
    )
