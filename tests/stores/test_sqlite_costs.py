"""What a step costs on SQLite: statements, commits and what goes to the log. Counted, not timed."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from itertools import pairwise
from math import log2
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from sayiir import AsyncCheckpointingRunner, Flow, Workflow, fork, task, workflow
from sayiir.stores.sqlite.store import SqliteStore
from sayiir.stores.sqlite.wal_growth import FULL_BYTES, LEAST_BYTES, WalGrowth
from tests.stores.sqlite_child import new_instance

pytestmark = pytest.mark.anyio

PAGE_BYTES = 4_096
FRAME_BYTES = PAGE_BYTES + 24


@task
async def increment(number: int) -> int:
    return number + 1


def chain(steps: int) -> Workflow[int, int]:
    """A chain of async tasks."""
    flow: Flow[int, int] = increment
    for _ in range(steps - 1):
        flow = flow >> increment
    return workflow(f"chain_{steps}", flow)


class Meter:
    """Counts what one store's writing connection does.

    The log is asked about by a connection apart: the store uses its own from a thread, and two
    threads that have statements in one connection get each other's errors. SQLite restarts the
    log by itself after a thousand pages, so no more than that can be counted at once.
    """

    def __init__(self, store: SqliteStore, file: Path) -> None:
        connection = store._writer.connection
        assert connection is not None
        self.statements: list[str] = []
        connection.set_trace_callback(self._note)
        self._file = file

    def _note(self, statement: str) -> None:
        # The thread looks for what others have written whenever it has nothing to do.
        if "data_version" not in statement:
            self.statements.append(statement)

    @property
    def commits(self) -> int:
        """Transactions that were committed, those without changes too."""
        return sum(statement.lower() == "commit" for statement in self.statements)

    async def count(self, what: Awaitable[Any]) -> tuple[int, int, int]:
        """Statements, commits and pages in the log that it took."""
        with closing(sqlite3.connect(self._file, isolation_level=None)) as beside:
            beside.execute("pragma wal_checkpoint(restart)")
            self.statements.clear()
            await what
            counted = len(self.statements), self.commits
            # The log began anew: its length is what was written since.
            (_, pages, _) = beside.execute("pragma wal_checkpoint(passive)").fetchone()
        assert pages < 1_000
        return (*counted, int(pages))


async def _opened(folder: Path) -> tuple[SqliteStore, AsyncCheckpointingRunner]:
    store = await SqliteStore.open(folder / "a.db")
    return store, AsyncCheckpointingRunner(store)


async def test_a_lone_step(tmp_path: Path, report_figure: Callable[[str], None]) -> None:
    """One transaction of one update and one insert; three pages: the item, the result, its index.

    Told by the difference of two chains, so that what an instance costs by itself is left out.
    """
    store, runner = await _opened(tmp_path)
    short, long = chain(20), chain(120)
    async with runner:
        meter = Meter(store, tmp_path / "a.db")
        await runner.run(short, "warm", 0)
        low = await meter.count(runner.run(short, "short", 0))
        high = await meter.count(runner.run(long, "long", 0))
    await store.close()
    statements, commits, pages = ((b - a) / 100 for a, b in zip(low, high, strict=True))
    report_figure(
        f"SQLite, a lone step: {statements:.2f} statements, {commits:.2f} commits, "
        f"{pages * FRAME_BYTES:,.0f} bytes of log"
    )
    # A claim that looks for more may come between, by the machine's load.
    assert statements <= 4.5, "begin, update, insert, commit"
    assert commits <= 1.1
    assert pages <= 3.3


async def test_steps_of_many_share_their_commits(
    tmp_path: Path, report_figure: Callable[[str], None]
) -> None:
    """A hundred instances at once: an update and the share of one insert for each step."""
    store, runner = await _opened(tmp_path)
    short, long = chain(2), chain(12)
    async with runner:
        meter = Meter(store, tmp_path / "a.db")

        async def hundred(flow: Workflow[int, int], name: str) -> None:
            for number in range(100):
                await runner.client.submit(flow, f"{name}-{number}", number)
            meter.statements.clear()
            await runner.resume_all([flow])

        await hundred(short, "warm")
        low = await meter.count(hundred(short, "short"))
        high = await meter.count(hundred(long, "long"))
    await store.close()
    statements, commits, pages = ((b - a) / 1_000 for a, b in zip(low, high, strict=True))
    report_figure(
        f"SQLite, a step of a hundred at once: {statements:.2f} statements, {commits:.3f} commits, "
        f"{pages * FRAME_BYTES:,.0f} bytes of log"
    )
    assert statements <= 2.2, "sqlite tells of each row of the one insert"
    assert commits <= 0.05
    assert pages <= 0.3


async def test_an_instance_among_many(tmp_path: Path, report_figure: Callable[[str], None]) -> None:
    """A hundred instances of one step: what creating, claiming and ending each of them takes."""
    store, runner = await _opened(tmp_path)
    flow = chain(1)
    async with runner:
        meter = Meter(store, tmp_path / "a.db")
        await runner.run(flow, "warm", 0)
        submitting = (runner.client.submit(flow, f"i-{number}", number) for number in range(100))
        created, _, _ = await meter.count(asyncio.gather(*submitting))
        ended, _, _ = await meter.count(runner.resume_all([flow]))
    await store.close()
    report_figure(
        f"SQLite, an instance among a hundred: {created / 100:.2f} statements to create it, "
        f"{ended / 100:.2f} to claim and end it"
    )
    assert created <= 650, "a savepoint, a look at the definition, three rows, and its release"
    assert ended <= 650, "three to claim it, its result, two to end it"


async def test_a_fork_of_a_hundred(tmp_path: Path, report_figure: Callable[[str], None]) -> None:
    """Created, spawned, joined and ended: four transactions, and nobody claims in vain.

    The loop is a user's, so each of them goes through the writer's thread and wakes who watches.
    """
    store, runner = await _opened(tmp_path)
    wide = workflow("wide", fork(*[increment] * 100) >> sum)
    async with runner:
        meter = Meter(store, tmp_path / "a.db")
        await runner.run(wide, "warm", 0)
        statements, commits, pages = await meter.count(runner.run(wide, "wide", 0))
    await store.close()
    report_figure(
        f"SQLite, a fork of 100: {statements} statements, {commits} commits, "
        f"{pages * FRAME_BYTES / 1_000:,.0f} kB of log"
    )
    assert statements <= 260, "an update and the share of one insert for each arm"
    assert commits <= 5, "a claim may come between, by the machine's load"
    assert pages <= 56


def test_the_file_is_read_by_pages_as_pinned(tmp_path: Path) -> None:
    """The figures above count pages of this size."""

    async def main() -> int:
        store = await SqliteStore.open(tmp_path / "a.db")
        connection = store._writer.connection
        assert connection is not None
        (size,) = connection.execute("pragma page_size").fetchone()
        await store.close()
        return int(size)

    assert asyncio.run(main()) == PAGE_BYTES


async def test_the_log_grows_ahead_of_its_commits(tmp_path: Path) -> None:
    """Opening makes no large file, and few of a thousand commits make it longer."""
    file = tmp_path / "orders.db"
    log = file.with_name("orders.db-wal")
    store = await SqliteStore.open(file)
    try:
        sizes = [log.stat().st_size]
        assert sizes[0] < 100_000
        for number in range(400):
            await store.create(new_instance(f"a-{number}"))
            sizes.append(log.stat().st_size)
        longer = sum(before < after for before, after in pairwise(sizes))
        # Each length is reached by a commit, and doubled by the next one.
        assert longer <= 2 * (1 + log2(FULL_BYTES / LEAST_BYTES))
        assert sizes[-1] == FULL_BYTES
    finally:
        await store.close()


def test_the_length_of_the_log_is_asked_for_without_its_times(tmp_path: Path) -> None:
    """A `stat` before each commit made it 60 us longer: it has the next write note a new time."""
    log = tmp_path / "orders.db-wal"
    log.write_bytes(bytes(FULL_BYTES))
    growth, called = WalGrowth(log), list[str]()

    def note(frame: FrameType, event: str, function: Any) -> None:
        if event == "c_call":
            called.append(function.__name__)

    growth.keep_ahead()
    sys.setprofile(note)
    try:
        growth.keep_ahead()
    finally:
        sys.setprofile(None)
        growth.close()
    assert called[:-1] == ["lseek"], "and the end of this very look"


def test_a_log_that_has_become_longer_is_doubled_up_to_its_full_length(tmp_path: Path) -> None:
    log = tmp_path / "orders.db-wal"
    growth = WalGrowth(log)
    growth.keep_ahead()
    assert not log.exists(), "whose file it is is SQLite's to say"
    log.write_bytes(b"frames")
    lengths = list[int]()
    for _ in range(12):
        growth.keep_ahead()
        lengths.append(log.stat().st_size)
        with log.open("ab") as file:
            file.write(b"frame")
    growth.close()
    assert lengths[0] == 6 + LEAST_BYTES
    assert all(after - before <= before + 10 for before, after in pairwise(lengths))
    assert FULL_BYTES <= lengths[-1] < FULL_BYTES + 12 * 5
    assert log.read_bytes().startswith(b"frames\0")
