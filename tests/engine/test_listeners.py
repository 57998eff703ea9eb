"""Listeners: told what is stored, in order, and never in the way."""

from __future__ import annotations

import asyncio
import logging
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import (
    CheckpointingRunner,
    RetryPolicy,
    WorkflowFailed,
    await_signal,
    branch,
    delay,
    fork,
    loop,
    task,
    workflow,
)
from sayiir.access.statuses import moment
from sayiir.engine import telling
from sayiir.engine.acts import Acts
from sayiir.engine.committer import StoreCommitter
from sayiir.engine.work import Reply
from sayiir.errors import LeaseLost
from sayiir.events import (
    InstanceFinished,
    InstanceParked,
    InstanceResumed,
    InstanceStarted,
    RunnerEvent,
    TaskFailed,
    TaskFinished,
    TaskRetried,
    TaskStarted,
)
from sayiir.status import Cancelled, Completed
from tests.engine.bench import eventually
from tests.engine.corpus import add, double, inc, odd_fails

if TYPE_CHECKING:
    from tests.engine.bench import Bench

pytestmark = pytest.mark.anyio


def told(events: list[RunnerEvent]) -> list[tuple[Any, ...]]:
    """Names and places, which are easier to compare."""
    return [
        (type(e).__name__, *([e.path] if hasattr(e, "path") else []),
         *([e.status] if hasattr(e, "status") else []))
        for e in events
    ]  # fmt: skip


def steps(*paths: str) -> list[tuple[str, str]]:
    return [(kind, path) for path in paths for kind in ("TaskStarted", "TaskFinished")]


async def test_a_run_from_start_to_end(bench: Bench) -> None:
    """Each task's start and its stored end, then the instance's."""
    events: list[RunnerEvent] = []
    runner = bench.new_runner(on_event=events.append)
    flow = workflow("w", inc >> double)
    await runner.run(flow, "i", 1)
    end = ("InstanceFinished", "Completed")
    assert told(events) == [("InstanceStarted",), *steps("inc", "double"), end]
    at = moment(bench.clock.now_us())
    assert {(e.instance_id, e.workflow_name, e.at) for e in events} == {("i", "w", at)}
    started, finished = events[1], events[2]
    assert started == TaskStarted(
        instance_id="i", workflow_name="w", at=at, path="inc", task="inc", attempt=1
    )
    assert isinstance(finished, TaskFinished)
    assert (finished.task, finished.attempt) == ("inc", 1)
    assert timedelta() <= finished.duration < timedelta(seconds=5)
    events.clear()
    await runner.ensure(flow, "i", 1)
    assert events == []  # nothing was done


async def test_what_is_told_is_stored(bench: Bench) -> None:
    """A result is there when its task is told as finished, the end when it is."""
    seen: list[Any] = []

    async def look(event: RunnerEvent) -> None:
        match event:
            case TaskFinished(path=path):
                seen.append(await bench.client.get_task_result("i", path))
            case InstanceFinished():
                seen.append(await bench.client.status("i"))
            case _:
                pass

    runner = bench.new_runner(on_event=look)
    await runner.run(workflow("w", inc >> double), "i", 1)
    await eventually(lambda: len(seen) == 3)
    assert seen == [2, 4, Completed(4)]


async def test_retries_and_failures(bench: Bench) -> None:
    events: list[RunnerEvent] = []
    runner = bench.new_runner(on_event=events.append)
    retry = RetryPolicy(max_retries=1, initial_delay=60, jitter="none")
    flow = workflow("w", inc >> task("flaky", retries=retry)(fail))
    status = await runner.run(flow, "i", 1)
    assert told(events[3:]) == [
        ("TaskStarted", "flaky"), ("TaskRetried", "flaky"), ("InstanceParked", "flaky"),
    ]  # fmt: skip
    retried, parked = events[4], events[5]
    assert isinstance(retried, TaskRetried)
    assert (retried.task, retried.attempt, retried.retry_in) == ("flaky", 1, timedelta(minutes=1))
    assert (retried.error.message, retried.error.path) == ("not now", "flaky")
    assert isinstance(parked, InstanceParked)
    assert (parked.wake_in, parked.signal_name) == (timedelta(minutes=1), None)
    events.clear()
    bench.clock.shift(60)
    status = await runner.resume(flow, "i")
    assert told(events) == [
        ("InstanceResumed",), ("TaskStarted", "flaky"), ("TaskFailed", "flaky"),
        ("InstanceFinished", "Failed"),
    ]  # fmt: skip
    assert isinstance(events[0], InstanceResumed)
    failed, finished = events[2], events[3]
    assert isinstance(failed, TaskFailed)
    assert isinstance(finished, InstanceFinished)
    assert failed.attempt == 2
    assert failed.error == finished.error == status.error  # type: ignore[union-attr]


