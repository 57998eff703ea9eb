"""What is ready and what is due, found by indexes that hold nothing else.

Two kinds of entries: what is *ready* stands in rank order; what waits for a time (a timer, a
lease's end, a deadline) stands by priority and time. Its time is also the time it becomes
ready, so each priority's entries are in rank order as they stand.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from sayiir.stores.sqlite.due import rank_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.stores.sqlite.transaction import Transaction

__all__ = ["Place", "Queue", "first_due", "next_due", "runs_due", "with_work"]

Place: TypeAlias = tuple[int, int, str, int]
"""Rank, run, spawn path, index of an item."""


class Queue(NamedTuple):
    """The items of one definition, or of one run."""

    column: Literal["definition", "run"]
    value: int


def with_work(tx: Transaction) -> list[int]:
    """The definitions that have anything ready or due, hopping from one to the next."""
    found: list[int] = []
    last = 0
    while True:
        (following,) = tx.execute(
            "select min(id) from ("
            "select min(definition) as id from work_item "
            "where definition > ?1 and rank is not null union all "
            "select min(definition) from work_item where definition > ?1 and due is not null)",
            (last,),
        ).fetchone()
        if following is None:
            return found
        last = following
        found.append(last)


def first_due(tx: Transaction, queues: Sequence[Queue], limit: int) -> list[Place]:
    """The first places of all queues in rank order, at most ``limit``."""
    streams: list[list[Place]] = []
    for queue in queues:
        streams.append(
            tx.execute(
                "select rank, run, spawn_path, idx from work_item "  # noqa: S608 - own names
                f"where {queue.column} = ? and rank is not null "
                "order by rank, run, spawn_path, idx limit ?",
                (queue.value, limit),
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
            f"select 1 from work_item where {queue.column} = ? "  # noqa: S608 - own names
            "and rank is not null limit 1",
            (queue.value,),
        ).fetchone()
        if ready is not None:
            return tx.now
        times += (due for _, due in _earliest(tx, queue))
    return min(times, default=None)


def runs_due(tx: Transaction, definition: int) -> list[int]:
    """The runs of a definition for which a time has come."""
    queue = Queue("definition", definition)
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
            f"select prio, due from work_item where {queue.column} = ? "  # noqa: S608 - own names
            "and prio > ? and due is not null order by prio, due limit 1",
            (queue.value, prio),
        ).fetchone()
        if row is None:
            return found
        prio = row[0]
        found.append(row)


def _due(tx: Transaction, queue: Queue, prio: int, limit: int) -> list[tuple[int, int, str, int]]:
    return tx.execute(
        "select due, run, spawn_path, idx from work_item "  # noqa: S608 - own names
        f"where {queue.column} = ? and prio = ? and due <= ? "
        "order by due, run, spawn_path, idx limit ?",
        (queue.value, prio, tx.now, limit),
    ).fetchall()
