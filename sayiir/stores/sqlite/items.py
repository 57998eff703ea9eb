"""Instances and work items of one transaction: each row is loaded once and written through."""

from __future__ import annotations

from dataclasses import fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from sayiir.stores.records import ItemKey
from sayiir.stores.relational.codes import ENDED
from sayiir.stores.relational.protocol import Rows
from sayiir.stores.relational.rows import Item, Run
from sayiir.stores.sqlite.checks import checked_item, checked_run, damage_of_item

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

__all__ = ["ItemRows"]

# The fields stand in the order of the columns, and a run has its definition's hash at the end.
ITEM_COLUMNS: Final = tuple(field.name for field in fields(Item))
INSTANCE_COLUMNS: Final = tuple(field.name for field in fields(Run))[:-1]
_TEXTS: Final = frozenset(
    {
        *("instance_id", "run_id", "workflow_name", "workflow_version", "reason", "requested_by"),
        *("labels", "traceparent", "path", "input", "holder", "signal_name", "output"),
    }
)
"""Keys aside: they are compared as they stand."""
_KEY: Final = ("run", "spawn_path", "idx")
_FIXED: Final = (*_KEY, "parent_spawn_path", "parent_idx")
_CHANGED: Final = tuple(name for name in ITEM_COLUMNS if name not in _FIXED)


def _read(name: str, of: str = "") -> str:
    """A column as it is read: as what it was declared, for SQLite keeps any type in any column.

    What a stranger has written there must not be met as an object of another type.
    """
    if name in _TEXTS:
        return f"cast({of}{name} as text)"
    return f"cast({of}{name} as blob)" if name == "error" else f"{of}{name}"


_SELECT_RUN: Final = (
    f"select {', '.join(_read(name, 'instance.') for name in INSTANCE_COLUMNS)}, definition.hash "  # noqa: S608 - our own column names
    "from instance join definition on definition.id = instance.definition "
)
_SELECT_ITEM: Final = f"select {', '.join(map(_read, ITEM_COLUMNS))} from work_item "  # noqa: S608
_UPDATE_ITEM: Final = (
    f"update work_item set {', '.join(f'{name} = ?' for name in _CHANGED)} "  # noqa: S608
    "where run = ? and spawn_path = ? and idx = ?"
)
# What claiming and releasing change: no index on phases is touched.
_LEASE: Final = (
    "ready_at", "rank", "due", "wait_until", "epoch", "holder", "process", "lease_until",
    "interruptions", "interruptions_ever",
)  # fmt: skip
_UPDATE_LEASE: Final = (
    f"update work_item set {', '.join(f'{name} = ?' for name in _LEASE)} "  # noqa: S608
    "where run = ? and spawn_path = ? and idx = ?"
)
_INSERT_ITEM: Final = (
    f"insert or replace into work_item values ({', '.join('?' * len(ITEM_COLUMNS))})"  # noqa: S608
)
_SET_ASIDE: Final = (
    "update work_item set rank = null, due = null, holder = null, process = null "
    "where run = ? and spawn_path = ? and idx = ?"
)
_values = attrgetter(*_CHANGED, *_KEY)
_lease_values = attrgetter(*_LEASE, *_KEY)
_all_values = attrgetter(*ITEM_COLUMNS)

_INSERT_ELEMENT: Final = (
    "insert or replace into element (run, spawn_path, idx, body) values (?, ?, ?, ?)"
)
_DELETE_ELEMENT: Final = "delete from element where run = ? and spawn_path = ? and idx = ?"
_UPDATE_COUNTS: Final = (
    "update work_item set pending = ?, held = ? where run = ? and spawn_path = ? and idx = ?"
)
_counts = attrgetter("pending", "held", *_KEY)

_UPDATE_RUN: Final = (
    "update instance set state = ?, control = ?, reason = ?, requested_by = ?, deadline_at = ?, "
    "finished_at = ?, parks = ?, output = ?, error = ? where run = ?"
)


