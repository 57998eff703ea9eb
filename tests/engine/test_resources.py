"""Runs with resources and class tasks: built once, refused at start, left at close."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import (
    AsyncCheckpointingRunner,
    CheckpointingRunner,
    Completed,
    DefinitionError,
    Failed,
    TaskContext,
    TaskFailed,
    WorkflowTimedOut,
    branch,
    delay,
    fork,
    loop,
    resource,
    result_of,
    task,
    workflow,
)
from sayiir.values import Again, Done
from tests.engine.bench import eventually
from tests.engine.things import AsyncThing, Log, Other, SyncThing, Thing

if TYPE_CHECKING:
    from tests.engine.bench import Bench

pytestmark = pytest.mark.anyio


@task
def use(number: int, thing: Thing = resource(Thing)) -> int:
    assert isinstance(thing, Thing)
    return number + 1


@task
async def use_later(number: int, thing: Thing = resource(Thing)) -> int:
    assert isinstance(thing, Thing)
    return number + 1


class Step:
    """Counts its instances and calls."""

    built = 0

    def __init__(self, thing: Thing = resource(Thing)) -> None:
        type(self).built += 1
        self.thing = thing
        self.calls = 0

    def __call__(self, number: int, ctx: TaskContext) -> int:
        self.calls += 1
        return number + 1


class StepLater(Step):
    async def __call__(self, number: int, ctx: TaskContext) -> int:
        assert ctx.attempt == 1
        return number + 1


@pytest.fixture
def log() -> Log:
    return Log()


async def test_made_once_for_all_instances_and_left_by_close(bench: Bench, log: Log) -> None:
    class Once(Step): ...

    class OnceLater(StepLater): ...

    once, later = task(Once), task(OnceLater)
    everything = workflow("w", use >> fork(once, later, use_later) >> sum_of >> later)
    runner = bench.new_runner(resources={Thing: partial(AsyncThing, log)})
    names = [f"i{number}" for number in range(20)]
    ran = await asyncio.gather(*(runner.run(everything, name, 1) for name in names))
    assert ran == [Completed(10)] * 20
    assert (log.entered, log.left, Once.built, OnceLater.built) == (["thing"], [], 1, 1)
    assert await runner.client.get_task_result_of("i3", once) == 3
    await runner.close()
    assert log.left == ["thing"]


@task
def sum_of(first: int, second: int, third: int) -> int:
    return first + second + third


def test_in_memory_they_live_as_long_as_the_run(log: Log) -> None:
    class Once(Step): ...

    once = task(Once)
    chain = workflow("w", use >> once >> once >> use_later)
    for made in (1, 2):
        given = {Thing: partial(SyncThing, log)}
        assert chain.run(1, resources=given) == 5
        assert log.entered == log.left == ["thing"] * made
        assert Once.built == made


async def test_in_memory_in_a_running_loop(log: Log) -> None:
    chain = workflow("w", use >> use_later)
    assert await chain.arun(1, resources={Thing: partial(AsyncThing, log)}) == 3
    assert chain.run(1, resources={Thing: partial(AsyncThing, log)}) == 3
    assert log.left == log.entered == ["thing", "thing"]


def test_a_class_task_s_result_is_read_as_any_other() -> None:
    class Length:
        def __call__(self, text: str) -> int:
            return len(text)

    length = task(Length)

    @task
    def twice(number: int, before: int = result_of(length)) -> int:
        return number + before

    both = workflow("w", length >> twice)
    assert both("abc") == 6
    with CheckpointingRunner("memory://") as runner:
        assert runner.run(both, "i", "abc") == Completed(6)
        assert runner.client.get_task_result_of("i", length) == 3
        assert runner.client.get_task_result("i", "Length", both) == 3


# -- refused at start


@task
def key_of(number: int, thing: Thing = resource(Thing)) -> str:
    return "a"


def until(thing: Thing = resource(Thing)) -> Any:
    raise AssertionError("never asked")


class NeedsOther:
    def __init__(self, other: Other = resource(Other)) -> None: ...
    def __call__(self, number: int) -> int:
        return number


@task
def plain(number: int) -> int:
    return number


NEEDY = {
    "task": (workflow("w", plain >> use), "use"),
    "in a fork": (workflow("w", fork(plain, use) >> (lambda a, b: a)), r"fork\[1\]/use"),
    "in a child": (workflow("w", workflow("child", use) >> plain), "child/use"),
    "key of a branch": (workflow("w", branch(key_of, {"a": plain})), "key_of"),
    "moment of a delay": (workflow("w", plain >> delay(until=until)), "until"),
    "plain function": (workflow("w", plain >> (lambda n, t=resource(Thing): n)), "lambda"),
    "constructor": (workflow("w", task(Step)), "Step"),
}


@pytest.mark.parametrize("name", NEEDY)
async def test_a_task_whose_resource_nobody_gave_is_refused_at_start(
    bench: Bench, name: str
) -> None:
    """Under every verb, before anything is stored; a subclass doesn't serve in its place."""
    needy, where = NEEDY[name]
    runner = bench.new_runner(resources={Other: Other(), str: "x"})
    message = rf"workflow 'w'.*{where}.*needs the resource Thing, .*Given are: Other, str"
    for started in (
        runner.run(needy, "i", 1),
        runner.ensure(needy, "i", 1),
        runner.resume(needy, "i"),
        runner.resume_all([needy]),
        needy.arun(1, resources={Other: Other(), str: "x"}),
    ):
        with pytest.raises(DefinitionError, match=message):
            await started
    assert (await bench.client.list()).items == ()
    with pytest.raises(DefinitionError, match="Given are: none"):
        await needy.arun(1)


