"""What the reference got wrong, one test each: here it can't happen."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import (
    Again,
    Done,
    RetryPolicy,
    await_signal,
    branch,
    delay,
    fork,
    loop,
    task,
    workflow,
)
from sayiir.errors import StoreUnavailable
from sayiir.status import Cancelled, Completed, Failed, InProgress, Waiting
from tests.engine.bench import LEASE_OVER_SECONDS, Bench, CrashingStore
from tests.engine.corpus import add, double, inc, odd_fails

if TYPE_CHECKING:
    from sayiir.workflow import Workflow

pytestmark = pytest.mark.anyio


async def crash_and_continue(
    bench: Bench, flow: Workflow[Any, Any], value: Any, at: int, *, written: bool = True
) -> Any:
    """Let the process die at its write number ``at``; go on in another."""
    doomed = bench.new_runner(CrashingStore(bench.store, at, written=written))
    with pytest.raises(StoreUnavailable):
        await doomed.run(flow, "i", value)
    bench.clock.shift(LEASE_OVER_SECONDS)
    return await bench.to_end(flow, await bench.runner.resume(flow, "i"))


# -- addressing by task name


async def test_the_same_task_twice_runs_twice(bench: Bench) -> None:
    assert await bench.run(workflow("w", inc >> inc >> inc), 1) == Completed(4)


async def test_a_parent_and_a_child_with_equal_task_names_run_their_own(bench: Bench) -> None:
    @task("step")
    async def of_child(n: int) -> int:
        return n * 10

    @task("step")
    async def of_parent(n: int) -> int:
        return n + 1

    child = workflow("child", of_child)
    assert await bench.run(workflow("w", of_parent >> child >> of_parent), 1) == Completed(21)
    assert await bench.paths() == ["step", "child/step", "step#2"]


async def test_a_task_called_loop_0_hides_no_loop(bench: Bench) -> None:
    @task("loop_0")
    async def named_so(n: int) -> int:
        return n + 100

    @task
    async def up(n: int) -> Again[int] | Done[int]:
        return Again(n + 1) if n < 103 else Done(n)

    assert await bench.run(workflow("w", named_so >> loop(up) >> named_so), 1) == Completed(203)


# -- after a crash


async def test_a_loops_value_survives_a_crash(bench: Bench) -> None:
    seen: list[int] = []

    @task
    async def up(n: int) -> Again[int] | Done[int]:
        seen.append(n)
        return Again(n + 1) if n < 5 else Done(n)

    status = await crash_and_continue(bench, workflow("w", loop(up) >> inc), 1, at=3)
    assert (status, seen) == (Completed(6), [1, 2, 3, 4, 5])


@pytest.mark.parametrize("at", [1, 2, 3])
async def test_each_arm_of_a_root_fork_keeps_its_own_output(bench: Bench, at: int) -> None:
    flow = workflow("w", fork(inc, double) >> (lambda a, b: [a, b]))
    assert await crash_and_continue(bench, flow, 5, at=at) == Completed([6, 10])


async def test_no_step_of_an_arm_is_skipped(bench: Bench) -> None:
    ran: list[str] = []

    def step(name: str) -> Any:
        async def run(n: int) -> int:
            ran.append(name)
            return n + 1

        return task(name)(run)

    flow = workflow("w", fork(step("a") >> step("b") >> step("c"), step("d")) >> add)
    status = await crash_and_continue(bench, flow, 1, at=2)
    assert status == Completed(6)
    # What was not committed before the crash may run twice, but nothing is left out.
    assert set(ran) == {"a", "b", "c", "d"}
    assert ran.index("a") < ran.index("b") < ran.index("c")


async def test_a_routed_arm_does_not_ask_its_key_again(bench: Bench) -> None:
    asked: list[int] = []

    @task
    async def key(n: int) -> str:
        asked.append(n)
        return "a" if len(asked) == 1 else "b"

    flow = workflow("w", branch(key, {"a": inc >> inc, "b": double}))
    status = await crash_and_continue(bench, flow, 1, at=2)
    assert (status.output.branch, status.output.result, asked) == ("a", 3, [1])


async def test_a_child_ending_in_a_delay_does_not_end_its_parent(bench: Bench) -> None:
    child = workflow("child", inc >> delay("1h"))
    assert await bench.run(workflow("w", child >> double), 1) == Completed(4)


# -- workers and the local runner


@pytest.mark.parametrize(
    ("flow", "value", "outcome"),
    [
        (fork(inc, double) >> add >> fork(inc, double) >> add, 1, 13),
        (branch(lambda n: n > 0, {True: inc, False: double}).merge(), 1, 2),
        (delay("1m") >> inc, 1, 2),
        (loop(inc >> (lambda n: Done(n) if n > 3 else Again(n))), 1, 4),
    ],
    ids=["fork_chain", "route", "leading_delay", "loop"],
)
async def test_submitted_graphs_finish_elsewhere(
    bench: Bench, flow: Any, value: int, outcome: int
) -> None:
    """Submitted by one, run by another that continues whatever is due."""
    built = workflow("w", flow)
    await bench.client.submit(built, "i", value)
    other = bench.new_runner()
    await other.resume_all([built])
    status = await bench.client.status("i", built)
    if isinstance(status, Waiting):
        bench.clock.set(status.wake_at)
        await other.resume_all([built])
    assert await bench.client.status("i", built) == Completed(outcome)


async def test_a_failing_task_fails_the_instance_elsewhere(bench: Bench) -> None:
    flow = workflow("w", odd_fails)
    await bench.client.submit(flow, "i", 1)
    await bench.new_runner().resume_all([flow])
    status = await bench.client.status("i", flow)
    assert isinstance(status, Failed)
    assert status.error.task == "odd_fails"


async def test_cancelling_what_is_queued_or_parked_acts_at_once(bench: Bench) -> None:
    flow = workflow("w", inc >> delay("1h") >> inc)
    await bench.client.submit(flow, "queued", 1)
    await bench.runner.run(flow, "parked", 1)
    for name in ("queued", "parked"):
        await bench.client.cancel(name, reason="no longer wanted", cancelled_by="ops")
        assert await bench.client.status(name) == Cancelled("no longer wanted", "ops")
    bench.clock.shift(7200)
    assert await bench.runner.resume_all([flow]) == 0


async def test_a_foreign_workflow_starves_nobody(bench: Bench) -> None:
    foreign, own = workflow("foreign", inc >> double), workflow("own", inc)
    for number in range(150):
        await bench.client.submit(foreign, f"foreign-{number}", 1, priority=1)
    await bench.client.submit(own, "own", 1, priority=5)
    await bench.runner.resume_all([own])
    assert await bench.client.status("own", own) == Completed(2)
    assert isinstance(await bench.client.status("foreign-0"), InProgress)


async def test_a_long_task_runs_once(bench: Bench) -> None:
    """Leases are renewed while a task runs, so nobody else gets it."""
    ran: list[int] = []

    @task
    async def long(n: int) -> int:
        ran.append(n)
        for _ in range(30):
            await asyncio.sleep(0.02)
            bench.clock.shift(0.02)
        return n

    flow = workflow("w", long)
    first = bench.new_runner(lease=0.15)
    second = bench.new_runner(lease=0.15)
    running = asyncio.ensure_future(first.run(flow, "i", 1))
    await asyncio.sleep(0.05)
    assert await second.resume_all([flow]) == 0
    await asyncio.sleep(0.3)
    assert await second.resume_all([flow]) == 0
    assert await running == Completed(1)
    assert ran == [1]


# -- time, retries, exits


async def test_timeouts_are_enforced(bench: Bench) -> None:
    @task(timeout="20ms")
    async def hangs(n: int) -> int:
        await asyncio.sleep(3600)
        return n

    status = await bench.run(workflow("w", hangs), 1)
    assert isinstance(status, Failed)
    assert status.error.kind == "TaskTimedOut"


async def test_forks_run_side_by_side(bench: Bench) -> None:
    """Each arm waits for the other: one after the other they would hang."""
    met = asyncio.Barrier(2)

    @task
    async def meets(n: int) -> int:
        async with asyncio.timeout(5):
            await met.wait()
        return n

    assert await bench.run(workflow("w", fork(meets, meets) >> add), 1) == Completed(2)


async def test_a_signals_timeout_gives_no_empty_payload(bench: Bench) -> None:
    ran: list[Any] = []

    @task
    async def after(payload: Any) -> None:
        ran.append(payload)

    status = await bench.run(workflow("w", await_signal("s", str, timeout="1h") >> after), 1)
    assert isinstance(status, Failed)
    assert (status.error.kind, ran) == ("SignalTimedOut", [])


async def test_no_retries_means_none(bench: Bench) -> None:
    ran: list[int] = []

    @task(retries=0)
    async def fails(n: int) -> int:
        ran.append(n)
        raise ValueError("no")

    assert isinstance(await bench.run(workflow("w", fails), 1), Failed)
    assert ran == [1]


async def test_the_remaining_backoff_is_waited_after_a_resume(bench: Bench) -> None:
    ran: list[int] = []

    @task(retries=RetryPolicy(max_retries=1, initial_delay="1h", max_delay="1h", jitter="none"))
    async def flaky(n: int) -> int:
        ran.append(n)
        if len(ran) == 1:
            raise ValueError("not yet")
        return n

    flow = workflow("w", flaky)
    first = await bench.runner.run(flow, "i", 1)
    assert isinstance(first, Waiting)
    bench.clock.shift(3000)
    assert await bench.new_runner().resume(flow, "i") == first
    assert ran == [1]
    bench.clock.shift(601)
    assert await bench.new_runner().resume(flow, "i") == Completed(1)


async def test_ctrl_c_leaves_the_instance_resumable(bench: Bench) -> None:
    pressed: list[int] = []

    @task
    async def interrupted(n: int) -> int:
        pressed.append(n)
        if len(pressed) == 1:
            raise KeyboardInterrupt
        return n

    flow = workflow("w", inc >> interrupted)
    with pytest.raises(KeyboardInterrupt):
        await bench.runner.run(flow, "i", 1)
    assert isinstance(await bench.client.status("i"), InProgress)
    assert await bench.runner.resume(flow, "i") == Completed(2)


# -- values


@pytest.mark.parametrize(
    "value",
    [
        [["a", [49, 50]]],
        math.inf,
        2**64,
        (1, 2),
        {1: "a", (2, 3): "b"},
        {"deep": [[[[[[{"x": [None]}]]]]]]},
    ],
    ids=repr,
)
@pytest.mark.parametrize("way", ["chain", "branch", "loop", "fork", "map", "delay"])
async def test_values_stay_what_they_are(bench: Bench, value: Any, way: str) -> None:
    @task
    async def give(_: int) -> Any:
        return value

    @task
    async def same(got: Any) -> Any:
        return got

    flows: dict[str, Any] = {
        "chain": give >> same,
        "branch": give >> branch(lambda _: "k", {"k": same}).merge(),
        "loop": give >> loop(lambda got: Done(value=got)),
        "fork": give >> fork(same, join="last"),
        "map": give >> (lambda got: [got]) >> same.map() >> (lambda got: got[0]),
        "delay": give >> delay("1s") >> same,
    }
    status = await bench.run(workflow("w", flows[way]), 1)
    assert status == Completed(value)
    assert type(status.output) is type(value)
    assert repr(status.output) == repr(value)


async def test_nan_stays_nan_in_a_route(bench: Bench) -> None:
    flow = workflow("w", branch(lambda _: "k", {"k": lambda got: [got]}).merge())
    status = await bench.run(flow, math.nan)
    assert math.isnan(status.output[0])


# -- size, changes, history


async def test_a_late_step_writes_no_more_than_an_early_one(bench: Bench) -> None:
    """Every checkpoint writes one result and moves one item, however long the history."""
    from sayiir.dsl.flow import Flow

    chain: Flow[Any, Any] = inc
    for _ in range(299):
        chain = chain >> inc
    sizes: list[int] = []
    commit = bench.store.commit

    async def measured(checkpoints: Any) -> Any:
        sizes.append(len(repr(checkpoints)))
        return await commit(checkpoints)

    bench.store.commit = measured  # type: ignore[method-assign]
    assert await bench.runner.run(workflow("w", chain), "i", 0) == Completed(300)
    assert sizes[290] - sizes[5] < 40


async def test_changing_timeouts_and_retries_strands_nobody(bench: Bench) -> None:
    def version(**options: Any) -> Any:
        @task("step", **options)
        async def step(n: int) -> int:
            return n + 1

        return workflow("w", step >> delay(options.get("timeout", 60)) >> step)

    first = version()
    await bench.runner.run(first, "i", 1)
    second = version(timeout=30, retries=4, priority=2, tags=["gpu"])
    bench.clock.shift(100)
    assert await bench.runner.ensure(second, "i", 1) == Completed(3)


async def test_there_are_lists_histories_and_tracebacks(bench: Bench) -> None:
    flow = workflow("w", inc >> odd_fails)
    await bench.runner.run(flow, "i", 2)
    page = await bench.client.list(workflow=flow, status="Failed")
    assert [entry.instance_id for entry in page.items] == ["i"]
    history = await bench.client.task_results("i", flow)
    assert [(entry.path, entry.output) for entry in history] == [("inc", 3), ("odd_fails", None)]
    error = history[1].error
    assert error is not None
    assert 'raise ValueError(f"{n} is odd")' in error.traceback
    await bench.client.retry("i")
    assert isinstance(await bench.client.status("i"), InProgress)
