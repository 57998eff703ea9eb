"""Workers that are lost: interruptions, their limit, and suspects that run alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import (
    RetryPolicy,
    TaskContext,
    WorkerLost,
    await_signal,
    delay,
    fork,
    task,
    workflow,
)
from sayiir.status import Completed, Failed
from tests.engine.bench import LEASE_OVER_SECONDS, CrashingStore, eventually
from tests.engine.corpus import inc

if TYPE_CHECKING:
    from tests.engine.bench import Bench

pytestmark = pytest.mark.anyio


class Broken(Exception):
    """A user's own error."""


async def test_ten_interruptions_in_a_row_end_the_instance(bench: Bench) -> None:
    """Each process dies while the task runs: its lease ends without a word."""
    attempts: list[int] = []

    @task
    async def poison(n: int, ctx: TaskContext) -> int:
        attempts.append(ctx.attempt)
        await asyncio.sleep(3600)
        return n

    flow = workflow("w", inc >> poison)
    await bench.client.submit(flow, "i", 1)
    for _ in range(10):
        await die_while_running(bench, flow, attempts)
        bench.clock.shift(LEASE_OVER_SECONDS)
    status = await bench.runner.resume(flow, "i")
    assert isinstance(status, Failed)
    assert (status.error.kind, status.error.path) == ("WorkerLost", "poison")
    assert attempts == list(range(1, 11))
    with pytest.raises(WorkerLost):
        await bench.client.result("i")


async def die_while_running(bench: Bench, flow: Any, attempts: list[int]) -> None:
    """A runner that is dropped without giving anything back."""
    store = CrashingStore(bench.store, -1, written=False)
    runner = bench.new_runner(store)
    before = len(attempts)
    running = asyncio.ensure_future(runner.resume(flow, "i"))
    await eventually(lambda: len(attempts) > before)
    store.dead = True
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await runner.close()


async def test_interruptions_count_as_attempts_and_a_commit_resets_the_limit(bench: Bench) -> None:
    attempts: list[int] = []

    @task(retries=RetryPolicy(max_retries=1, initial_delay=0))
    async def poison(n: int, ctx: TaskContext) -> int:
        attempts.append(ctx.attempt)
        if len(attempts) == 9:
            raise Broken
        if len(attempts) == 15:
            return n
        await asyncio.sleep(3600)
        return n

    flow = workflow("w", poison)
    await bench.client.submit(flow, "i", 1)
    for _ in range(8):
        await die_while_running(bench, flow, attempts)
        bench.clock.shift(LEASE_OVER_SECONDS)
    # The ninth attempt fails and is committed, the tenth dies again.
    await die_while_running_after(bench, flow, attempts, 10)
    for _ in range(4):
        bench.clock.shift(LEASE_OVER_SECONDS)
        await die_while_running(bench, flow, attempts)
    bench.clock.shift(LEASE_OVER_SECONDS)
    assert await bench.runner.resume(flow, "i") == Completed(1)
    assert attempts == list(range(1, 16))


async def die_while_running_after(bench: Bench, flow: Any, attempts: list[int], count: int) -> None:
    """As ``die_while_running``, once so many attempts have begun."""
    store = CrashingStore(bench.store, -1, written=False)
    runner = bench.new_runner(store)
    running = asyncio.ensure_future(runner.resume(flow, "i"))
    await eventually(lambda: len(attempts) >= count)
    store.dead = True
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await runner.close()


async def only_one_runs(bench: Bench) -> None:
    """The others have come to their ends, or to where they wait."""
    async with asyncio.timeout(10):
        while True:
            record = await bench.store.describe("i")
            if record is not None and (record.leased, record.ready) == (1, 0):
                return
            await asyncio.sleep(0.005)


async def test_a_suspect_runs_alone(bench: Bench) -> None:
    running: set[str] = set()
    together: list[set[str]] = []
    hang = [True]

    def arm(name: str) -> Any:
        async def run(n: int) -> int:
            running.add(name)
            together.append(set(running))
            if name == "poison" and hang[0]:
                await asyncio.sleep(3600)
            await asyncio.sleep(0.01)
            running.discard(name)
            return n

        return task(name)(run)

    attempts: list[int] = []

    @task
    async def mark(n: int) -> int:
        attempts.append(n)
        return n

    flow = workflow(
        "w",
        fork(arm("poison"), *(arm(f"arm{i}") >> delay("1s") >> arm(f"later{i}") for i in range(5))),
    )
    await bench.client.submit(flow, "i", 1)
    for _ in range(2):
        store = CrashingStore(bench.store, -1, written=False)
        runner = bench.new_runner(store)
        driving = asyncio.ensure_future(runner.resume(flow, "i"))
        await eventually(lambda: "poison" in running)
        await only_one_runs(bench)
        store.dead = True
        driving.cancel()
        await asyncio.gather(driving, return_exceptions=True)
        running.clear()
        bench.clock.shift(LEASE_OVER_SECONDS)
    hang[0] = False
    together.clear()
    assert isinstance(await bench.runner.resume(flow, "i"), Completed)
    with_poison = [names for names in together if "poison" in names]
    assert with_poison == [{"poison"}]


async def test_nothing_starts_after_the_call_has_ended(bench: Bench) -> None:
    """Suspects stand in line behind one that takes the whole call with it."""
    started: list[str] = []
    lives = [0]

    def arm(name: str) -> Any:
        @task(name)
        async def run(n: int) -> int:
            started.append(name)
            if lives[0] == 2:
                if len(started) == 1:
                    raise SystemExit(3)
                return n
            await asyncio.sleep(3600)
            return n

        return run

    flow = workflow("w", fork(*(arm(f"arm{number}") for number in range(4))))
    await bench.client.submit(flow, "i", 1)
    for _ in range(2):
        store = CrashingStore(bench.store, -1, written=False)
        runner = bench.new_runner(store)
        driving = asyncio.ensure_future(runner.resume(flow, "i"))
        await eventually(lambda: len(started) == 4)
        store.dead = True
        driving.cancel()
        await asyncio.gather(driving, return_exceptions=True)
        started.clear()
        lives[0] += 1
        bench.clock.shift(LEASE_OVER_SECONDS)
    with pytest.raises(SystemExit):
        await bench.runner.resume(flow, "i")
    await asyncio.sleep(0.05)
    assert len(started) == 1
    record = await bench.store.describe("i")
    assert record is not None
    assert (record.leased, record.ready) == (0, 4), "all is given back"
    assert await bench.runner.resume(flow, "i") == Completed((1, 1, 1, 1))


@pytest.mark.parametrize("lost", [False, True], ids=["given back", "lost"])
async def test_a_default_that_was_taken_stays(bench: Bench, lost: bool) -> None:
    """An event that comes while the next task runs doesn't change what that task is given."""
    given: list[int] = []

    @task
    async def follow(n: int) -> int:
        given.append(n)
        if len(given) == 1:
            await asyncio.sleep(3600)
        return n

    flow = workflow("w", await_signal("s", int, timeout="1m", default=-1) >> follow)
    await bench.runner.run(flow, "i", 0)
    bench.clock.shift(60)
    store = CrashingStore(bench.store, -1, written=False)
    runner = bench.new_runner(store)
    running = asyncio.ensure_future(runner.resume(flow, "i"))
    await eventually(lambda: bool(given))
    await bench.client.send_event("i", "s", 5)
    store.dead = lost
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await runner.close()
    bench.clock.shift(LEASE_OVER_SECONDS)
    assert await bench.runner.resume(flow, "i") == Completed(-1)
    assert given == [-1, -1]
