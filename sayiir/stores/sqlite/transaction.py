"""What the verbs work on: the rows of one transaction, each loaded once and written through."""

from __future__ import annotations

import json
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from sayiir.errors import InstanceNotFound, InvalidTransition
from sayiir.stores.records import Fence, ItemKey
from sayiir.stores.sqlite.codes import RUNNING, STATES
from sayiir.stores.sqlite.due import schedule
from sayiir.stores.sqlite.rows import INSTANCE_COLUMNS, ITEM_COLUMNS, Item, Run

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

__all__ = ["Transaction", "decode_labels", "encode_labels"]

_KEY: Final = ("run", "spawn_path", "idx")
_FIXED: Final = (*_KEY, "parent_spawn_path", "parent_idx", "definition")
_CHANGED: Final = tuple(name for name in ITEM_COLUMNS if name not in _FIXED)

_SELECT_RUN: Final = (
    f"select {', '.join('instance.' + name for name in INSTANCE_COLUMNS)}, definition.hash "  # noqa: S608 - our own column names
    "from instance join definition on definition.id = instance.definition "
)
_SELECT_ITEM: Final = f"select {', '.join(ITEM_COLUMNS)} from work_item "  # noqa: S608
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
_values = attrgetter(*_CHANGED, *_KEY)
_lease_values = attrgetter(*_LEASE, *_KEY)
_all_values = attrgetter(*ITEM_COLUMNS)

_DELETE_ELEMENT: Final = "delete from element where run = ? and spawn_path = ? and idx = ?"
_UPDATE_COUNTS: Final = (
    "update work_item set pending = ?, held = ? where run = ? and spawn_path = ? and idx = ?"
)
_counts = attrgetter("pending", "held", *_KEY)

_UPDATE_RUN: Final = (
    "update instance set state = ?, control = ?, reason = ?, requested_by = ?, deadline_at = ?, "
    "finished_at = ?, parks = ?, output = ?, error = ? where run = ?"
)


class Transaction:
    """The rows at the time of one verb.

    Attributes:
        now: the store's time of this transaction, in microseconds since the Unix epoch.
        process: the number of this store among those that hold leases.
        changed: the runs whose watchers have to be woken once it is committed.
    """

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
        run = Run(*row)
        return self._runs.setdefault(run.run, run)

    def run_of(self, instance_id: str) -> Run:
        """The instance's run, or ``InstanceNotFound``."""
        run = self.find_instance(instance_id)
        if run is None:
            raise InstanceNotFound(instance_id)
        return run

    def unfinished(self, instance_id: str, verb: str) -> Run:
        """The instance's run, which hasn't ended, or ``InvalidTransition``."""
        run = self.run_of(instance_id)
        if run.state != RUNNING:
            raise InvalidTransition(instance_id, verb, STATES[run.state].value)
        return run

    def save_run(self, run: Run) -> None:
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
            item = self._items[place] = Item(*row)
        return item

    def items_where(self, condition: str, *values: object) -> list[Item]:
        """The items that a condition of our own finds, in key order."""
        rows = self.execute(
            _SELECT_ITEM + "where " + condition + " order by run, spawn_path, idx", values
        ).fetchall()
        return [self._items.setdefault(row[:3], Item(*row)) for row in rows]

    def held(self, fence: Fence) -> tuple[Run, Item] | None:
        """The item that the fence is for, if the fence still holds.

        A lease that has ended but that nobody has taken is still held: there is one writer.
        """
        item = self.find_item(fence.run, fence.item)
        if item is None or item.epoch != fence.epoch or item.holder is None:
            return None
        run = self.find_run(fence.run)
        return None if run is None else (run, item)

    def parent_of(self, item: Item) -> Item | None:
        """The item that spawned this one."""
        if item.parent_spawn_path is None or item.parent_idx is None:
            return None
        return self.find_item(item.run, ItemKey(item.parent_spawn_path, item.parent_idx))

    def save(self, run: Run, item: Item) -> None:
        """Write the item, filed under the time when it next needs looking at."""
        schedule(run, item)
        if item.holder is None:
            self.changed.add(item.run)
        self.execute(_UPDATE_ITEM, _values(item))

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

    def save_lease(self, run: Run, item: Item) -> None:
        """The same, where only the lease and what hangs on it has changed."""
        schedule(run, item)
        if item.holder is None:
            self.changed.add(item.run)
        self.execute(_UPDATE_LEASE, _lease_values(item))

    def save_all(self, run: Run, items: Iterable[Item]) -> None:
        """The same for several items of one run."""
        items = list(items)
        for item in items:
            schedule(run, item)
        self.changed.add(run.run)
        self.executemany(_UPDATE_ITEM, map(_values, items))

    def insert_items(self, run: Run, items: Sequence[Item]) -> None:
        """Insert open items of one spawn path. One that has the key already leaves it its epoch.

        Only a node that is executed again comes upon such a row, and the fences of the first
        time must stay stale.
        """
        rows: list[tuple[Any, ...]] = []
        epochs = self._epochs_of(items)
        if epochs:
            self.executemany(
                _DELETE_ELEMENT, [(items[0].run, items[0].spawn_path, i) for i in epochs]
            )
        for item in items:
            schedule(run, item)
            item.epoch += epochs.get(item.idx, 0)
            self._items[item.run, item.spawn_path, item.idx] = item
            rows.append(_all_values(item))
        self.executemany(_INSERT_ITEM, rows)
        self.changed.add(run.run)

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


def encode_labels(labels: tuple[tuple[str, str], ...]) -> str:
    """Labels as the text that the column holds."""
    return json.dumps(labels)


def decode_labels(text: str) -> tuple[tuple[str, str], ...]:
    """The labels again, in their order."""
    return tuple((name, value) for name, value in json.loads(text))