async def test_the_other_worker_s_instance_is_not_touched(bench: Bench) -> None:
    """What was submitted elsewhere stays as it was, and goes on where the resource is."""
    needy = workflow("w", use)
    await bench.client.submit(needy, "i", 1)
    before = await bench.store.describe("i")
    with pytest.raises(DefinitionError, match="task 'use' needs the resource Thing"):
        await bench.runner.resume(needy, "i")
    assert await bench.store.describe("i") == before
    able = bench.new_runner(resources={Thing: Thing()})
    assert await able.resume(needy, "i") == Completed(2)


@pytest.mark.parametrize("kind", [AsyncCheckpointingRunner, CheckpointingRunner])
def test_bad_registrations_are_refused_by_the_constructor(kind: Any) -> None:
    with pytest.raises(DefinitionError, match="is no type"):
        kind("memory://", resources={"Thing": 3})


# -- failing


class Flaky:
    """Can be entered only the third time."""

    def __init__(self, log: Log, fails: int) -> None:
        self.log, self.fails = log, fails

    def __call__(self) -> Thing:
        self.log.note("made")
        if len(self.log.entered) <= self.fails:
            raise ConnectionError("refused")
        return Thing()


async def test_what_can_not_be_made_fails_the_task_and_is_retried_with_it(
    bench: Bench, log: Log
) -> None:
    retried = task(name="retried", retries=2)(use.spec.function)  # type: ignore[arg-type]
    runner = bench.new_runner(resources={Thing: Flaky(log, 2)})
    status = await bench_run(bench, runner, workflow("w", retried))
    assert status == Completed(2)
    assert len(log.entered) == 3

    other = Log()
    failing = bench.new_runner(resources={Thing: Flaky(other, 9)})
    failed = await failing.run(workflow("v", use), "j", 1)
    assert isinstance(failed, Failed)
    assert (failed.error.task, failed.error.type_name) == ("use", "ConnectionError")
    # Nothing is left of it but the failure: given what it needs, it goes on.
    await bench.client.retry("j")
    assert await runner.resume(workflow("v", use), "j") == Completed(2)


async def bench_run(bench: Bench, runner: AsyncCheckpointingRunner, wf: Any) -> Any:
    running = asyncio.ensure_future(runner.run(wf, "i", 1))
    while not running.done():
        await asyncio.sleep(0.005)
        await bench.clock.advance(5)
    return await running


class Breaks:
    def __init__(self) -> None:
        raise ValueError("no licence")

    def __call__(self, number: int) -> int:
        return number


def test_a_constructor_that_raises_fails_the_task() -> None:
    with pytest.raises(TaskFailed, match="no licence") as raised:
        workflow("w", task(Breaks))(1)
    assert isinstance(raised.value.__cause__, ValueError)


def test_an_exit_in_a_constructor_reaches_the_caller(log: Log) -> None:
    class Exits(Step):
        def __init__(self, thing: Thing = resource(Thing)) -> None:
            raise SystemExit(3)

    exits = workflow("w", task(Exits))
    with pytest.raises(SystemExit):
        exits.run(1, resources={Thing: partial(AsyncThing, log)})
    assert log.left == log.entered == ["thing"]
    with CheckpointingRunner("memory://", resources={Thing: Thing}) as runner:
        with pytest.raises(SystemExit):
            runner.run(exits, "i", 1)
        assert runner.run(workflow("v", use), "j", 1) == Completed(2)