def fail(n: int) -> int:
    raise OSError("not now")


async def test_parks(bench: Bench) -> None:
    """A delay, and a wait that nobody has sent anything to; one that has its event doesn't."""
    events: list[RunnerEvent] = []
    runner = bench.new_runner(on_event=events.append)
    flow = workflow("w", delay("1h") >> await_signal("go", int, timeout="2h"))
    await runner.run(flow, "i", 1)
    bench.clock.shift(3_600)
    await runner.resume(flow, "i")
    parks = [e for e in events if isinstance(e, InstanceParked)]
    assert [(e.path, e.wake_in, e.signal_name) for e in parks] == [
        ("delay", timedelta(hours=1), None), ("go", timedelta(hours=2), "go"),
    ]  # fmt: skip
    events.clear()
    plain = workflow("s", await_signal("go", int) >> inc)
    await bench.client.submit(plain, "j", 0)
    await bench.client.send_event("j", "go", 1)
    await runner.resume(plain, "j")
    assert told(events)[1:] == [*steps("inc"), ("InstanceFinished", "Completed")]


async def test_a_cancel_is_told(bench: Bench) -> None:
    events: list[RunnerEvent] = []
    runner = bench.new_runner(on_event=events.append)
    started = asyncio.Event()

    @task
    async def slow(n: int) -> int:
        started.set()
        await asyncio.sleep(3_600)
        return n

    running = asyncio.ensure_future(runner.run(workflow("w", slow), "i", 1))
    await started.wait()
    await bench.client.cancel("i")
    assert isinstance(await running, Cancelled)
    assert told(events) == [
        ("InstanceStarted",), ("TaskStarted", "slow"), ("InstanceFinished", "Cancelled"),
    ]  # fmt: skip


async def test_a_cancel_is_told_once_however_many_wait_for_it(bench: Bench) -> None:
    events: list[RunnerEvent] = []
    runner = bench.new_runner(on_event=events.append)
    started = asyncio.Event()

    @task
    async def slow(n: int) -> int:
        started.set()
        await asyncio.sleep(3_600)
        return n

    flow = workflow("w", slow)
    calls = [asyncio.ensure_future(runner.run(flow, "i", 1))]
    await started.wait()
    calls += [asyncio.ensure_future(runner.ensure(flow, "i", 1)) for _ in range(3)]
    await eventually(lambda: sum(name == "InstanceResumed" for name, *_ in told(events)) == 3)
    await bench.client.cancel("i")
    assert all(isinstance(each, Cancelled) for each in await asyncio.gather(*calls))
    assert told(events).count(("InstanceFinished", "Cancelled")) == 1


