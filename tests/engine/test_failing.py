"""Failures: what ends, what stops, what is kept; and going on after ``retry``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import (
    Again,
    Done,
    InvalidTransition,
    ItemFailed,
    LoopExhausted,
    RetryPolicy,
    TaskContext,
    TaskFailed,
    branch,
    delay,
    fork,
    loop,
    task,
    workflow,
)
from sayiir.status import Completed, Failed, InProgress, Waiting
from tests.engine.corpus import add, forever, inc, odd_fails, size, upto

if TYPE_CHECKING:
    from tests.engine.bench import Bench

pytestmark = pytest.mark.anyio


class Broken(Exception):
    """A user's own error."""


def mendable(name: str = "mendable") -> Any:
    """A task that fails until ``state["broken"]`` is False."""
    state = {"broken": True, "runs": 0}

    @task(name)
    async def run(n: int) -> int:
        state["runs"] += 1
        if state["broken"]:
            raise Broken("still broken")
        return n + 1

    return run, state


async def test_a_failure_keeps_type_message_traceback_task_path_attempt(bench: Bench) -> None:
    broken, _ = mendable()
    flow = workflow("w", fork(inc, inc >> broken) >> add)
    status = await bench.runner.run(flow, "i", 1)
    assert isinstance(status, Failed)
    error = status.error
    assert (error.kind, error.message, error.task) == ("TaskFailed", "still broken", "mendable")
    assert error.type_name.endswith("test_failing.Broken")
    assert (error.path, error.attempt) == ("fork[1]/mendable", 1)
    assert 'raise Broken("still broken")' in error.traceback
    first_frame = error.traceback.splitlines()[1]
    assert __file__ in first_frame, "the user's own code comes first"
    told = repr(status)
    for part in (
        "TaskFailed",
        "test_failing.Broken",
        "still broken",
        "fork[1]/mendable",
        "attempt=1",
    ):
        assert part in told
    assert "Traceback" not in told, "that is for error.traceback alone"
    with pytest.raises(TaskFailed) as failed:
        await bench.client.result("i", flow)
    assert failed.value.info == error
    assert failed.value.instance_id == "i"


async def test_retry_goes_on_from_the_last_checkpoint(bench: Bench) -> None:
    ran: list[int] = []

    @task
    async def counted(n: int) -> int:
        ran.append(n)
        return n

    broken, state = mendable()
    flow = workflow("w", counted >> broken >> counted)
    assert isinstance(await bench.runner.run(flow, "i", 1), Failed)
    assert isinstance(await bench.runner.resume(flow, "i"), Failed), "resume is no retry"
    assert state["runs"] == 1
    state["broken"] = False
    await bench.client.retry("i")
    assert isinstance(await bench.client.status("i"), InProgress)
    assert await bench.runner.resume(flow, "i") == Completed(2)
    assert ran == [1, 2]


async def test_retry_is_for_failed_instances_only(bench: Bench) -> None:
    flow = workflow("w", inc >> delay("1h") >> inc)
    await bench.runner.run(flow, "i", 1)
    with pytest.raises(InvalidTransition):
        await bench.client.retry("i")
    bench.clock.shift(3600)
    await bench.runner.resume(flow, "i")
    with pytest.raises(InvalidTransition):
        await bench.client.retry("i")


async def test_retry_gives_fresh_attempts(bench: Bench) -> None:
    attempts: list[int] = []
    broken = [True]

    @task(retries=RetryPolicy(max_retries=1, initial_delay=0))
    async def flaky(n: int, ctx: TaskContext) -> int:
        attempts.append(ctx.attempt)
        if broken[0]:
            raise Broken
        return n

    flow = workflow("w", flaky)
    await bench.runner.run(flow, "i", 1)
    await bench.client.retry("i")
    await bench.runner.resume(flow, "i")
    broken[0] = False
    await bench.client.retry("i")
    assert await bench.runner.resume(flow, "i") == Completed(1)
    assert attempts == [1, 2, 1, 2, 1]


async def test_siblings_that_run_are_stopped_and_go_on_after_retry(bench: Bench) -> None:
    started, stopped = asyncio.Event(), []

    @task
    async def long(n: int) -> int:
        if stopped:
            return n * 100
        started.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            stopped.append(n)
            raise
        return n

    broken, state = mendable()

    @task
    async def after_long(n: int) -> int:
        await started.wait()
        return n

    flow = workflow(
        "w", fork(long, after_long >> broken, delay("1h") >> inc) >> (lambda a, b, c: [a, b, c])
    )
    running = asyncio.ensure_future(bench.runner.run(flow, "i", 1))
    await asyncio.wait_for(started.wait(), 5)
    while not running.done():
        await asyncio.sleep(0.01)
        await bench.clock.advance("100ms")
    assert isinstance(running.result(), Failed)
    assert stopped == [1]
    state["broken"] = False
    await bench.client.retry("i")
    status = await bench.to_end(flow, await bench.runner.resume(flow, "i"))
    assert status == Completed([100, 2, 2])
    assert (await bench.paths()).count("fork[1]/after_long") == 1


