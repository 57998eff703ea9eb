"""The environment: a workflow seen step by step, in no time, with fakes where one likes."""

from __future__ import annotations

import asyncio
import inspect
import time
from datetime import UTC, datetime, timedelta

import pytest

from sayiir import (
    AwaitingSignal,
    Cancelled,
    Completed,
    DefinitionError,
    Failed,
    InstanceNotFound,
    Paused,
    RetryPolicy,
    SayiirError,
    SignalTimedOut,
    SignalUnavailable,
    TaskContext,
    TaskFailed,
    UnknownSignal,
    Waiting,
    await_signal,
    delay,
    resource,
    task,
    workflow,
)
from sayiir.testing import AsyncWorkflowEnvironment, WorkflowEnvironment
from tests.testing.things import ORDER, Payment, PickUp, charge_card, fulfil_order


def test_an_order_step_by_step() -> None:
    with WorkflowEnvironment(fulfil_order) as environment:
        began = environment.now
        status = environment.run(fulfil_order, "o-1", ORDER)
        assert status == Waiting(began + timedelta(hours=1), "delay", status.parked)
        environment.advance("59m")
        assert isinstance(environment.status("o-1"), Waiting)
        environment.advance("1m")
        assert isinstance(environment.status("o-1"), AwaitingSignal)
        assert environment.client.get_task_result_of("o-1", charge_card) == Payment(amount=19.0)
        environment.send_event("o-1", "picked_up", PickUp(by="Ada"))
        done = Completed("lamp from B2 for 19.0, to Ada")
        assert environment.status("o-1", fulfil_order) == done
        assert environment.result("o-1", fulfil_order) == done.output
        assert environment.now == began + timedelta(hours=1)


def test_the_async_environment_runs_in_the_loop_of_the_test() -> None:
    """What a task awaits may belong to the test."""

    async def main() -> None:
        opened = asyncio.Event()

        @task
        async def waits(n: int) -> int:
            await opened.wait()
            return n

        patient = workflow("patient", waits >> delay("2d"))
        async with AsyncWorkflowEnvironment(patient) as environment:
            running = asyncio.create_task(environment.run(patient, "a", 1))
            await asyncio.sleep(0.05)
            assert not running.done()
            assert environment.now == datetime(2026, 1, 1, tzinfo=UTC)
            opened.set()
            assert isinstance(await running, Waiting)
            assert await environment.result("a", patient) == 1

    asyncio.run(main())


def test_the_twins_have_the_same_methods() -> None:
    def verbs(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(value).parameters)
            for name, value in vars(kind).items()
            if inspect.isfunction(value) and not name.startswith("_")
        }

    blocking, twin = verbs(WorkflowEnvironment), verbs(AsyncWorkflowEnvironment)
    assert blocking == {name: twin[name] for name in blocking}
    # These two stand around the calls of tasks, and are nobody's to call.
    assert twin.keys() - blocking.keys() == {"call", "faked"}


def test_result_goes_through_everything_that_only_takes_time() -> None:
    with WorkflowEnvironment(fulfil_order) as environment:
        environment.run(fulfil_order, "o-1", ORDER)
        with pytest.raises(SignalTimedOut):
            environment.result("o-1", fulfil_order)
        assert environment.now - datetime(2026, 1, 1, tzinfo=UTC) == timedelta(days=3, hours=1)


def test_result_never_hangs() -> None:
    waiting = workflow("waiting", await_signal("go", int))
    with WorkflowEnvironment(waiting) as environment:
        environment.run(waiting, "a", None)
        with pytest.raises(SignalUnavailable, match="'go'"):
            environment.result("a", waiting)
        environment.pause("a")
        assert isinstance(environment.status("a"), Paused)
        with pytest.raises(SayiirError, match="unpause it first"):
            environment.result("a", waiting)
        environment.unpause("a")
        environment.cancel("a", reason="enough")
        assert environment.status("a") == Cancelled("enough")
        with pytest.raises(InstanceNotFound):
            environment.status("b")


def test_a_failed_instance_is_retried() -> None:
    broken = [True]

    @task
    def picky(n: int) -> int:
        if broken:
            raise LookupError("not yet")
        return n

    flow = workflow("picky_one", picky)
    with WorkflowEnvironment(flow) as environment:
        assert isinstance(environment.run(flow, "a", 3), Failed)
        with pytest.raises(TaskFailed, match="not yet"):
            environment.result("a", flow)
        broken.clear()
        environment.retry("a")
        assert environment.status("a") == Completed(3)


def test_retries_wait_in_there() -> None:
    """Short backoffs are slept on the way; a long one is there to be seen."""

    @task(retries=RetryPolicy(max_retries=3, initial_delay=2, max_delay="1h", jitter="none"))
    def flaky(n: int, ctx: TaskContext) -> int:
        if ctx.attempt < 4:
            raise ConnectionError
        return n

    flow = workflow("flaky_one", flaky)
    began = time.perf_counter()
    with WorkflowEnvironment(flow) as environment:
        start = environment.now
        status = environment.run(flow, "a", 3)
        assert isinstance(status, Waiting)
        assert (environment.now - start).total_seconds() == 6
        environment.advance("10s")
        assert environment.status("a") == Completed(3)
        assert [call.attempt for call in environment.calls_of(flaky)] == [1, 2, 3, 4]
    assert time.perf_counter() - began < 5


def test_what_falls_due_on_the_way_runs_at_its_own_time() -> None:
    times: list[datetime] = []

    @task
    def tick(n: int) -> int:
        times.append(world.now)
        return n

    flow = workflow("ticking", delay("1h") >> tick >> delay("1h") >> tick)
    with WorkflowEnvironment(flow, start=datetime(2026, 5, 1, tzinfo=UTC)) as world:
        world.run(flow, "a", 1)
        world.advance("1d")
        assert times == [datetime(2026, 5, 1, hour, tzinfo=UTC) for hour in (1, 2)]
        assert world.now == datetime(2026, 5, 2, tzinfo=UTC)


def test_resources_classes_and_executors_are_there() -> None:
    class Bank:
        def charge(self, amount: int) -> str:
            return f"charged {amount}"

    @task
    class Charge:
        def __init__(self, bank: Bank = resource(Bank)) -> None:
            self.bank = bank

        def __call__(self, amount: int) -> str:
            return self.bank.charge(amount)

    @task(run_in="process")
    def shout(text: str) -> str:
        return text.upper()

    flow = workflow("charging", Charge >> shout)
    with WorkflowEnvironment(flow, resources={Bank: Bank()}) as environment:
        assert environment.run(flow, "a", 3) == Completed("CHARGED 3")


def test_its_slips_are_told() -> None:
    other = workflow("other", charge_card)
    with pytest.raises(DefinitionError, match="given the workflows"):
        WorkflowEnvironment()
    with WorkflowEnvironment(fulfil_order) as environment:
        with pytest.raises(DefinitionError, match="wasn't given it"):
            environment.run(other, "a", ORDER)
        environment.run(fulfil_order, "o-1", ORDER)
        with pytest.raises(UnknownSignal):
            environment.send_event("o-1", "picked_upp", PickUp(by="Ada"))