@pytest.mark.parametrize("taken", ["refused", "lost"])
async def test_nothing_is_kept_of_an_item_that_another_has_taken(
    bench: Bench, taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    committers: list[telling.TellingCommitter] = []

    class Noted(telling.TellingCommitter):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            committers.append(self)

    async def refuse(*_: object) -> Reply:
        return Reply(accepted=False)

    async def lose(*_: object) -> None:
        raise LeaseLost("another has it")

    monkeypatch.setattr(telling, "TellingCommitter", Noted)
    if taken == "refused":
        monkeypatch.setattr(StoreCommitter, "commit", refuse)
    else:
        monkeypatch.setattr(Acts, "act", lose)
    events: list[RunnerEvent] = []
    runner = bench.new_runner(on_event=events.append)
    running = asyncio.ensure_future(runner.run(workflow("w", inc), "i", 1))
    await eventually(lambda: ("TaskStarted", "inc") in told(events))
    await asyncio.sleep(0.01)
    assert [each.started for each in committers] == [{}]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_every_kind_of_node_alike_in_memory_and_in_a_store(bench: Bench) -> None:
    """The same tasks are told, whoever runs them."""

    @task
    def up(n: int) -> Any:
        from sayiir import Again, Done

        return Done(n) if n > 3 else Again(n + 1)

    @task
    def many(n: int) -> list[int]:
        return [n, n + 1]

    @task
    def key(n: int) -> str:
        return "big" if n > 5 else "small"

    flow = workflow(
        "w",
        fork(inc, double) >> add >> loop(up) >> branch(key, {"big": inc, "small": double}).merge()
        >> many >> double.map() >> task("total")(sum_of),
    )  # fmt: skip
    durable: list[RunnerEvent] = []
    in_memory: list[RunnerEvent] = []
    runner = bench.new_runner(on_event=durable.append)
    status = await runner.run(flow, "i", 1)
    assert status == Completed(await flow.arun(1, on_event=in_memory.append))
    assert sorted(told(durable)) == sorted(told(in_memory))
    assert isinstance(in_memory[0], InstanceStarted)
    paths = [event.path for event in durable if isinstance(event, TaskFinished)]
    assert {"fork[0]/inc", "loop[0]/up", "branch", "map[1]/double", "total"} <= set(paths)
    with pytest.raises(WorkflowFailed):
        await workflow("f", odd_fails).arun(1, on_event=in_memory.append)
    assert told(in_memory[-2:]) == [("TaskFailed", "odd_fails"), ("InstanceFinished", "Failed")]


def sum_of(numbers: list[int]) -> int:
    return sum(numbers)


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_a_broken_listener_hurts_nobody(
    bench: Bench, asynchronous: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """The run goes on, every event is still tried, and the log has one line."""
    calls: list[RunnerEvent] = []

    def broken(event: RunnerEvent) -> None:
        calls.append(event)
        raise ZeroDivisionError("the listener's own")

    async def async_broken(event: RunnerEvent) -> None:
        broken(event)

    runner = bench.new_runner(on_event=async_broken if asynchronous else broken)
    with caplog.at_level(logging.WARNING):
        status = await runner.run(workflow("w", inc >> double), "i", 1)
        await runner.close()
    assert status == Completed(4)
    assert len(calls) == 6
    lines = [record for record in caplog.records if "listener" in record.message]
    assert len(lines) == 1
    assert lines[0].exc_info is not None


async def test_a_slow_coroutine_listener_holds_nothing_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told in order, beside the run; what it can't take in time is dropped and said."""
    monkeypatch.setattr(telling, "MAX_UNTOLD_EVENTS", 3)
    monkeypatch.setattr(telling, "CLOSE_SECONDS", 0.05)
    gate, got = asyncio.Event(), list[RunnerEvent]()

    async def slow(event: RunnerEvent) -> None:
        await gate.wait()
        got.append(event)

    runner = bench.new_runner(on_event=slow)
    assert await runner.run(workflow("w", inc >> double), "i", 1) == Completed(4)
    assert got == []
    gate.set()
    await eventually(lambda: len(got) >= 3)
    assert told(got)[:2] == [("InstanceStarted",), ("TaskStarted", "inc")]
    assert "further are dropped" in caplog.text
    gate.clear()
    await runner.run(workflow("w", inc >> double), "j", 1)
    await runner.close()
    assert "cut short" in caplog.text


def test_a_blocking_runner_tells_too() -> None:
    """On its own thread; and so does a run in memory."""
    names: list[tuple[str, bool]] = []

    def listen(event: RunnerEvent) -> None:
        names.append((type(event).__name__, threading.current_thread() is threading.main_thread()))

    flow = workflow("w", inc >> double)
    with CheckpointingRunner("memory://", on_event=listen) as runner:
        runner.run(flow, "i", 1)
    blocking = [name for name, _ in names]
    assert not any(main for _, main in names)
    names.clear()
    flow.run(1, on_event=listen)
    assert [name for name, _ in names] == blocking
    assert blocking[0] == "InstanceStarted"


async def test_without_a_listener_nothing_is_wrapped(bench: Bench) -> None:
    """So that a step costs what it cost without all this."""
    from sayiir.engine.acts import Acts
    from sayiir.engine.committer import StoreCommitter
    from sayiir.engine.dispatch import Dispatcher

    engine, _ = await bench.runner._runs.opened()
    driver = Dispatcher(engine, {}, bench.runner._runs._request())._driver
    assert type(driver._committer) is StoreCommitter
    assert type(driver._acts) is Acts
