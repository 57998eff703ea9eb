"""Workers that are told to stop: they drain, give back what is left, and are gone."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

import pytest

from sayiir import RetryPolicy, StoreUnavailable, TaskContext, fork, task, workflow
from tests.engine.bench import Bench, eventually
from tests.engine.corpus import add, double, inc
from tests.engine.workers import Gated, chain, eventually_async, is_leased, leases_of, worker

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.anyio


async def test_a_drained_worker_finishes_what_runs_and_gives_the_rest_back(bench: Bench) -> None:
    """Each running task's result is stored; what follows it is ready for others at once."""
    gated, after = Gated(), Gated("after")
    flow = workflow("w", gated.task >> after.task)
    for n in range(6):
        await bench.client.submit(flow, f"i{n}", n)
    first = worker(bench, flow, concurrency=4)
    await first.start()
    await eventually(lambda: gated.now == 4)
    leaving = asyncio.ensure_future(first.shutdown())
    await asyncio.sleep(0.02)
    assert not leaving.done(), "it waits for its tasks"
    gated.gate.set()
    await asyncio.wait_for(leaving, 5)
    assert (gated.begun, after.begun) == (4, 0)
    for n in range(6):
        assert await leases_of(bench.store, f"i{n}") == (0, 1), "no lease is left"
    stored = [len(await bench.paths(f"i{n}")) for n in range(6)]
    assert sorted(stored) == [0, 0, 1, 1, 1, 1]
    after.gate.set()
    async with worker(bench, flow):
        for n in range(6):
            assert await bench.client.result(f"i{n}", flow, timeout=10) == n
    assert gated.begun == 6, "nothing that was stored has run again"


@pytest.mark.alone
async def test_what_outlives_the_grace_is_cancelled_and_given_back(
    bench: Bench, promised: Callable[[float], float]
) -> None:
    cleaned: list[int] = []

    @task
    async def long(n: int) -> int:
        try:
            await asyncio.sleep(3600)
        finally:
            cleaned.append(n)
        return n

    flow = workflow("w", long)
    await bench.client.submit(flow, "i", 1)
    async with worker(bench, flow, grace="50ms"):
        await eventually_async(lambda: is_leased(bench.store, "i"))
        began = time.monotonic()
    assert time.monotonic() - began < promised(2)
    assert cleaned == [1]
    assert await leases_of(bench.store, "i") == (0, 1)


@pytest.mark.alone
async def test_a_task_that_clings_to_its_slot_does_not_keep_the_worker(
    bench: Bench, promised: Callable[[float], float]
) -> None:
    release = asyncio.Event()

    @task
    async def clings(n: int) -> int:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        return n

    flow = workflow("w", clings)
    await bench.client.submit(flow, "i", 1)
    leaving = worker(bench, flow, grace=0)
    await leaving.start()
    await eventually_async(lambda: is_leased(bench.store, "i"))
    began = time.monotonic()
    await leaving.shutdown()
    assert time.monotonic() - began < promised(2)
    assert await leases_of(bench.store, "i") == (0, 1)
    release.set()
    await asyncio.sleep(0.02)
    assert await bench.paths("i") == [], "what it writes later is refused"


async def test_a_backoff_that_is_slept_here_is_given_back_at_once(bench: Bench) -> None:
    @task(retries=RetryPolicy(max_retries=1, initial_delay="4s", jitter="none"))
    async def fails_once(n: int, ctx: TaskContext) -> int:
        if ctx.attempt == 1:
            raise ValueError
        return n

    flow = workflow("w", fails_once)
    await bench.client.submit(flow, "i", 1)
    leaving = worker(bench, flow)
    await leaving.start()
    await eventually(lambda: bench.clock.sleepers >= 2)
    await asyncio.wait_for(leaving.shutdown(), 5)
    record = await bench.store.describe("i")
    assert record is not None
    assert record.leased == 0
    async with worker(bench, flow):
        await eventually(lambda: bench.clock.sleepers)
        await bench.clock.advance("5s")
        assert await bench.client.result("i", flow, timeout=10) == 1


async def test_a_spawn_while_it_drains_keeps_no_arms(bench: Bench) -> None:
    gated = Gated()
    flow = workflow("w", gated.task >> fork(inc, double) >> add)
    await bench.client.submit(flow, "i", 1)
    leaving = worker(bench, flow)
    await leaving.start()
    await eventually(lambda: gated.now == 1)
    closing = asyncio.ensure_future(leaving.shutdown())
    await asyncio.sleep(0.01)
    gated.gate.set()
    await asyncio.wait_for(closing, 5)
    assert await leases_of(bench.store, "i") == (0, 2)
    async with worker(bench, flow):
        assert await bench.client.result("i", flow, timeout=10) == 4


async def test_closing_twice_and_at_once_is_closing_once(bench: Bench) -> None:
    one = worker(bench)
    await one.start()
    await asyncio.gather(one.shutdown(), one.shutdown())
    await one.shutdown()
    with pytest.raises(StoreUnavailable, match="shut down"):
        await one.start()


async def test_a_worker_that_never_started_is_shut_down_quietly(bench: Bench) -> None:
    await worker(bench).shutdown()


async def test_shutdown_that_is_cancelled_leaves_at_once(bench: Bench) -> None:
    gated = Gated()
    flow = workflow("w", gated.task)
    await bench.client.submit(flow, "i", 1)
    one = worker(bench, flow)
    await one.start()
    await eventually(lambda: gated.now == 1)
    closing = asyncio.ensure_future(one.shutdown())
    await asyncio.sleep(0.01)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(closing, 5)
    assert await leases_of(bench.store, "i") == (0, 1)


async def test_no_thread_or_task_is_left(bench: Bench) -> None:
    # What the store itself keeps, such as its ear for others' changes, begins with the first.
    async with worker(bench):
        pass
    before = set(asyncio.all_tasks())
    async with worker(bench):
        await bench.client.submit(chain, "i", 1)
        await bench.client.result("i", chain, timeout=10)
    assert set(asyncio.all_tasks()) <= before
    assert not any(each.name == "sayiir-leases" for each in threading.enumerate())
