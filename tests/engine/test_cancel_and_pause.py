"""Cancel and pause, in each state an instance can be in."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import (
    InvalidTransition,
    RetryPolicy,
    TaskContext,
    WorkflowCancelled,
    await_signal,
    delay,
    fork,
    task,
    workflow,
)
from sayiir.status import AwaitingSignal, Cancelled, Completed, Failed, InProgress, Paused, Waiting
from tests.engine.bench import eventually
from tests.engine.corpus import add, double, inc, odd_fails, upto

if TYPE_CHECKING:
    from tests.engine.bench import Bench

pytestmark = pytest.mark.anyio


class Gate:
    """A task that stands in the middle until it is let through."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.open = asyncio.Event()
        self.cancelled = 0

        @task("gated")
        async def gated(n: int) -> int:
            self.started.set()
            try:
                await self.open.wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
            return n + 1

        self.task = gated


async def _running(bench: Bench, flow: Any, gate: Gate, value: int = 1) -> asyncio.Future[Any]:
    running = asyncio.ensure_future(bench.runner.run(flow, "i", value))
    await asyncio.wait_for(gate.started.wait(), 5)
    return running


# -- cancel


async def test_a_running_async_task_is_cancelled(bench: Bench) -> None:
    gate = Gate()
    flow = workflow("w", inc >> gate.task >> inc)
    running = await _running(bench, flow, gate)
    await bench.client.cancel("i", "why", "who")
    assert isinstance(await bench.client.status("i"), InProgress), "not before it has stopped"
    status = await asyncio.wait_for(running, 2.5)
    assert status == Cancelled("why", "who")
    assert gate.cancelled == 1
    assert await bench.paths() == ["inc"], "results are kept"
    with pytest.raises(WorkflowCancelled) as cancelled:
        await bench.client.result("i")
    assert (cancelled.value.reason, cancelled.value.cancelled_by) == ("why", "who")


async def test_a_cancelled_tasks_cleanup_is_left_in_peace(bench: Bench) -> None:
    """The request is seen again at every poll, and the task is cancelled once."""
    started, cleaned = asyncio.Event(), []

    @task
    async def careful(n: int) -> int:
        try:
            started.set()
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(1.5)
            cleaned.append(n)
        return n

    running = asyncio.ensure_future(bench.new_runner(lease=0.6).run(workflow("w", careful), "i", 1))
    await asyncio.wait_for(started.wait(), 5)
    await bench.client.cancel("i")
    assert await asyncio.wait_for(running, 5) == Cancelled()
    assert cleaned == [1]


async def test_a_task_that_ignores_its_cancellation_is_left_as_it_was_found(bench: Bench) -> None:
    """What it gives is kept, and its asyncio task isn't cancelled any more afterwards."""
    started, cancelling = asyncio.Event(), []

    @task
    async def deaf(n: int) -> int:
        started.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            own = asyncio.current_task()
            assert own is not None
            own.add_done_callback(lambda done: cancelling.append(own.cancelling()))
        return n

    running = asyncio.ensure_future(bench.runner.run(workflow("w", deaf >> inc), "i", 1))
    await asyncio.wait_for(started.wait(), 5)
    await bench.client.cancel("i")
    assert await asyncio.wait_for(running, 4) == Cancelled()
    assert await bench.paths() == ["deaf"]
    assert cancelling == [0]


async def test_a_thread_stops_at_check_cancelled(bench: Bench) -> None:
    started, rounds = threading.Event(), []

    @task
    def counts(n: int, ctx: TaskContext) -> int:
        started.set()
        for number in range(2000):
            rounds.append(number)
            ctx.check_cancelled()
            threading.Event().wait(0.005)
        return n

    flow = workflow("w", counts)
    running = asyncio.ensure_future(bench.runner.run(flow, "i", 1))
    await eventually(started.is_set)
    await bench.client.cancel("i")
    assert await asyncio.wait_for(running, 4) == Cancelled()
    assert len(rounds) < 1000


