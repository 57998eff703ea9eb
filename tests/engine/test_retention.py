"""Stores don't grow without bound: what has ended is swept, loops keep their last iteration."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import (
    Again,
    Done,
    InstanceNotFound,
    await_signal,
    delay,
    fork,
    loop,
    task,
    workflow,
)
from sayiir.client import AsyncWorkflowClient
from sayiir.errors import DefinitionError
from sayiir.runner import AsyncCheckpointingRunner
from sayiir.status import Completed
from sayiir.stores.sqlite import SqliteStore
from tests.engine.corpus import add, double, inc, odd_fails

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sayiir.testing.clock import MovedClock
    from tests.engine.bench import Bench

pytestmark = pytest.mark.anyio

plain = workflow("w", inc >> double)
other = workflow("other", fork(inc, double) >> add)


async def ids(bench: Bench) -> list[str]:
    return sorted(entry.instance_id for entry in await bench.client.list(limit=1_000))


async def test_what_ended_long_ago_goes(bench: Bench) -> None:
    """By age, workflow and end; what has not ended stays however old it is."""
    client, clock = bench.client, bench.clock
    await bench.runner.run(workflow("d", delay("400d")), "parked", 1)
    await bench.runner.run(workflow("s", await_signal("s", int)), "waits", 1)
    await client.submit(plain, "ready", 1)
    await client.submit(plain, "paused", 1)
    await client.pause("paused")
    await client.submit(plain, "cancelled", 1)
    await client.cancel("cancelled")
    await bench.runner.run(workflow("f", odd_fails), "failed", 1)
    await bench.runner.run(plain, "done", 1)
    clock.shift(20 * 86_400)
    await bench.runner.run(other, "other", 1)
    clock.shift(10 * 86_400)
    assert await client.delete_finished("31d") == 0
    assert await client.delete_finished("30d", workflow="nobody's") == 0
    assert await client.delete_finished("30d", status="Cancelled") == 1
    assert await client.delete_finished("30d", limit=0) == 0
    assert await client.delete_finished("30d", limit=1) == 1
    assert await client.delete_finished("30d") == 1
    assert await ids(bench) == ["other", "parked", "paused", "ready", "waits"]
    assert await client.delete_finished(0, workflow=plain) == 0
    assert await client.delete_finished(0, workflow=other, status="Completed") == 1
    with pytest.raises(InstanceNotFound):
        await client.status("other")
    for wrong in ({"status": "Paused"}, {"status": "nope"}, {"limit": -1}):
        with pytest.raises(ValueError):  # noqa: PT011
            await client.delete_finished("1d", **wrong)  # type: ignore[arg-type]
    with pytest.raises(DefinitionError):
        await client.delete_finished("a while")


async def test_a_sweep_comes_in_batches(bench: Bench) -> None:
    """No transaction removes more than a hundred; a retried instance is left alone."""
    for number in range(250):
        await bench.client.submit(plain, f"i{number}", 1)
        await bench.client.cancel(f"i{number}")
    batches: list[int] = []
    sweep = bench.store.delete_finished

    class Counting:
        def __getattr__(self, name: str) -> Any:
            return getattr(bench.store, name)

        async def delete_finished(self, retention: Any) -> int:
            batches.append(await sweep(retention))
            return batches[-1]

    client = AsyncWorkflowClient(Counting())  # type: ignore[arg-type]
    assert await client.delete_finished(0, limit=120) == 120
    assert await client.delete_finished(0) == 130
    assert batches == [100, 20, 100, 30]
    assert await ids(bench) == []


async def test_a_file_that_is_swept_stops_growing(
    tmp_path: Path, clock: MovedClock, report_figure: Callable[[str], None]
) -> None:
    """Twenty rounds of create, run, sweep: the pages that become free are used again."""
    path = tmp_path / "swept.db"
    store = await SqliteStore.open(path, clock)
    runner = AsyncCheckpointingRunner(store, clock=clock)
    pages: list[int] = []
    for number in range(20):
        for each in range(15):
            name = f"{number}-{each}"
            await runner.run(other, name, 1, labels={"round": str(number), "name": name})
        clock.shift(60)
        assert await runner.client.delete_finished(60) == 15
        with closing(sqlite3.connect(path)) as looking:
            pages.append(looking.execute("pragma page_count").fetchone()[0])
            left = {
                table: looking.execute(f"select count(*) from {table}").fetchone()[0]
                for (table,) in looking.execute("select name from sqlite_master where type='table'")
                if not table.startswith("sqlite_")
            }
        kept = {"definition": 1, "queue": 1, "schema_step": 5, "process": 1}
        assert {name: count for name, count in left.items() if count} == kept
    await runner.close()
    await store.close()
    report_figure(f"pages after rounds 1, 5 and 20: {pages[0]}, {pages[4]}, {pages[19]}")
    assert pages[19] <= pages[4]


# -- loops


@task
def step(n: int) -> Again[int] | Done[int]:
    return Done(n) if n in (-1, 999) else Again(n)


@task
def gathered(pair: tuple[int, int]) -> int:
    return pair[0]


@task
def same(n: int) -> int:
    return n


@pytest.mark.parametrize(("history", "start"), [("last", 0), ("all", -200)])
async def test_a_loop_keeps_what_it_says(bench: Bench, history: Any, start: int) -> None:
    """``"last"``: 1,000 iterations leave the rows of two at most; ``"all"``: all of them."""
    body = inc >> fork(same, same) >> gathered >> step
    flow = workflow("w", loop(body, max_iterations=1_000, history=history))
    status = await bench.run(flow, start - 1, "i")
    entries = await bench.client.task_results("i", flow)
    iterations = {entry.path.split("/")[0] for entry in entries}
    if history == "all":
        assert status == Completed(-1)
        assert len(iterations) == 200
        assert len(entries) == 200 * 5
    else:
        assert len(entries) <= 2 * 5
        assert status == Completed(999)
        assert iterations <= {"loop[998]", "loop[999]"}


async def test_rows_of_a_loop_stay_few_while_it_runs(tmp_path: Path, clock: MovedClock) -> None:
    """Every table, at every iteration: results, arms, events, what tasks said."""
    store = await SqliteStore.open(tmp_path / "loop.db", clock)
    looking = sqlite3.connect(tmp_path / "loop.db")
    most: dict[str, int] = {}

    @task
    async def look(n: int) -> Again[int] | Done[int]:
        for table in ("task_result", "work_item", "element", "event", "progress"):
            (count,) = looking.execute(f"select count(*) from {table}").fetchone()
            most[table] = max(most.get(table, 0), count)
        return Done(n) if n >= 1_000 else Again(n)

    wait = await_signal("go", int)
    flow = workflow("w", loop(inc >> fork(same, same) >> gathered >> look, max_iterations=1_000))
    waiting = workflow("s", loop(wait >> look, max_iterations=1_000))
    runner = AsyncCheckpointingRunner(store, clock=clock)
    assert await runner.run(flow, "i", 800) == Completed(1_000)
    assert most["task_result"] <= 2 * 5
    assert most["work_item"] <= 1 + 2 * 2
    await runner.client.submit(waiting, "s", 0)
    for number in range(50):
        await runner.client.send_event("s", "go", number + (number == 49) * 1_000)
        await runner.resume(waiting, "s")
    assert isinstance(await runner.client.status("s"), Completed)
    assert most["event"] <= 2
    looking.close()
    await runner.close()
    await store.close()
