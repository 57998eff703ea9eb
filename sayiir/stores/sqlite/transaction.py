"""What the verbs work on: the rows of one transaction."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Final, TypeAlias

from sayiir.errors import StoreError
from sayiir.stores.records import Event
from sayiir.stores.relational.codes import ENDED
from sayiir.stores.relational.damage import DamagedRow
from sayiir.stores.sqlite.arms import insert_arms
from sayiir.stores.sqlite.items import ItemRows

if TYPE_CHECKING:
    from sayiir.stores.records import Claimed, Result, Spawn
    from sayiir.stores.relational.moves import Keeper
    from sayiir.stores.relational.rows import Item, Run

__all__ = [
    "INSERT_RESULT",
    "Queues",
    "Transaction",
    "decode_tags",
    "encode_tags",
    "result_row",
]

INSERT_RESULT: Final = (
    "insert into task_result "
    "(run, path, node_path, ordinal, attempts, duration, finished_at, output) "
    "values (?, ?, ?, ?, ?, ?, ?, ?)"
)
# One seek for those sent to any wait, one for those sent to this one.
_OLDEST_EVENT: Final = (
    "select id, cast(payload as blob) from ("
    "select * from (select id, payload from event where run = ?1 and signal_name = ?2 "
    "and address = '' and consumed_at_path is null order by id limit 1) "
    "union all "
    "select * from (select id, payload from event where run = ?1 and signal_name = ?2 "
    "and address = ?3 and consumed_at_path is null order by id limit 1)"
    ") order by id limit 1"
)
_END_UNCLAIMED: Final = f"""
update work_item indexed by work_item_open
set phase = {ENDED}, holder = null, process = null, wait_until = null, rank = null, due = null,
    failures = 0, interruptions = 0, interruptions_ever = 0, output = null, error = null,
    failed = 0, error_at = ?2
where run = ?1 and phase <> {ENDED} and (holder is null or lease_until <= ?2)
"""  # noqa: S608 - a number of our own
# The events of a run go apart.
_OF_A_RUN: Final = (
    "work_item",
    "element",
    "progress",
    "task_result",
    "label",
    "instance_input",
    "instance",
)


Queues: TypeAlias = dict[tuple[int, tuple[str, ...]], int]
"""The numbers of known queues by definition and tags.

