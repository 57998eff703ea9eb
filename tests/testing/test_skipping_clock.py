"""The clock that moves by itself: nobody waits, everything happens in its order."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from sayiir import (
    RetryPolicy,
    SignalTimedOut,
    TaskContext,
    WorkflowTimedOut,
    await_signal,
    delay,
    fork,
    task,
    workflow,
)
from sayiir.testing import SkippingClock

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR_US = 3_600_000_000


@pytest.fixture
def quick() -> Iterator[None]:
    """None of these waits for hours; a second would be a real wait."""
    began = time.perf_counter()
    yield
    assert time.perf_counter() - began < 5


@task
def passed_on(n: int) -> int:
    return n


@pytest.mark.usefixtures("quick")
def test_a_blocking_run_needs_nobody_to_move_it() -> None:
    clock = SkippingClock(datetime(2026, 3, 1, tzinfo=UTC))
    before = clock.now_us()
    assert workflow("w", passed_on >> delay("30d") >> passed_on).run(1, clock=clock) == 1
    assert clock.now_us() - before == 30 * 24 * HOUR_US


@pytest.mark.usefixtures("quick")
def test_arms_wake_in_the_order_of_their_times() -> None:
    woken: list[str] = []

    def arm(name: str, span: str):
        async def tell(n: int) -> int:
            woken.append(name)
            return n

        tell.__name__ = name
        return delay(span) >> task(tell)

    flow = fork(arm("third", "3h"), arm("first", "1m"), arm("second", "2h"))
    workflow("w", passed_on >> flow).run(1, clock=SkippingClock())
    assert woken == ["first", "second", "third"]


@pytest.mark.usefixtures("quick")
def test_time_stands_still_while_a_task_runs_on_a_thread() -> None:
    """The delay beside it is an hour; the task takes a fifth of a second, and ends first."""
    order: list[str] = []

    @task
    def slow(n: int) -> int:
        time.sleep(0.2)
        order.append("slow")
        return n

    @task
    def late(n: int) -> int:
        order.append("late")
        return n

    workflow("w", passed_on >> fork(slow, delay("1h") >> late)).run(1, clock=SkippingClock())
    assert order == ["slow", "late"]


@pytest.mark.usefixtures("quick")
def test_time_stands_still_while_a_task_waits_in_the_loop() -> None:
    clock = SkippingClock()
    seen: list[int] = []

    @task
    async def waits(n: int) -> int:
        began = clock.now_us()
        await asyncio.sleep(0.2)
        seen.append(clock.now_us() - began)
        return n

    workflow("w", passed_on >> fork(waits, delay("1h"))).run(1, clock=clock)
    assert seen == [0]


@pytest.mark.usefixtures("quick")
def test_backoffs_and_timeouts_take_no_time() -> None:
    @task(retries=RetryPolicy(max_retries=4, initial_delay="1h", max_delay="9h", jitter="none"))
    def flaky(n: int, ctx: TaskContext) -> int:
        if ctx.attempt < 4:
            raise ConnectionError
        return n

    clock = SkippingClock()
    before = clock.now_us()
    assert workflow("w", flaky).run(1, clock=clock) == 1
    assert clock.now_us() - before >= 3 * HOUR_US
    waits = await_signal("go", int, timeout="3d")
    with pytest.raises(SignalTimedOut):
        workflow("w", waits).run(None, clock=SkippingClock())
    with pytest.raises(WorkflowTimedOut):
        workflow("w", passed_on >> delay("3d"), timeout="1d").run(1, clock=SkippingClock())


def test_it_works_in_the_loop_that_runs() -> None:
    async def main() -> int:
        return await workflow("w", passed_on >> delay("2d")).arun(5, clock=SkippingClock())

    assert asyncio.run(main()) == 5


def test_it_serves_one_run_after_the_other() -> None:
    """A clock whose loop was closed goes on in the next."""
    clock, patient = SkippingClock(), workflow("w", passed_on >> delay("2d"))
    assert [patient.run(n, clock=clock) for n in range(3)] == [0, 1, 2]
