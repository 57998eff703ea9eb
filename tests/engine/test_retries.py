"""Retries: how often, after what, how long apart."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import (
    PayloadError,
    RetryPolicy,
    TaskContext,
    TaskFailed,
    branch,
    delay,
    fork,
    task,
    workflow,
)
from sayiir.status import Completed, Failed, InProgress, Waiting
from tests.engine.corpus import add, inc

if TYPE_CHECKING:
    from sayiir.testing.clock import MovedClock
    from tests.engine.bench import Bench

pytestmark = pytest.mark.anyio

AT_ONCE = RetryPolicy(max_retries=3, initial_delay=0, jitter="none")


def failing(times: int, error: type[Exception] = ValueError, **options: Any) -> Any:
    """A task that fails so often, and the attempts that it saw."""
    seen: list[int] = []

    @task("flaky", **options)
    async def flaky(n: int, ctx: TaskContext) -> int:
        seen.append(ctx.attempt)
        if len(seen) <= times:
            raise error(f"attempt {ctx.attempt}")
        return n

    return flaky, seen


@pytest.mark.parametrize(("retries", "starts"), [(0, 1), (1, 2), (3, 4)])
async def test_a_count_bounds_the_retries(bench: Bench, retries: int, starts: int) -> None:
    policy = RetryPolicy(max_retries=retries, initial_delay=0)
    flaky, seen = failing(99, retries=policy)
    status = await bench.run(workflow("w", flaky), 1)
    assert isinstance(status, Failed)
    assert seen == list(range(1, starts + 1))
    assert status.error.attempt == starts
    assert status.error.message == f"attempt {starts}"


async def test_success_at_the_last_attempt(bench: Bench) -> None:
    flaky, seen = failing(3, retries=AT_ONCE)
    assert await bench.run(workflow("w", inc >> flaky >> inc), 1) == Completed(3)
    assert seen == [1, 2, 3, 4]
    history = await bench.client.task_results("i")
    assert [entry.attempts for entry in history] == [1, 4, 1]


async def test_in_memory_as_well() -> None:
    flaky, seen = failing(2, retries=AT_ONCE)
    assert await workflow("w", flaky).arun(7) == 7
    assert seen == [1, 2, 3]
    flaky, _ = failing(9, KeyError)
    with pytest.raises(TaskFailed) as failed:
        await workflow("w", flaky).arun(7)
    assert isinstance(failed.value.__cause__, KeyError)


async def test_retry_on_and_give_up_on(bench: Bench) -> None:
    policy = RetryPolicy(
        max_retries=3, initial_delay=0, retry_on=LookupError, give_up_on=(KeyError,)
    )
    for number, (error, starts) in enumerate([(IndexError, 4), (KeyError, 1), (ValueError, 1)]):
        flaky, seen = failing(99, error, retries=policy)
        await bench.run(workflow("w", flaky), 1, f"i{number}")
        assert len(seen) == starts, error


async def test_give_up_on_timeouts_does_not_stop_other_retries(bench: Bench) -> None:
    """A timeout counts as a failure that is retried."""
    starts: list[int] = []

    @task(timeout="10ms", retries=AT_ONCE)
    async def slow(n: int) -> int:
        starts.append(n)
        if len(starts) < 3:
            await asyncio.sleep(60)
        return n

    assert await bench.run(workflow("w", slow), 1) == Completed(1)
    assert len(starts) == 3


async def test_waits_grow_and_are_bounded(bench: Bench) -> None:
    policy = RetryPolicy(
        max_retries=4, initial_delay="10s", backoff_multiplier=3, max_delay="60s", jitter="none"
    )
    flaky, seen = failing(4, retries=policy)
    flow = workflow("w", flaky)
    status = await bench.runner.run(flow, "i", 1)
    waited = []
    while isinstance(status, Waiting):
        assert status.path == "flaky"
        waited.append(status.wake_at.timestamp() - bench.clock.now_us() / 1e6)
        bench.clock.set(status.wake_at - timedelta(seconds=1))
        assert await bench.runner.resume(flow, "i") == status
        bench.clock.set(status.wake_at)
        status = await bench.runner.resume(flow, "i")
    assert status == Completed(1)
    assert waited == pytest.approx([10, 30, 60, 60])
    assert seen == [1, 2, 3, 4, 5]


async def test_jitter_stays_within_its_bounds(bench: Bench) -> None:
    policy = RetryPolicy(max_retries=60, initial_delay="1h", backoff_multiplier=1, max_delay="1h")
    flaky, _ = failing(99, retries=policy)
    flow = workflow("w", flaky)
    random.seed(5)
    status = await bench.runner.run(flow, "i", 1)
    waited = []
    for _ in range(40):
        if isinstance(status, Waiting):
            waited.append(status.wake_at.timestamp() - bench.clock.now_us() / 1e6)
            bench.clock.set(status.wake_at)
        status = await bench.runner.resume(flow, "i")
    assert all(0 <= seconds <= 3600 for seconds in waited)
    assert min(waited) < 900
    assert max(waited) > 2700


async def test_a_short_backoff_is_slept_in_place(bench: Bench) -> None:
    policy = RetryPolicy(max_retries=1, initial_delay="4s", jitter="none")
    flaky, seen = failing(1, retries=policy)
    flow = workflow("w", flaky)
    running = asyncio.ensure_future(bench.runner.run(flow, "i", 1))
    async with asyncio.timeout(10):
        while not await _failed_once(bench):
            await asyncio.sleep(0.005)
    status = await bench.client.status("i")
    assert isinstance(status, InProgress), "it keeps its lease, so it doesn't wait in the store"
    await bench.clock.advance("3s")
    assert seen == [1]
    # It may have begun to sleep a little later than the store had its failure.
    async with asyncio.timeout(10):
        while not running.done():
            await bench.clock.advance("500ms")
            await asyncio.sleep(0.001)
    assert await running == Completed(1)
    assert seen == [1, 2]


async def _failed_once(bench: Bench) -> bool:
    found = await bench.store.inspect("i")
    return found is not None and [item.failures for item in found.items] == [1]


async def test_an_arm_retries_alone(bench: Bench) -> None:
    policy = RetryPolicy(max_retries=1, initial_delay="1h", max_delay="1h", jitter="none")
    flaky, _ = failing(1, retries=policy)
    flow = workflow("w", fork(flaky, inc >> inc) >> add)
    status = await bench.runner.run(flow, "i", 1)
    assert isinstance(status, Waiting)
    assert status.path == "fork[0]/flaky"
    assert await bench.paths() == ["fork[1]/inc", "fork[1]/inc#2"]
    assert await bench.to_end(flow, status) == Completed(4)


async def test_branch_keys_and_moments_are_retried_as_tasks(bench: Bench) -> None:
    asked: list[int] = []

    @task(retries=AT_ONCE)
    async def key(n: int) -> str:
        asked.append(n)
        if len(asked) < 3:
            raise ValueError("ask again")
        return "a"

    assert await bench.run(workflow("w", branch(key, {"a": inc}).merge()), 1) == Completed(2)
    assert asked == [1, 1, 1]


async def test_retries_after_a_delay_stay_after_it(bench: Bench) -> None:
    """The first attempt runs at the parked position; the second must not wait the hour again."""
    policy = RetryPolicy(max_retries=1, initial_delay="10s", jitter="none")
    flaky, seen = failing(1, retries=policy)
    flow = workflow("w", delay("1h") >> flaky)
    started = bench.clock.now_us()
    assert await bench.run(flow, 1) == Completed(1)
    assert (bench.clock.now_us() - started) / 1e6 == pytest.approx(3610)
    assert seen == [1, 2]


async def test_payload_errors_are_never_retried(bench: Bench) -> None:
    runs: list[int] = []

    @task(retries=AT_ONCE)
    async def unstorable(n: int) -> Any:
        runs.append(n)
        return object()

    status = await bench.run(workflow("w", unstorable >> inc), 1)
    assert isinstance(status, Failed)
    assert (status.error.kind, status.error.task, status.error.path) == (
        "PayloadError",
        "unstorable",
        "unstorable",
    )
    assert runs == [1]
    with pytest.raises(PayloadError):
        await bench.client.result("i")


async def test_in_memory_backoffs_sleep_on_the_clock(clock: MovedClock) -> None:
    policy = RetryPolicy(max_retries=2, initial_delay="1m", max_delay="1h", jitter="none")
    flaky, seen = failing(2, retries=policy)
    running = asyncio.ensure_future(workflow("w", flaky).arun(1, clock=clock))
    await clock.advance("59s")
    assert seen == [1]
    await clock.advance("2s")
    assert seen == [1, 2]
    await clock.advance("2m")
    assert await running == 1
