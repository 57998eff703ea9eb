"""A root's end in two statements leaves the rows that the long way leaves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from sayiir.stores.records import End, Retry
from sayiir.stores.sqlite import commit, quick
from sayiir.stores.sqlite.store import SqliteStore
from sayiir.testing.clock import MovedClock
from sayiir.testing.contract.bench import SECOND_US, Bench

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sayiir.stores.records import Claimed

    Case: TypeAlias = Callable[[Bench, Claimed], Awaitable[Claimed]]

LONG_AGO = 3_600.0


async def plain(_: Bench, root: Claimed) -> Claimed:
    return root


async def failed_before(bench: Bench, root: Claimed) -> Claimed:
    await bench.commit(root, Retry(error=b"error", wait_us=SECOND_US, in_place=True))
    bench.later(2)
    return root


async def interrupted(bench: Bench, _: Claimed) -> Claimed:
    bench.later(LONG_AGO)
    return await bench.claim_one()


async def spawning(bench: Bench, root: Claimed) -> Claimed:
    await bench.spawn(root, 2, total=5)
    return root


async def cancelled(bench: Bench, root: Claimed) -> Claimed:
    await bench.store.request_cancel("i", "reason")
    return root


async def paused(bench: Bench, root: Claimed) -> Claimed:
    await bench.store.request_pause("i")
    return root


async def rows_after_an_end(case: Case) -> tuple[list[Any], Any]:
    """All that is stored of the instance, and what its holder was told."""
    clock = MovedClock()
    store = await SqliteStore.open(None, clock)
    try:
        bench = Bench(store, clock)
        root = await case(bench, await bench.start(timeout_us=10**12))
        bench.later(1)
        answer = await bench.write(root, End(output="output"))
        connection = store._writer.connection
        assert connection is not None
        tables = ("instance", "work_item", "event")
        rows = [connection.execute(f"select * from {table}").fetchall() for table in tables]
    finally:
        await store.close()
    return rows, answer


def no_way(*_: object) -> None:
    """Nothing is quick."""


@pytest.mark.parametrize(
    ("case", "quickly"),
    [
        (plain, True),
        (failed_before, True),
        (interrupted, True),
        (spawning, False),
        (cancelled, False),
        (paused, False),
    ],
)
def test_both_ways_leave_the_same(
    case: Case, quickly: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    went: list[bool] = []
    end_root = quick._end_root

    def noted(*given: Any) -> bool:
        went.append(end_root(*given))
        return went[-1]

    monkeypatch.setattr(quick, "_end_root", noted)
    found = asyncio.run(rows_after_an_end(case))
    assert went == [quickly]
    monkeypatch.setattr(commit, "quick_way", no_way)
    assert found == asyncio.run(rows_after_an_end(case))