async def test_a_thread_that_does_not_ask_is_waited_for(bench: Bench) -> None:
    started, go = threading.Event(), threading.Event()

    @task
    def deaf(n: int) -> int:
        started.set()
        go.wait(10)
        return n

    flow = workflow("w", deaf >> inc)
    running = asyncio.ensure_future(bench.runner.run(flow, "i", 1))
    await eventually(started.is_set)
    await bench.client.cancel("i")
    await asyncio.sleep(1.2)
    assert not running.done()
    go.set()
    assert await asyncio.wait_for(running, 4) == Cancelled()
    assert await bench.paths() == ["deaf"], "what it finished is kept, and nothing follows"


async def test_a_short_backoff_does_not_hold_up_a_cancel(bench: Bench) -> None:
    @task(retries=RetryPolicy(max_retries=9, initial_delay="5s", jitter="none"))
    def flaky(n: int) -> int:
        raise ValueError

    running = asyncio.ensure_future(bench.runner.run(workflow("w", flaky), "i", 1))
    await eventually(lambda: bench.clock.sleepers > 0)
    await bench.client.cancel("i")
    assert await asyncio.wait_for(running, 2.5) == Cancelled()


@pytest.mark.parametrize(
    "rest",
    [delay("1h"), await_signal("s", int), fork(delay("1h"), await_signal("s", int)) >> add],
    ids=["delay", "signal", "arms"],
)
async def test_what_is_parked_is_cancelled_in_the_answer(bench: Bench, rest: Any) -> None:
    flow = workflow("w", inc >> rest >> inc)
    await bench.runner.run(flow, "i", 1)
    await bench.client.cancel("i", "changed my mind")
    assert await bench.client.status("i") == Cancelled("changed my mind")
    bench.clock.shift(9999)
    assert await bench.runner.resume(flow, "i") == Cancelled("changed my mind")
    with pytest.raises(InvalidTransition):
        await bench.client.pause("i")


async def test_arms_partly_claimed(bench: Bench) -> None:
    """One arm runs, one is parked, the others are held back: the running one ends it all."""
    gate = Gate()
    flow = workflow("w", fork(gate.task, delay("1h") >> inc, upto >> inc.map(max_concurrency=1)))
    running = await _running(bench, flow, gate)
    await bench.client.cancel("i")
    assert await asyncio.wait_for(running, 2.5) == Cancelled()
    assert gate.cancelled == 1


async def test_an_acknowledged_cancel_wins_over_the_completion(bench: Bench) -> None:
    gate = Gate()
    flow = workflow("w", gate.task)
    running = await _running(bench, flow, gate)
    await bench.client.cancel("i")
    gate.open.set()
    assert await asyncio.wait_for(running, 2.5) == Cancelled()
    assert await bench.client.get_task_result("i", "gated") == 2, "its result is kept"


async def test_a_cancel_wins_over_a_failure(bench: Bench) -> None:
    started = asyncio.Event()
    go = asyncio.Event()

    @task
    async def fails(n: int) -> int:
        started.set()
        await go.wait()
        raise ValueError

    running = asyncio.ensure_future(bench.runner.run(workflow("w", fails), "i", 1))
    await started.wait()
    await bench.client.cancel("i")
    go.set()
    assert await asyncio.wait_for(running, 2.5) == Cancelled()


async def test_cancelling_twice_is_harmless_and_finished_ones_refuse(bench: Bench) -> None:
    flow = workflow("w", inc)
    await bench.client.submit(flow, "i", 1)
    await bench.client.cancel("i", "first")
    await bench.client.cancel("i", "second")
    assert await bench.client.status("i") == Cancelled("first")
    await bench.runner.run(flow, "done", 1)
    await bench.runner.run(workflow("f", odd_fails), "failed", 1)
    for name in ("done", "failed"):
        with pytest.raises(InvalidTransition):
            await bench.client.cancel(name)


# -- pause