class ItemRows(Rows):
    """The half of ``Transaction`` that finds and writes instances and items."""

    __slots__ = (
        "_counting",
        "_items",
        "_runs",
        "changed",
        "execute",
        "executemany",
        "now",
        "process",
    )

    def __init__(self, connection: sqlite3.Connection, now: int, process: int = 0) -> None:
        self.execute = connection.execute
        self.executemany = connection.executemany
        self.now = now
        self.process = process
        self.changed: set[int] = set()
        self._runs: dict[int, Run] = {}
        self._items: dict[tuple[int, str, int], Item] = {}
        self._counting: dict[tuple[int, str, int], Item] = {}

    # -- instances

    def find_run(self, number: int) -> Run | None:
        """The run of this number, or None."""
        run = self._runs.get(number)
        if run is None:
            return self._keep_run(
                self.execute(_SELECT_RUN + "where instance.run = ?", (number,)).fetchone()
            )
        return run

    def find_instance(self, instance_id: str) -> Run | None:
        """The instance's run, or None."""
        return self._keep_run(
            self.execute(_SELECT_RUN + "where instance.instance_id = ?", (instance_id,)).fetchone()
        )

    def _keep_run(self, row: tuple[Any, ...] | None) -> Run | None:
        if row is None:
            return None
        run = checked_run(row)
        return self._runs.setdefault(run.run, run)

    def write_run(self, run: Run) -> None:
        """Write what can change of an instance."""
        self.execute(
            _UPDATE_RUN,
            (
                run.state,
                run.control,
                run.reason,
                run.requested_by,
                run.deadline_at,
                run.finished_at,
                run.parks,
                run.output,
                run.error,
                run.run,
            ),
        )

    def forget_instance(self, number: int) -> None:
        """The run's own row was changed by itself."""
        self._runs.pop(number, None)

    def forget_run(self, number: int) -> None:
        """The run was deleted."""
        self._runs.pop(number, None)
        self._items.clear()

    # -- items

    def find_item(self, run: int, key: ItemKey) -> Item | None:
        """The item, or None."""
        place = (run, key.spawn_path, key.index)
        item = self._items.get(place)
        if item is None:
            row = self.execute(
                _SELECT_ITEM + "where run = ? and spawn_path = ? and idx = ?", place
            ).fetchone()
            if row is None:
                return None
            item = self._items[place] = self._item_of(row)
        return item

    def items_where(self, condition: str, *values: object) -> list[Item]:
        """The items that a condition of our own finds, in key order."""
        rows = self.execute(
            _SELECT_ITEM + "where " + condition + " order by run, spawn_path, idx", values
        ).fetchall()
        return [self._items.setdefault(row[:3], self._item_of(row)) for row in rows]

    def _item_of(self, row: tuple[Any, ...]) -> Item:
        item = checked_item(row)
        if item is None:
            raise damage_of_item(self.name_of(row[0]), row)
        return item

    def name_of(self, number: int) -> str:
        """The id of the run's instance, for a message."""
        found = self.execute(
            "select cast(instance_id as text) from instance where run = ?", (number,)
        ).fetchone()
        return f"of run {number}" if found is None else str(found[0])

    def set_aside(self, number: int, key: ItemKey) -> None:
        """No claim meets the item again; nobody holds it. For one that can't be read."""
        place = (number, key.spawn_path, key.index)
        self.forget_item(number, key)
        self.execute(_SET_ASIDE, place)
        self.changed.add(number)

    def open_items(self, run: Run) -> list[Item]:
        """All items of the run that haven't ended, in key order."""
        return self.items_where(f"run = ? and phase <> {ENDED}", run.run)

    def interrupted_items(self, run: Run) -> list[Item]:
        """The items of the run that wait because they were interrupted, in key order."""
        return self.items_where("run = ? and wait_until is not null", run.run)

    def next_held(self, sibling: Item) -> Item | None:
        """The item of lowest index with the sibling's spawn path that is HELD, or None."""
        found = self.items_where(
            "run = ? and spawn_path = ? and idx = (select min(idx) from work_item "
            "indexed by work_item_held where run = ?1 and spawn_path = ?2 and phase = 5)",
            sibling.run,
            sibling.spawn_path,
        )
        return found[0] if found else None

    def write_item(self, item: Item) -> None:
        """Write what can change of an item."""
        self.execute(_UPDATE_ITEM, _values(item))

    def write_lease(self, item: Item) -> None:
        """The same, where only the lease and what hangs on it has changed."""
        self.execute(_UPDATE_LEASE, _lease_values(item))

    def write_items(self, items: Sequence[Item]) -> None:
        """The same as ``write_item`` for several items of one run."""
        self.executemany(_UPDATE_ITEM, map(_values, items))

    def count_later(self, parent: Item) -> None:
        """Write a waiting parent's counts before anything else could read them.

        A batch that ends a hundred arms counts them in memory, and writes their parent once.
        """
        self._counting[parent.run, parent.spawn_path, parent.idx] = parent

    def write_counts(self) -> None:
        """Write the counts that were put off."""
        if self._counting:
            self.executemany(_UPDATE_COUNTS, map(_counts, self._counting.values()))
            self._counting.clear()

    def insert_items(
        self, run: Run, items: Sequence[Item], elements: Mapping[int, bytes] | None = None
    ) -> None:
        """Insert open items of one spawn path, with the elements of those that have one."""
        rows: list[tuple[Any, ...]] = []
        epochs = self._epochs_of(items)
        if epochs:
            self.executemany(
                _DELETE_ELEMENT, [(items[0].run, items[0].spawn_path, i) for i in epochs]
            )
        for item in items:
            item.epoch += epochs.get(item.idx, 0)
            self._items[item.run, item.spawn_path, item.idx] = item
            rows.append(_all_values(item))
        self.executemany(_INSERT_ITEM, rows)
        if elements:
            self.insert_elements(run.run, items[0].spawn_path, elements)

    def insert_elements(self, run: int, spawn_path: str, elements: Mapping[int, bytes]) -> None:
        """Insert the elements of a map's items, by index."""
        self.executemany(
            _INSERT_ELEMENT, [(run, spawn_path, index, body) for index, body in elements.items()]
        )

    def has_items(self, run: int, spawn_path: str) -> bool:
        """Whether any item was spawned there."""
        found = self.execute(
            "select 1 from work_item where run = ? and spawn_path = ? limit 1", (run, spawn_path)
        ).fetchone()
        return found is not None

    def _epochs_of(self, items: Sequence[Item]) -> dict[int, int]:
        """The epochs of those that have rows already, by index."""
        if not items:
            return {}
        first, last = items[0], items[-1]
        return dict(
            self.execute(
                "select idx, epoch from work_item "
                "where run = ? and spawn_path = ? and idx between ? and ?",
                (first.run, first.spawn_path, first.idx, last.idx),
            ).fetchall()
        )

    def forget_item(self, run: int, key: ItemKey) -> None:
        """The row was changed by itself."""
        if self._items:
            place = (run, key.spawn_path, key.index)
            if place in self._counting:
                self.write_counts()
            self._items.pop(place, None)

    def forget_items(self) -> None:
        """Rows are changed or deleted in sets: what was loaded of them would be wrong."""
        self.write_counts()
        self._items.clear()
