"""Timeouts: of attempts and of whole instances, wherever those stand."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import (
    RetryPolicy,
    TaskContext,
    TaskTimedOut,
    WorkflowTimedOut,
    await_signal,
    delay,
    fork,
    task,
    workflow,
)
from sayiir.status import Completed, Failed, Waiting
from tests.engine.bench import eventually
from tests.engine.corpus import add, inc, upto

if TYPE_CHECKING:
    from sayiir.testing.clock import MovedClock
    from tests.engine.bench import Bench

pytestmark = pytest.mark.anyio


@task
async def sleeps(n: int) -> int:
    await asyncio.sleep(3600)
    return n


async def test_an_async_task_is_cancelled(bench: Bench) -> None:
    cancelled: list[str] = []

    @task(timeout="20ms")
    async def hangs(n: int) -> int:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.append("yes")
            raise
        return n

    status = await bench.run(workflow("w", hangs), 1)
    assert isinstance(status, Failed)
    assert (status.error.kind, status.error.task) == ("TaskTimedOut", "hangs")
    assert cancelled == ["yes"]
    with pytest.raises(TaskTimedOut):
        await bench.client.result("i")


async def test_a_task_that_swallows_its_cancellation_timed_out_all_the_same(bench: Bench) -> None:
    @task(timeout="20ms")
    async def stubborn(n: int) -> int:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            return n
        return n

    status = await bench.run(workflow("w", stubborn), 1)
    assert isinstance(status, Failed)
    assert status.error.kind == "TaskTimedOut"


@pytest.mark.parametrize("awaits", [False, True])
async def test_a_task_that_blocks_the_loop_beyond_its_timeout_timed_out(
    bench: Bench, awaits: bool
) -> None:
    """No timer can fire meanwhile; it mustn't matter whether there is an ``await`` after it."""

    @task(timeout="20ms")
    async def blocks(n: int) -> int:
        time.sleep(0.03)
        if awaits:
            await asyncio.sleep(0.001)
        return n

    status = await bench.run(workflow("w", blocks), 1)
    assert isinstance(status, Failed)
    assert status.error.kind == "TaskTimedOut"
    assert ("the event loop was blocked meanwhile" in status.error.message) is not awaits
    assert await bench.paths() == []


async def test_what_blocks_the_loop_beyond_the_workflows_timeout_is_late_too(bench: Bench) -> None:
    @task(run_in="loop")
    def blocks(n: int) -> int:
        time.sleep(0.06)
        return n

    flow = workflow("w", blocks, timeout="50ms")
    status = await bench.runner.run(flow, "i", 1)
    assert isinstance(status, Failed)
    assert status.error.kind == "WorkflowTimedOut"


async def test_a_thread_is_left_behind_and_its_result_refused(bench: Bench) -> None:
    go, told = threading.Event(), []

    @task(timeout="30ms")
    def hangs(n: int, ctx: TaskContext) -> int:
        go.wait(10)
        try:
            ctx.check_cancelled()
        except Exception as error:
            told.append(type(error).__name__)
        return n

    began = time.monotonic()
    status = await bench.run(workflow("w", hangs), 1)
    assert time.monotonic() - began < 5
    go.set()
    assert isinstance(status, Failed)
    assert status.error.kind == "TaskTimedOut"
    await eventually(lambda: told)
    assert told == ["WorkflowCancelled"]
    assert await bench.paths() == []


async def test_a_timeout_error_of_the_users_own_is_no_timeout(bench: Bench) -> None:
    @task(timeout="10s")
    async def raises(n: int) -> int:
        raise TimeoutError("the bank did not answer")

    status = await bench.run(workflow("w", raises), 1)
    assert isinstance(status, Failed)
    assert (status.error.kind, status.error.type_name) == ("TaskFailed", "TimeoutError")


async def test_each_attempt_has_the_whole_timeout(bench: Bench) -> None:
    starts: list[int] = []

    @task(timeout="60ms", retries=RetryPolicy(max_retries=2, initial_delay=0))
    async def slow(n: int) -> int:
        starts.append(n)
        await asyncio.sleep(0.04 if len(starts) == 3 else 60)
        return n

    assert await bench.run(workflow("w", slow), 1) == Completed(1)
    assert len(starts) == 3


# -- of the whole instance


async def test_a_workflows_timeout_stops_a_running_task(bench: Bench) -> None:
    flow = workflow("w", inc >> sleeps, timeout="50ms")
    status = await bench.runner.run(flow, "i", 1)
    assert isinstance(status, Failed)
    assert status.error.kind == "WorkflowTimedOut"
    with pytest.raises(WorkflowTimedOut):
        await bench.client.result("i")
    assert await bench.paths() == ["inc"]


@pytest.mark.parametrize(
    "rest",
    [delay("2h"), await_signal("s", int), await_signal("s", int, timeout="3h", default=1)],
    ids=["delay", "signal", "signal_with_timeout"],
)
async def test_a_workflows_timeout_ends_what_is_parked(bench: Bench, rest: Any) -> None:
    flow = workflow("w", inc >> rest >> inc, timeout="1h")
    await bench.runner.run(flow, "i", 1)
    bench.clock.shift(3599)
    assert not isinstance(await bench.runner.resume(flow, "i"), Failed)
    bench.clock.shift(2)
    status = await bench.runner.resume(flow, "i")
    assert isinstance(status, Failed)
    assert status.error.kind == "WorkflowTimedOut"