async def test_a_pause_lets_the_running_task_finish(bench: Bench) -> None:
    gate = Gate()
    flow = workflow("w", gate.task >> inc)
    running = await _running(bench, flow, gate)
    await bench.client.pause("i", "lunch", "ops")
    await bench.client.pause("i", "lunch", "ops")
    assert isinstance(await bench.client.status("i"), InProgress), "something of it runs"
    gate.open.set()
    assert await running == Paused("lunch", "ops")
    assert await bench.paths() == ["gated"]
    assert gate.cancelled == 0
    assert await bench.runner.resume(flow, "i") == Paused("lunch", "ops")
    assert await bench.runner.ensure(flow, "i", 1) == Paused("lunch", "ops")
    assert await bench.runner.resume_all([flow]) == 0
    await bench.client.unpause("i")
    assert await bench.runner.resume(flow, "i") == Completed(3)


async def test_a_last_task_under_pause_completes(bench: Bench) -> None:
    gate = Gate()
    flow = workflow("w", gate.task)
    running = await _running(bench, flow, gate)
    await bench.client.pause("i")
    gate.open.set()
    assert await running == Completed(2)


async def test_a_pause_before_anything_ran(bench: Bench) -> None:
    flow = workflow("w", inc)
    await bench.client.submit(flow, "i", 1)
    await bench.client.pause("i")
    assert await bench.client.status("i") == Paused()
    assert await bench.runner.resume(flow, "i", wait=True) == Paused()
    await bench.client.unpause("i")
    assert await bench.runner.resume(flow, "i") == Completed(2)


async def test_delays_go_on_under_a_pause(bench: Bench) -> None:
    flow = workflow("w", delay("1h") >> inc)
    await bench.runner.run(flow, "i", 1)
    await bench.client.pause("i")
    status = await bench.client.status("i")
    assert isinstance(status, Paused)
    assert [parked.path for parked in status.parked] == ["delay"]
    bench.clock.shift(3601)
    assert isinstance(await bench.runner.resume(flow, "i"), Paused)
    await bench.client.unpause("i")
    assert await bench.runner.resume(flow, "i") == Completed(2)


async def test_timeouts_of_waits_go_on_under_a_pause(bench: Bench) -> None:
    flow = workflow("w", await_signal("s", int, timeout="1h", default=7) >> inc)
    await bench.runner.run(flow, "i", 1)
    await bench.client.pause("i")
    bench.clock.shift(3601)
    await bench.client.unpause("i")
    assert await bench.runner.resume(flow, "i") == Completed(8)


async def test_events_are_kept_under_a_pause(bench: Bench) -> None:
    flow = workflow("w", await_signal("s", int) >> inc)
    await bench.runner.run(flow, "i", 1)
    await bench.client.pause("i")
    await bench.client.send_event("i", "s", 4)
    assert isinstance(await bench.runner.resume(flow, "i"), Paused)
    await bench.client.unpause("i")
    assert await bench.runner.resume(flow, "i") == Completed(5)


async def test_arms_stop_where_they_are(bench: Bench) -> None:
    gate = Gate()
    flow = workflow(
        "w",
        fork(gate.task >> inc, delay("1h") >> inc, inc >> double) >> (lambda a, b, c: [a, b, c]),
    )
    running = await _running(bench, flow, gate)
    await bench.client.pause("i")
    gate.open.set()
    assert isinstance(await running, Paused)
    await bench.client.unpause("i")
    status = await bench.runner.resume(flow, "i")
    assert isinstance(status, Waiting)
    assert await bench.to_end(flow, status) == Completed([3, 2, 4])


async def test_the_last_arms_end_under_a_pause_is_joined_later(bench: Bench) -> None:
    gate = Gate()
    flow = workflow("w", fork(gate.task, inc) >> add >> inc)
    running = await _running(bench, flow, gate)
    await bench.client.pause("i")
    gate.open.set()
    assert isinstance(await running, Paused)
    await bench.client.unpause("i")
    assert await bench.runner.resume(flow, "i") == Completed(5)


