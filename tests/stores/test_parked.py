"""Scorecard 27: very many parked instances cost a claim nothing, and a page of a list little.

Times are the nightly run's to judge. On every push it is what doesn't depend on the machine: the
steps of SQLite's own machine, and on PostgreSQL the rows that are read
(``tests/postgres/test_claim_plans.py``, ``tests/postgres/test_pages.py``).
"""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import time
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from benchmarks.workloads.parked import claim_seconds, fill
from sayiir.clock import SystemClock
from sayiir.stores.postgres.store import PostgresStore
from sayiir.stores.records import ClaimRequest, InstanceQuery, StatusName
from sayiir.stores.sqlite import SqliteStore, claim, listing
from sayiir.stores.sqlite.transaction import Transaction
from tests.sim.folders import quick_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FEW: Final = 1_000
READY: Final = 200
BATCH: Final = 100
_HOUR_US: Final = 3_600_000_000
QUERIES: Final = [
    InstanceQuery(status=status, workflow_name=name, limit=50)
    for status in (None, *StatusName)
    for name in (None, "flow-3", "flow-nobody-has")
]
FLOWS: Final = 10
DEFINITIONS: Final = frozenset(f"hash-{number}" for number in range(1, FLOWS + 1))
_WAITS: Final = {StatusName.WAITING, StatusName.AWAITING_SIGNAL}
OF_ONE: Final = [
    query for query in QUERIES if query.status in _WAITS and query.workflow_name is not None
]
_NUMBERS: Final = "with recursive n(n) as (select ?1 union all select n + 1 from n where n < ?2) "
_INSTANCES: Final = (
    "insert into instance (run, instance_id, run_id, definition, workflow_name, "
    "workflow_version, priority, created_at, labels) "
    f"{_NUMBERS} select n, 'i' || n, 'run-' || n, n % {FLOWS} + 1, 'flow-' || (n % {FLOWS}), "
    "'1', 3, ?3, '[]' from n"
)
# Half of them on a timer, half on a signal with a timeout; or ready.
_PARKED: Final = (
    "insert into work_item (run, spawn_path, idx, queue, path, input, prio, phase, ready_at, "
    "due, wake_at, epoch, signal_name, parked_as) "
    f"{_NUMBERS} select n, '', 0, n % {FLOWS} + 1, 'step', 'i', 3, iif(n % 2, 1, 3), ?3, "
    f"?3 + {_HOUR_US} + n, ?3 + {_HOUR_US} + n, 1, iif(n % 2, null, 'go'), 1 from n"
)
_READY: Final = (
    "insert into work_item (run, spawn_path, idx, queue, path, input, prio, phase, ready_at, "
    "rank) "
    f"{_NUMBERS} select n, '', 0, n % {FLOWS} + 1, 'step', 'i', 3, 0, ?3, ?3 from n"
)


async def filled(file: Path, parked: int) -> None:
    """A file with so many parked instances and 200 that are ready."""
    await (await SqliteStore.open(file)).close()
    now_us = SystemClock().now_us()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(
            f"insert into definition {_NUMBERS} select n, 'hash-' || n, 'body' from n", (1, FLOWS)
        )
        connection.execute(f"insert into queue {_NUMBERS} select n, n, '[]' from n", (1, FLOWS))
        connection.execute(_INSTANCES, (1, parked + READY, now_us))
        connection.execute(_PARKED, (1, parked, now_us))
        connection.execute(_READY, (parked + 1, parked + READY, now_us))
        connection.commit()


def steps(file: Path, queries: list[InstanceQuery]) -> tuple[int, int]:
    """SQLite's steps for a claim of 100, and for the page that took most of them; in tens."""
    count = 0

    def counted() -> None:
        nonlocal count
        count += 1

    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("begin")
        tx = Transaction(connection, SystemClock().now_us())
        connection.set_progress_handler(counted, 10)
        request = ClaimRequest(holder="w", lease_us=1_000_000, limit=BATCH, definitions=DEFINITIONS)
        assert len(claim.claim(tx, request).items) == BATCH
        connection.execute("rollback")
        claiming, most = count, 0
        connection.execute("begin")
        for query in queries:
            count = 0
            listing.page(Transaction(connection, SystemClock().now_us()), query)
            most = max(most, count)
        connection.execute("rollback")
    return claiming, most