async def test_a_workflows_timeout_ends_what_waits_for_its_arms(bench: Bench) -> None:
    flow = workflow("w", fork(delay("2h"), delay("3h")) >> add, timeout="1h")
    assert isinstance(await bench.runner.run(flow, "i", 1), Waiting)
    bench.clock.shift(3601)
    status = await bench.runner.resume(flow, "i")
    assert isinstance(status, Failed)
    assert status.error.kind == "WorkflowTimedOut"
    bench.clock.shift(36000)
    assert await bench.runner.resume_all([flow]) == 0


async def test_a_workflows_timeout_is_not_collected(bench: Bench) -> None:
    flow = workflow("w", upto >> (delay("2h") >> inc).map(on_error="collect"), timeout="1h")
    await bench.runner.run(flow, "i", 2)
    bench.clock.shift(3601)
    status = await bench.runner.resume(flow, "i")
    assert isinstance(status, Failed)
    assert status.error.kind == "WorkflowTimedOut"


async def test_a_retried_instance_has_the_whole_timeout_again(bench: Bench) -> None:
    flow = workflow("w", delay("90m") >> inc, timeout="1h")
    await bench.runner.run(flow, "i", 1)
    bench.clock.shift(3601)
    assert isinstance(await bench.runner.resume(flow, "i"), Failed)
    await bench.client.retry("i")
    bench.clock.shift(1800)
    assert await bench.runner.resume(flow, "i") == Completed(2)


async def test_running_arms_are_stopped_when_the_workflow_times_out(bench: Bench) -> None:
    """The root only waits; its arms learn of it while they run."""
    flow = workflow("w", fork(sleeps, sleeps) >> add, timeout="1h")
    running = asyncio.ensure_future(bench.runner.run(flow, "i", 1))
    async with asyncio.timeout(10):
        while await _leased(bench) != 2:
            await asyncio.sleep(0.005)
    bench.clock.shift(3601)
    await bench.clock.advance("2s")
    async with asyncio.timeout(10):
        status = await running
    assert isinstance(status, Failed)
    assert status.error.kind == "WorkflowTimedOut"


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
async def test_nothing_starts_once_the_workflow_has_timed_out(bench: Bench, is_async: bool) -> None:
    """Not even what would come to its end before it first waits for something."""
    begun = 0

    def begins(n: int) -> int:
        nonlocal begun
        begun += 1
        until = time.monotonic() + 0.03
        while time.monotonic() < until:  # the deadline passes while the loop stands still
            pass
        return n

    async def begins_async(n: int) -> int:
        return begins(n)

    one = task("begins")(begins_async) if is_async else task("begins", run_in="loop")(begins)
    flow = workflow("w", one >> one >> one, timeout="20ms")
    status = await bench.runner.run(flow, "i", 1)
    assert isinstance(status, Failed)
    assert status.error.kind == "WorkflowTimedOut"
    assert begun <= 1
    with pytest.raises(WorkflowTimedOut):
        await flow.arun(1)
    assert begun <= 2


async def test_no_attempt_follows_a_backoff_that_outlasts_the_workflow(bench: Bench) -> None:
    """Simulated seed 1149: it began once more, and was stopped where it first waited."""
    attempts = 0

    @task(retries=RetryPolicy(max_retries=5, initial_delay=4, jitter="none"))
    async def fails(n: int) -> int:
        nonlocal attempts
        attempts += 1
        raise ValueError("not yet")

    flow = workflow("w", fails, timeout="50ms")
    running = asyncio.ensure_future(bench.runner.run(flow, "i", 1))
    async with asyncio.timeout(10):
        while attempts == 0 or not await _leased(bench):
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.06)
        while not running.done():
            await bench.clock.advance("5s")
    assert isinstance(await running, Failed)
    assert attempts == 1


async def _leased(bench: Bench) -> int:
    record = await bench.store.describe("i")
    return 0 if record is None else record.leased


# -- in memory


async def test_in_memory_an_attempt_and_a_workflow_time_out(clock: MovedClock) -> None:
    @task(timeout="20ms")
    async def hangs(n: int) -> int:
        await asyncio.sleep(3600)
        return n

    with pytest.raises(TaskTimedOut):
        await workflow("w", hangs).arun(1)
    with pytest.raises(WorkflowTimedOut):
        await workflow("w", sleeps, timeout="20ms").arun(1)
    running = asyncio.ensure_future(
        workflow("w", delay("2h") >> inc, timeout="1h").arun(1, clock=clock)
    )
    await clock.advance("61m")
    with pytest.raises(WorkflowTimedOut):
        await running


async def test_in_memory_a_workflow_times_out_while_its_arms_run() -> None:
    with pytest.raises(WorkflowTimedOut):
        async with asyncio.timeout(5):
            await workflow("w", fork(sleeps, sleeps) >> add, timeout="30ms").arun(1)