async def test_a_retry_under_pause_waits_for_the_unpause(bench: Bench) -> None:
    started, go, runs = asyncio.Event(), asyncio.Event(), []

    @task(retries=RetryPolicy(max_retries=1, initial_delay=0))
    async def flaky(n: int) -> int:
        runs.append(n)
        if len(runs) == 1:
            started.set()
            await go.wait()
            raise ValueError
        return n

    flow = workflow("w", flaky)
    running = asyncio.ensure_future(bench.runner.run(flow, "i", 1))
    await started.wait()
    await bench.client.pause("i")
    go.set()
    assert isinstance(await running, Paused)
    assert len(runs) == 1
    await bench.client.unpause("i")
    assert await bench.runner.resume(flow, "i") == Completed(1)


async def test_a_failure_under_pause_fails(bench: Bench) -> None:
    started, go = asyncio.Event(), asyncio.Event()

    @task
    async def fails(n: int) -> int:
        started.set()
        await go.wait()
        raise ValueError

    running = asyncio.ensure_future(bench.runner.run(workflow("w", fails), "i", 1))
    await started.wait()
    await bench.client.pause("i")
    go.set()
    assert isinstance(await running, Failed)


async def test_a_paused_instance_is_cancelled_at_once(bench: Bench) -> None:
    flow = workflow("w", inc >> delay("1h"))
    await bench.runner.run(flow, "i", 1)
    await bench.client.pause("i")
    await bench.client.cancel("i", "enough")
    assert await bench.client.status("i") == Cancelled("enough")


async def test_pausing_and_unpausing_a_running_task_changes_nothing(bench: Bench) -> None:
    """A pause that has not come to rest can be taken back, after the holder has heard of it."""
    gate = Gate()
    flow = workflow("w", gate.task >> inc >> inc)
    running = await _running(bench, flow, gate)
    await bench.client.pause("i")
    await asyncio.sleep(1.1)
    await bench.client.unpause("i")
    gate.open.set()
    assert await asyncio.wait_for(running, 3) == Completed(4)


async def test_unpause_is_for_paused_ones_only(bench: Bench) -> None:
    flow = workflow("w", await_signal("s", int))
    status = await bench.runner.run(flow, "i", 1)
    assert isinstance(status, AwaitingSignal)
    with pytest.raises(InvalidTransition):
        await bench.client.unpause("i")
    await bench.client.send_event("i", "s", 1)
    await bench.runner.resume(flow, "i")
    for verb in (bench.client.pause, bench.client.unpause):
        with pytest.raises(InvalidTransition):
            await verb("i")


async def test_a_pause_ends_a_short_backoff_without_another_attempt(bench: Bench) -> None:
    """The remaining time is waited after the pause; what was counted stays counted."""
    attempts: list[int] = []

    @task(retries=RetryPolicy(max_retries=9, initial_delay="4s", jitter="none"))
    async def flaky(n: int, ctx: TaskContext) -> int:
        attempts.append(ctx.attempt)
        if len(attempts) == 1:
            raise ValueError
        return n

    flow = workflow("w", flaky)
    running = asyncio.ensure_future(bench.runner.run(flow, "i", 1))
    await eventually(lambda: attempts)
    await asyncio.sleep(0.05)  # the failed attempt is committed, and its backoff begins
    await bench.client.pause("i")
    paused = await asyncio.wait_for(running, 2.5)
    assert isinstance(paused, Paused)
    assert [each.path for each in paused.parked] == ["flaky"]
    assert attempts == [1]
    await bench.client.unpause("i")
    await bench.clock.advance("1s")
    status = await bench.runner.resume(flow, "i")
    assert isinstance(status, Waiting), "it is parked until its attempt is due"
    assert (status.wake_at.timestamp() * 1e6 - bench.clock.now_us()) == 3_000_000
    assert await bench.to_end(flow, status) == Completed(1)
    assert attempts == [1, 2]