def test_what_leaving_raises_is_raised_at_the_end(log: Log, caplog: Any) -> None:
    class Bad(SyncThing):
        def __exit__(self, *_: object) -> None:
            super().__exit__()
            raise OSError("can't flush")

    given = {Thing: partial(Bad, log)}
    with pytest.raises(OSError, match="can't flush"):
        workflow("w", use).run(1, resources=given)
    failing = workflow("w", use >> task(Breaks))
    with pytest.raises(TaskFailed, match="no licence"):
        failing.run(1, resources=given)
    assert "can't flush" in caplog.text
    runner = CheckpointingRunner("memory://", resources=given)
    assert runner.run(workflow("w", use), "i", 1) == Completed(2)
    with pytest.raises(OSError, match="can't flush"):
        runner.close()
    runner.close()
    assert log.open == []


# -- time


async def test_making_does_not_count_for_the_timeout_of_who_is_first() -> None:
    async def slow() -> Thing:
        await asyncio.sleep(0.15)
        return Thing()

    quick = task(name="quick", timeout=0.05)(use_later.spec.function)  # type: ignore[arg-type]
    assert await workflow("w", quick).arun(1, resources={Thing: slow}) == 2


async def test_the_workflow_s_own_timeout_holds_while_something_is_made(log: Log) -> None:
    hung = asyncio.Event()

    class Hangs(AsyncThing):
        async def __aenter__(self) -> AsyncThing:
            await hung.wait()
            return await super().__aenter__()

    late = workflow("w", use, timeout=0.05)
    with pytest.raises(WorkflowTimedOut):
        await late.arun(1, resources={Thing: partial(Hangs, log)})
    async with AsyncCheckpointingRunner(
        "memory://", resources={Thing: partial(Hangs, log)}
    ) as runner:
        status = await runner.run(late, "i", 1)
        assert isinstance(status, Failed)
        assert status.error.kind == "WorkflowTimedOut"
    assert log.open == []


async def test_cancel_reaches_a_task_whose_resource_is_being_made(bench: Bench, log: Log) -> None:
    begun = asyncio.Event()

    class Hangs(AsyncThing):
        async def __aenter__(self) -> AsyncThing:
            begun.set()
            await asyncio.Event().wait()
            return self

    runner = bench.new_runner(resources={Thing: partial(Hangs, log)})
    running = asyncio.ensure_future(runner.run(workflow("w", use), "i", 1))
    await begun.wait()
    await bench.client.cancel("i")
    status = await asyncio.wait_for(running, 10)
    assert type(status).__name__ == "Cancelled"
    await runner.close()
    assert log.entered == []


async def test_the_loop_goes_on_while_a_thread_enters(log: Log) -> None:
    entering, go_on = threading.Event(), threading.Event()

    class Slow(SyncThing):
        def __enter__(self) -> SyncThing:
            entering.set()
            assert go_on.wait(10)
            return super().__enter__()

    async with AsyncCheckpointingRunner(
        "memory://", resources={Thing: partial(Slow, log)}
    ) as runner:
        slow = asyncio.ensure_future(runner.run(workflow("slow", use), "i", 1))
        await eventually(entering.is_set)
        assert await runner.run(workflow("quick", plain), "j", 1) == Completed(1)
        assert not slow.done()
        go_on.set()
        assert await slow == Completed(2)
    assert log.open == []


async def test_one_instance_is_called_by_many_at_once(log: Log) -> None:
    together = asyncio.Event()

    class Meets:
        def __init__(self) -> None:
            self.inside = 0

        async def __call__(self, number: int) -> int:
            self.inside += 1
            if self.inside == 5:
                together.set()
            await asyncio.wait_for(together.wait(), 10)
            return number

    many = workflow("w", (lambda n: list(range(n))) >> task(Meets).map())
    assert await many.arun(5) == [0, 1, 2, 3, 4]


def test_in_a_loop_the_instance_keeps_what_it_learned() -> None:
    class Counts:
        def __init__(self) -> None:
            self.calls = 0

        def __call__(self, number: int) -> Again[int] | Done[int]:
            self.calls += 1
            return Done(self.calls) if number == 0 else Again(number - 1)

    assert workflow("w", loop(task(Counts)))(4) == 5