async def test_a_raised_bound_lets_an_exhausted_loop_go_on(bench: Bench) -> None:
    ran: list[int] = []

    @task
    async def up(n: int) -> Again[int] | Done[int]:
        ran.append(n)
        return Again(n + 1) if n < 5 else Done(n)

    def version(bound: int) -> Any:
        return workflow("w", loop(up, max_iterations=bound) >> inc)

    status = await bench.runner.run(version(3), "i", 1)
    assert isinstance(status, Failed)
    assert (status.error.kind, status.error.path) == ("LoopExhausted", "loop[3]/up")
    with pytest.raises(LoopExhausted):
        await bench.client.result("i")
    await bench.client.retry("i")
    again = await bench.runner.resume(version(3), "i")
    assert isinstance(again, Failed)
    assert again.error.kind == "LoopExhausted"
    await bench.client.retry("i")
    assert await bench.runner.resume(version(10), "i") == Completed(6)
    assert ran == [1, 2, 3, 4, 5]
    assert await bench.paths() == ["loop[4]/up", "inc"], "only the last iteration is kept"


async def test_a_lowered_bound_leaves_a_loop_with_its_last_value(bench: Bench) -> None:
    broken = [True]

    @task
    async def up(n: int) -> Again[int] | Done[int]:
        if n == 4 and broken[0]:
            raise Broken
        return Again(n + 1)

    def version(bound: int) -> Any:
        return workflow("w", loop(up, max_iterations=bound, on_max="exit_with_last") >> inc)

    assert isinstance(await bench.runner.run(version(10), "i", 1), Failed)
    broken[0] = False
    await bench.client.retry("i")
    assert await bench.runner.resume(version(2), "i") == Completed(5)
    assert await bench.paths() == ["loop[2]/up", "inc"]


async def test_a_lowered_bound_lets_an_iteration_that_has_begun_end(bench: Bench) -> None:
    """The inner loop's own iterations are no starts of an iteration of the outer one."""
    broken = [True]

    @task
    async def up(n: int) -> Again[int] | Done[int]:
        if n == 5 and broken[0]:
            raise Broken
        return Again(n + 1) if n % 3 else Done(n + 1)

    @task
    async def around(n: int) -> Again[int] | Done[int]:
        return Again(n)

    def version(bound: int) -> Any:
        outer = loop(loop(up) >> around, max_iterations=bound, on_max="exit_with_last")
        return workflow("w", outer >> inc)

    status = await bench.runner.run(version(10), "i", 1)
    assert isinstance(status, Failed)
    assert status.error.path == "loop[1]/loop[1]/up"
    broken[0] = False
    await bench.client.retry("i")
    assert await bench.runner.resume(version(1), "i") == Completed(8), "7 by the second round"


async def test_an_exhausted_inner_loop(bench: Bench) -> None:
    flow = workflow("w", loop(loop(forever, max_iterations=2) >> (lambda n: Done(value=n))))
    status = await bench.runner.run(flow, "i", 1)
    assert isinstance(status, Failed)
    assert status.error.path == "loop[0]/loop[2]/forever"


async def test_a_missing_branch_key_can_be_mended(bench: Bench) -> None:
    flow = workflow("w", branch(size, {"small": inc}))
    status = await bench.runner.run(flow, "i", 99)
    assert isinstance(status, Failed)
    assert (status.error.kind, status.error.detail("key")) == ("BranchKeyNotFound", "big")
    assert await bench.paths() == [], "the key is asked again"


async def test_a_branch_key_is_asked_again_after_retry(bench: Bench) -> None:
    answers = iter(["none", "none", "small"])

    @task
    async def key(n: int) -> str:
        return next(answers)

    flow = workflow("w", inc >> branch(key, {"small": inc}).merge())
    assert isinstance(await bench.runner.run(flow, "i", 1), Failed)
    await bench.client.retry("i")
    assert isinstance(await bench.runner.resume(flow, "i"), Failed)
    await bench.client.retry("i")
    assert await bench.runner.resume(flow, "i") == Completed(3)
    assert await bench.paths() == ["inc", "branch", "branch[small]/inc"]


async def test_a_body_without_an_end_runs_again_after_retry(bench: Bench) -> None:
    """Its last task; and what that reads is still there, though an inner loop has moved on."""
    ran: list[int] = []
    ends = [False]

    @task
    async def up(n: int) -> Any:
        ran.append(n)
        return Again(n + 1) if n < 3 else Done(Done(n) if ends[0] else n)

    flow = workflow("w", loop(loop(up)))
    status = await bench.runner.run(flow, "i", 1)
    for ends[0] in (False, True):
        assert isinstance(status, Failed)
        assert (status.error.kind, status.error.path) == ("PayloadError", "loop[0]/loop")
        await bench.client.retry("i")
        if not ends[0]:
            status = await bench.runner.resume(flow, "i")
    assert await bench.runner.resume(flow, "i") == Completed(3)
    assert ran == [1, 2, 3, 3, 3]