@pytest.mark.alone
@pytest.mark.timeout(3_600)  # at the nightly figure
def test_claims_and_pages_beside_very_many_parked(
    repetitions: Callable[[int, int], int], report_figure: Callable[[str], None]
) -> None:
    """On SQLite: as many steps as beside a thousand, whatever the machine."""
    parked = repetitions(100_000, 1_000_000)
    with quick_folder() as folder:
        asyncio.run(filled(folder / "few.db", FEW))
        asyncio.run(filled(folder / "many.db", parked))
        few, many = steps(folder / "few.db", QUERIES), steps(folder / "many.db", QUERIES)
        claims = asyncio.run(_claim_ratio(folder))
        pages = asyncio.run(_page_seconds(folder / "many.db"))
    p50, p95 = (pages[len(pages) * part // 100] * 1e3 for part in (50, 95))
    report_figure(
        f"{parked:,} parked: a claim of {BATCH} takes {many[0] / few[0]:.2f} times the steps "
        f"and {claims:.2f} times the time of one beside {FEW:,}; list page p50 {p50:.1f} ms, "
        f"p95 {p95:.1f} ms, {many[1] * 10:,} steps at most"
    )
    # A tree of a hundred times as many has a level or two more.
    assert many[0] <= 1.1 * few[0]
    assert many[1] <= 1.5 * few[1] + 1_000
    if repetitions(0, 1):
        assert claims <= 1.5
        assert p95 <= 100


def test_pages_of_what_waits_of_one_workflow() -> None:
    """On SQLite: as many steps as beside a thousand."""
    with quick_folder() as folder:
        asyncio.run(filled(folder / "few.db", FEW))
        asyncio.run(filled(folder / "many.db", 10 * FEW))
        few, many = steps(folder / "few.db", OF_ONE), steps(folder / "many.db", OF_ONE)
    assert many[1] <= 1.5 * few[1] + 1_000


async def _claim_ratio(folder: Path) -> float:
    """Seconds of a claim beside many by those of one beside few, taken in turn."""
    stores = [await SqliteStore.open(folder / name) for name in ("few.db", "many.db")]
    taken: list[list[float]] = [[], []]
    request = ClaimRequest(holder="w", lease_us=60_000_000, limit=BATCH, definitions=DEFINITIONS)
    for _ in range(30):
        for store, seconds in zip(stores, taken, strict=True):
            began = time.perf_counter()
            items = (await store.claim(request)).items
            seconds.append(time.perf_counter() - began)
            assert len(items) == BATCH
            await store.release([item.fence for item in items])
    for store in stores:
        await store.close()
    return statistics.median(taken[1]) / statistics.median(taken[0])


async def _page_seconds(file: Path) -> list[float]:
    store = await SqliteStore.open(file)
    taken: list[float] = []
    for query in QUERIES:
        cursor = None
        for _ in range(10):
            began = time.perf_counter()
            page = await store.page(replace(query, cursor=cursor))
            taken.append(time.perf_counter() - began)
            cursor = page.cursor
    await store.close()
    return sorted(taken)


@pytest.mark.alone
@pytest.mark.nightly
@pytest.mark.timeout(3_600)
def test_claims_of_a_server_beside_a_million_parked(
    postgres_schemas: Callable[[], str], report_figure: Callable[[str], None]
) -> None:
    """On PostgreSQL, alone and while others claim and renew: in the time it takes beside few."""
    parked = 1_000_000

    async def run() -> list[float]:
        few = await PostgresStore.open(postgres_schemas())
        many = await PostgresStore.open(postgres_schemas())
        await fill(few, FEW)
        await fill(many, parked)
        ratios = []
        for others in (0, 3):
            pairs = [
                (await claim_seconds(many, others=others), await claim_seconds(few, others=others))
                for _ in range(6)
            ]
            ratios.append(statistics.median(crowded / alone for crowded, alone in pairs[1:]))
        await few.close()
        await many.close()
        return ratios

    alone, beside = asyncio.run(run())
    report_figure(
        f"{parked:,} parked: a claim takes {alone:.2f} times the time of one beside {FEW:,}, "
        f"{beside:.2f} times while others claim and renew"
    )
    assert max(alone, beside) <= 1.5