They may be kept from one transaction to the next, for a queue is never removed, unless anything
was rolled back.
"""


class Transaction(ItemRows):
    """The rows at the time of one verb; every method executes its SQL at once.

    But for two things, which ``flush`` writes: a batch's results, for one statement that inserts
    them all, and the counts of parents that wait.
    """

    __slots__ = ("_queues", "_results")

    def __init__(
        self,
        connection: sqlite3.Connection,
        now: int,
        process: int = 0,
        queues: Queues | None = None,
    ) -> None:
        super().__init__(connection, now, process)
        self._results: list[tuple[object, ...]] = []
        self._queues: Queues = {} if queues is None else queues

    def flush(self) -> None:
        """Write what was put off.

        Raises:
            StoreError: a path has a result already.
        """
        self._write_results()
        self.write_counts()

    # -- queues

    def queue_of(self, run: Run, tags: tuple[str, ...]) -> int:
        """The number of the queue of the run's definition and these tags, made where missing."""
        place = (run.definition, tags)
        number = self._queues.get(place)
        if number is None:
            number = self._queues[place] = self._queue_number(run.definition, encode_tags(tags))
        return number

    def _queue_number(self, definition: int, tags: str) -> int:
        known = self.execute(
            "select id from queue where definition = ? and tags = ?", (definition, tags)
        ).fetchone()
        if known is not None:
            return int(known[0])
        added = self.execute(
            "insert into queue (definition, tags) values (?, ?)", (definition, tags)
        )
        return added.lastrowid or 0

    # -- arms

    def insert_arms(
        self, run: Run, parent: Item, spawn: Spawn, keeper: Keeper
    ) -> tuple[Claimed, ...] | None:
        """Insert all arms of a spawn, none of which has to wait; None: some are there already."""
        if self.has_items(run.run, spawn.path):
            return None
        return insert_arms(self, run, parent, spawn, keeper)

    # -- results

    def add_result(self, run: int, result: Result) -> None:
        """Keep a result of this run for ``flush``."""
        self._results.append(result_row(run, result, self.now))

    def _write_results(self) -> None:
        if not self._results:
            return
        try:
            if len(self._results) == 1:
                self.execute(INSERT_RESULT, self._results[0])
            else:
                self.executemany(INSERT_RESULT, self._results)
        except sqlite3.IntegrityError as error:
            paths = ", ".join(repr(row[1]) for row in self._results[:10])
            raise StoreError(
                f"one of these paths has a result already, and a result is written once: {paths}"
            ) from error
        self._results.clear()

    # -- waits and events

    def next_park(self, run: Run) -> int:
        """A number that grows with each park of the run: who has waited longest."""
        run.parks += 1
        self.execute("update instance set parks = ? where run = ?", (run.parks, run.run))
        return run.parks

    def keep_event(self, run: Run, signal_name: str, payload: bytes, address: str | None) -> int:
        """Insert an event that no wait has had; its number."""
        stored = self.execute(
            "insert into event (run, signal_name, address, payload, sent_at) "
            "values (?, ?, ?, ?, ?)",
            (run.run, signal_name, address or "", payload, self.now),
        )
        return stored.lastrowid or 0

    def oldest_event(self, item: Item) -> Event | None:
        """The oldest event that the wait may have."""
        row = self.execute(_OLDEST_EVENT, (item.run, item.signal_name, item.path)).fetchone()
        return None if row is None else Event(*row)

    def event_payload(self, item: Item) -> bytes:
        """The payload of the event that the item has."""
        row = self.execute(
            "select cast(payload as blob) from event where id = ?", (item.event_id,)
        ).fetchone()
        if row is None:
            raise DamagedRow(self.name_of(item.run), "work_item.event_id", item.event_id)
        return bytes(row[0])

    def consume(self, item: Item) -> None:
        """The event that the item has was given to the wait at its path."""
        self.execute(
            "update event set consumed_at_path = ? where id = ?", (item.path, item.event_id)
        )

    # One that is claimed has timed out: its holder goes on without an event.

    def longest_wait(self, run: Run, signal_name: str) -> Item | None:
        """The wait of this name, without event and holder, that has waited longest."""
        found = self.items_where(
            "(run, spawn_path, idx) = (select run, spawn_path, idx from work_item "
            "indexed by work_item_waiting where run = ? and signal_name = ? and phase = 3 "
            "and event_id is null and holder is null order by parked_as limit 1)",
            run.run,
            signal_name,
        )
        return found[0] if found else None

    def wait_at(self, run: Run, signal_name: str, path: str) -> Item | None:
        """A wait of this name at this path, without event and holder, or None."""
        found = self.items_where(
            "(run, spawn_path, idx) = (select run, spawn_path, idx from work_item "
            "indexed by work_item_waiting_at where run = ? and path = ? and phase = 3 "
            "and event_id is null and signal_name = ? and holder is null limit 1)",
            run.run,
            path,
            signal_name,
        )
        return found[0] if found else None

    # -- sets of rows

    def unschedule(self, run: Run) -> None:
        """No item of the run is looked at by claims from now on."""
        number = (run.run,)
        self.execute("update work_item set rank = null where run = ? and rank is not null", number)
        self.execute("update work_item set due = null where run = ? and due is not null", number)

    def end_unclaimed(self, run: Run) -> bool:
        """End the open items that nobody holds, or no longer; whether any are left."""
        self.execute(_END_UNCLAIMED, (run.run, self.now))
        self.forget_items()
        left = self.execute(
            f"select 1 from work_item where run = ? and phase <> {ENDED} limit 1",  # noqa: S608
            (run.run,),
        ).fetchone()
        return left is not None

    def prune(self, run: Run, prefix: str) -> None:
        """Remove the results, ended items and consumed events whose paths begin so."""
        self._write_results()
        values = (run.run, *_below(prefix))
        self.execute("delete from task_result where run = ? and path >= ? and path < ?", values)
        ended = "run = ? and spawn_path >= ? and spawn_path < ? and phase = 6"
        for table in ("element", "progress"):
            self.execute(
                f"delete from {table} where (run, spawn_path, idx) in "  # noqa: S608
                f"(select run, spawn_path, idx from work_item where {ended})",
                values,
            )
        self.execute(f"delete from work_item where {ended}", values)  # noqa: S608
        self.execute(
            "delete from event where run = ? and consumed_at_path >= ? and consumed_at_path < ?",
            values,
        )
        self.forget_items()

    def remove_below(self, run: Run, scope: Item) -> None:
        """Remove all items below a map item, whoever works on them."""
        values = (run.run, *_below(scope.strand))
        for table in ("work_item", "element", "progress"):
            self.execute(
                f"delete from {table} where run = ? and spawn_path >= ? and spawn_path < ?",  # noqa: S608
                values,
            )
        self.forget_items()

    def remove_run(self, run: Run) -> None:
        """Remove the run and all that belongs to it; its fences are stale from now on."""
        number = (run.run,)
        for table in _OF_A_RUN:
            self.execute(f"delete from {table} where run = ?", number)  # noqa: S608
        # Apart, for each kind has an index of its own.
        self.execute("delete from event where run = ? and consumed_at_path is null", number)
        self.execute("delete from event where run = ? and consumed_at_path is not null", number)
        self.forget_run(run.run)


def result_row(run: int, result: Result, now_us: int) -> tuple[object, ...]:
    """What ``INSERT_RESULT`` is given for a result."""
    path, node_path, ordinal, output, attempts, duration_us = result
    return (run, path, node_path, ordinal, attempts, duration_us, now_us, output)


def _below(prefix: str) -> tuple[str, str]:
    """The range of paths that begin with a prefix that ends in ``/``: from, and up to."""
    return prefix, prefix[:-1] + "0"  # "0" is what follows "/"


def encode_tags(tags: tuple[str, ...]) -> str:
    """Tags as the text that the column holds."""
    return json.dumps(tags) if tags else "[]"


def decode_tags(text: str) -> tuple[str, ...]:
    """The tags again, in their order."""
    return tuple(json.loads(text))
