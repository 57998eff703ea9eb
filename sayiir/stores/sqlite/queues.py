"""What is ready and what is due, found by indexes that hold nothing else.

Two kinds of entries: what is *ready* stands in rank order; what waits for a time (a timer, a
lease's end, a deadline) stands by priority and time. Its time is also the time it becomes
ready, so each priority's entries are in rank order as they stand.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sayiir.stores.relational.due import rank_of
from sayiir.stores.sqlite.transaction import decode_tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sayiir.stores.relational.rows import Run
    from sayiir.stores.sqlite.transaction import Transaction

__all__ = [
    "Place",
    "Queue",
    "first_due",
    "next_due",
    "of_definitions",
    "of_run",
    "runs_due",
    "with_work",
]

Place: TypeAlias = tuple[int, int, str, int]
"""Rank, run, spawn path, index of an item."""


class Queue(NamedTuple):
    """The items of one definition that ask for the same tags; of one run only, where it is set."""

    number: int
    run: int | None = None

    @property
    def chosen(self) -> str:
        """The condition that its items meet: the first columns of an index."""
        return "queue = ?" if self.run is None else "run = ? and queue = ?"

    @property
    def values(self) -> tuple[int, ...]:
        """What stands for the condition's question marks."""
        return (self.number,) if self.run is None else (self.run, self.number)


def of_run(tx: Transaction, run: Run, tags: frozenset[str] | None) -> list[Queue]:
    """The queues that the run's items may stand in and that ask for none but these tags."""
    rows = tx.execute("select id, tags from queue where definition = ?", (run.definition,))
    return [Queue(number, run.run) for number in _asking(rows, tags)]


def of_definitions(
    tx: Transaction, hashes: Iterable[str], tags: frozenset[str] | None
) -> list[Queue]:
    """The queues of these definitions that ask for none but these tags."""
    found: list[Queue] = []
    for each in hashes:
        rows = tx.execute(
            "select queue.id, tags from definition join queue on definition = definition.id "
            "where hash = ?",
            (each,),
        )
        found += map(Queue, _asking(rows, tags))
    return found


def with_work(tx: Transaction, tags: frozenset[str] | None = None) -> list[Queue]:
    """The queues that have anything ready or due and ask for none but these tags."""
    found = list(_numbers_with_work(tx))
    if tags is None:
        return list(map(Queue, found))
    rows = (
        tx.execute("select id, tags from queue where id = ?", (number,)).fetchone()
        for number in found
    )
    return list(map(Queue, _asking(rows, tags)))


def _asking(rows: Iterable[tuple[int, str]], tags: frozenset[str] | None) -> Iterator[int]:
    """The numbers of those queues that ask for none but these tags; None: for whatever."""
    for number, asked in rows:
        if tags is None or tags.issuperset(decode_tags(asked)):
            yield number


def _numbers_with_work(tx: Transaction) -> Iterator[int]:
    """The queues that have anything ready or due, hopping from one to the next."""
    last = 0
    while True:
        (last,) = tx.execute(
            "select min(id) from ("
            "select min(queue) as id from work_item "
            "where queue > ?1 and rank is not null union all "
            "select min(queue) from work_item where queue > ?1 and due is not null)",
            (last,),
        ).fetchone()
        if last is None:
            return
        yield last


def first_due(tx: Transaction, queues: Sequence[Queue], limit: int) -> list[Place]:
    """The first places of all queues in rank order, at most ``limit``."""
    streams: list[list[Place]] = []
    for queue in queues:
        streams.append(
            tx.execute(
                "select rank, run, spawn_path, idx from work_item "  # noqa: S608 - own names
                f"where {queue.chosen} and rank is not null "
                "order by rank, run, spawn_path, idx limit ?",
                (*queue.values, limit),
            ).fetchall()
        )
        for prio, due in _earliest(tx, queue):
            if due <= tx.now:
                rows = _due(tx, queue, prio, limit)
                streams.append([(rank_of(row[0], prio), *row[1:]) for row in rows])
    return list(heapq.merge(*streams))[:limit]


def next_due(tx: Transaction, queues: Sequence[Queue]) -> int | None:
    """The earliest time at which something is due; now at the earliest; None: never."""
    times: list[int] = []
    for queue in queues:
        ready = tx.execute(
            f"select 1 from work_item where {queue.chosen} "  # noqa: S608 - own names
            "and rank is not null limit 1",
            queue.values,
        ).fetchone()
        if ready is not None:
            return tx.now
        times += (due for _, due in _earliest(tx, queue))
    return min(times, default=None)


def runs_due(tx: Transaction, queue: Queue) -> list[int]:
    """The runs with an item in this queue for which a time has come."""
    return [
        row[1]
        for prio, due in _earliest(tx, queue)
        if due <= tx.now
        for row in _due(tx, queue, prio, -1)
    ]


def _earliest(tx: Transaction, queue: Queue) -> list[tuple[int, int]]:
    """Each priority that waits for a time, and its earliest time."""
    found: list[tuple[int, int]] = []
    prio = -1
    while True:
        row = tx.execute(
            f"select prio, due from work_item where {queue.chosen} "  # noqa: S608 - own names
            "and prio > ? and due is not null order by prio, due limit 1",
            (*queue.values, prio),
        ).fetchone()
        if row is None:
            return found
        prio = row[0]
        found.append(row)


def _due(tx: Transaction, queue: Queue, prio: int, limit: int) -> list[tuple[int, int, str, int]]:
    return tx.execute(
        "select due, run, spawn_path, idx from work_item "  # noqa: S608 - own names
        f"where {queue.chosen} and prio = ? and due <= ? "
        "order by due, run, spawn_path, idx limit ?",
        (*queue.values, prio, tx.now, limit),
    ).fetchall()