async def test_a_collected_failure_of_a_branch_has_its_key(bench: Bench) -> None:
    flow = workflow("w", upto >> branch(size, {"big": inc}).map(on_error="collect"))
    status = await bench.runner.run(flow, "i", 2)
    assert isinstance(status, Completed)
    assert [each.error.kind for each in status.output] == ["BranchKeyNotFound"] * 2
    assert await bench.paths() == ["upto", "map[0]/branch", "map[1]/branch"]


# -- collecting maps


async def test_collected_failures_stand_in_the_output(bench: Bench) -> None:
    flow = workflow("w", upto >> odd_fails.map(on_error="collect"))
    status = await bench.runner.run(flow, "i", 4)
    assert isinstance(status, Completed)
    assert [status.output[0], status.output[2]] == [0, 2]
    failed = status.output[1]
    assert isinstance(failed, ItemFailed)
    assert (failed.index, failed.error.message) == (1, "1 is odd")
    assert failed.error.path == "map[1]/odd_fails"


async def test_a_failing_arm_ends_its_item_alone(bench: Bench) -> None:
    """The item's other arms end with it, parked or running; its neighbours go on."""
    flow = workflow(
        "w",
        upto >> fork(odd_fails, delay("1h") >> inc, fork(inc, delay("2h"))).map(on_error="collect"),
    )
    status = await bench.runner.run(flow, "i", 3)
    assert isinstance(status, Waiting)
    assert {parked.path.split("/")[0] for parked in status.parked} == {"map[0]", "map[2]"}
    status = await bench.to_end(flow, status)
    assert status.output[0] == (0, 1, (1, 0))
    assert isinstance(status.output[1], ItemFailed)
    assert status.output[2] == (2, 3, (3, 2))


async def test_an_item_fails_after_its_arms_have_joined(bench: Bench) -> None:
    flow = workflow(
        "w", upto >> (fork(inc, inc) >> add >> inc >> odd_fails).map(on_error="collect")
    )
    status = await bench.runner.run(flow, "i", 3)
    assert [type(entry) for entry in status.output] == [ItemFailed] * 3
    in_memory = await asyncio.wait_for(flow.arun(3), 5)
    assert [type(entry) for entry in in_memory] == [ItemFailed] * 3


async def test_running_arms_of_a_failed_item_stop(bench: Bench) -> None:
    stopped: list[int] = []

    @task
    async def long(n: int) -> int:
        if n % 2 == 0:
            return n
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            stopped.append(n)
            raise
        return n

    flow = workflow("w", upto >> fork(long, inc >> inc >> odd_fails).map(on_error="collect"))
    in_memory = await asyncio.wait_for(flow.arun(2), 5)
    assert isinstance(in_memory[1], ItemFailed)
    running = asyncio.ensure_future(bench.runner.run(flow, "i", 2))
    while not running.done():
        await asyncio.sleep(0.01)
        await bench.clock.advance("100ms")
    status = running.result()
    assert isinstance(status.output[1], ItemFailed)
    assert stopped == [1, 1]


async def test_the_innermost_collecting_map_catches(bench: Bench) -> None:
    inner = upto >> odd_fails.map(on_error="collect") >> len
    flow = workflow("w", upto >> inner.map(on_error="collect"))
    assert await bench.runner.run(flow, "i", 4) == Completed([0, 1, 2, 3])
    failing_after = upto >> odd_fails.map() >> len
    flow = workflow("w2", upto >> failing_after.map(on_error="collect"))
    status = await bench.runner.run(flow, "j", 3)
    assert [type(entry).__name__ for entry in status.output] == ["int", "int", "ItemFailed"]


async def test_a_collected_item_frees_its_place(bench: Bench) -> None:
    flow = workflow("w", upto >> odd_fails.map(on_error="collect", max_concurrency=1) >> len)
    assert await bench.runner.run(flow, "i", 6) == Completed(6)
    assert await asyncio.wait_for(flow.arun(6), 5) == 6


async def test_in_memory_the_first_failure_stops_the_siblings() -> None:
    stopped: list[int] = []

    @task
    async def long(n: int) -> int:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            stopped.append(n)
            raise
        return n

    for flow in (fork(long, odd_fails), fork(odd_fails, long), fork(inc >> long, odd_fails)):
        with pytest.raises(TaskFailed):
            await asyncio.wait_for(workflow("w", flow).arun(1), 5)
    assert len(stopped) >= 1
