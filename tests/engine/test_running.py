"""How user code is run: contexts, threads, exits, leases, and how many at a time."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import TaskContext, TaskFailed, delay, fork, get_task_context, loop, task, workflow
from sayiir.status import Completed, Failed, InProgress
from tests.engine.bench import LEASE_OVER_SECONDS, Bench, CrashingStore, eventually
from tests.engine.corpus import add, climb, double, inc, upto

if TYPE_CHECKING:
    from sayiir.testing.clock import MovedClock

pytestmark = pytest.mark.anyio

SPAN = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
REQUEST: contextvars.ContextVar[str] = contextvars.ContextVar("request", default="none")


# -- contexts


async def test_what_a_context_tells(bench: Bench) -> None:
    seen: list[TaskContext] = []

    @task(timeout="1h")
    async def look(n: int, ctx: TaskContext) -> int:
        assert get_task_context() is ctx
        seen.append(ctx)
        return n

    flow = workflow("w", look >> fork(look, inc) >> add)
    await bench.client.submit(flow, "i", 1, traceparent=SPAN)
    await bench.runner.resume(flow, "i")
    assert [ctx.path for ctx in seen] == ["look", "fork[0]/look"]
    assert {(ctx.instance_id, ctx.attempt, ctx.iteration) for ctx in seen} == {("i", 1, None)}
    assert {ctx.traceparent for ctx in seen} == {SPAN}
    assert len({ctx.idempotency_key for ctx in seen}) == 2
    deadline = seen[0].deadline
    assert deadline is not None
    assert 3500 < (deadline - datetime.now(UTC)).total_seconds() <= 3600


async def test_a_workflows_timeout_is_a_deadline_too(bench: Bench) -> None:
    seen: list[TaskContext] = []

    @task(timeout="5h")
    async def look(n: int, ctx: TaskContext) -> int:
        seen.append(ctx)
        return n

    await bench.runner.run(workflow("w", look, timeout="1h"), "i", 1)
    deadline = seen[0].deadline
    assert deadline is not None
    assert (deadline - datetime.now(UTC)).total_seconds() <= 3600


async def test_the_key_is_one_for_all_attempts_and_another_for_every_run(bench: Bench) -> None:
    from sayiir import RetryPolicy

    keys: list[str] = []

    @task(retries=RetryPolicy(max_retries=1, initial_delay=0))
    async def look(n: int, ctx: TaskContext) -> int:
        keys.append(ctx.idempotency_key)
        if len(keys) == 1:
            raise ValueError
        return n

    flow = workflow("w", look)
    doomed = bench.new_runner(CrashingStore(bench.store, 2, written=False))
    with pytest.raises(Exception, match="died"):
        await doomed.run(flow, "i", 1)
    bench.clock.shift(LEASE_OVER_SECONDS)
    assert await bench.runner.resume(flow, "i") == Completed(1)
    assert len(keys) == 3
    assert len(set(keys)) == 1
    await bench.runner.run(flow, "j", 1)
    assert len(set(keys)) == 2


async def test_iterations_count_from_zero(bench: Bench) -> None:
    seen: list[Any] = []

    @task
    async def look(n: int, ctx: TaskContext) -> int:
        seen.append((ctx.path, ctx.iteration))
        return n

    await bench.runner.run(workflow("w", loop(look >> climb) >> len >> look), "i", 3)
    assert seen == [("loop[0]/look", 0), ("loop[1]/look", 1), ("loop[2]/look", 2), ("look", None)]


async def test_logs_carry_their_place(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    @task
    def speaks(n: int, ctx: TaskContext) -> int:
        ctx.logger.info("hello")
        return n

    with caplog.at_level(logging.INFO, "sayiir.task"):
        await bench.runner.run(workflow("w", speaks), "i", 1)
    record: Any = next(r for r in caplog.records if r.message == "hello")
    assert (record.sayiir_instance_id, record.sayiir_path) == ("i", "speaks")


async def test_context_variables_travel_to_tasks_and_threads(bench: Bench) -> None:
    @task
    def in_thread(n: int) -> list[str]:
        assert threading.current_thread() is not threading.main_thread()
        return [REQUEST.get(), get_task_context().path]

    @task
    async def in_loop(n: int) -> list[str]:
        return [REQUEST.get(), get_task_context().path]

    flow = workflow("w", fork(in_thread, in_loop))
    REQUEST.set("mine")
    wanted = (["mine", "fork[0]/in_thread"], ["mine", "fork[1]/in_loop"])
    assert await bench.runner.run(flow, "i", 1) == Completed(wanted)
    assert await flow.arun(1) == wanted
    assert flow(1) == wanted


async def test_plain_callables_lambdas_and_partials(bench: Bench) -> None:
    from functools import partial

    async def later(n: int) -> int:
        return n + 1

    class Adder:
        def __call__(self, n: int) -> int:
            return n + 10

    flow = workflow(
        "w", inc >> str >> int >> (lambda n: later(n + 0)) >> partial(pow, 2) >> Adder() >> later
    )
    assert await flow.arun(1) == 19
    assert await bench.runner.run(flow, "i", 1) == Completed(19)


async def test_a_workflow_may_run_another_inside_a_task(bench: Bench) -> None:
    inner = workflow("inner", inc >> double)

    @task
    def sync_task(n: int) -> int:
        return inner(n)

    @task
    async def async_task(n: int) -> int:
        return await inner.arun(n) + inner(n)

    flow = workflow("w", sync_task >> async_task)
    assert await bench.runner.run(flow, "i", 1) == Completed(20)


async def test_an_instance_may_be_run_inside_a_task(bench: Bench) -> None:
    inner = workflow("inner", inc >> double)

    @task
    async def runs(n: int) -> int:
        status = await bench.new_runner().run(inner, f"inner-{n}", n)
        assert isinstance(status, Completed)
        return status.output

    assert await bench.runner.run(workflow("w", runs >> runs), "i", 1) == Completed(10)


# -- exits


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("where", ["loop", "thread", "arm"])
async def test_exits_go_through_and_leave_it_resumable(
    bench: Bench, kind: type[BaseException], where: str
) -> None:
    leave = [True]

    async def quits(n: int) -> int:
        if leave[0]:
            raise kind(3)
        return n

    def quits_in_thread(n: int) -> int:
        if leave[0]:
            raise kind(3)
        return n

    leaving = task("leaving")(quits_in_thread if where == "thread" else quits)
    flow = workflow("w", inc >> (fork(leaving, inc) if where == "arm" else leaving) >> str)
    with pytest.raises(kind):
        await flow.arun(1)
    with pytest.raises(kind):
        await bench.runner.run(flow, "i", 1)
    assert isinstance(await bench.client.status("i"), InProgress)
    leave[0] = False
    # Given back, not timed out: it goes on at once, with no time passed.
    status = await asyncio.wait_for(bench.runner.resume(flow, "i"), 3)
    assert isinstance(status, Completed)


async def test_a_cancelled_call_gives_back_what_it_held(bench: Bench) -> None:
    started, go = asyncio.Event(), asyncio.Event()

    @task
    async def gated(n: int) -> int:
        started.set()
        await go.wait()
        return n

    flow = workflow("w", fork(gated, gated, delay("1h")) >> str)
    running = asyncio.ensure_future(bench.runner.run(flow, "i", 1))
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    go.set()
    status = await asyncio.wait_for(bench.new_runner().resume(flow, "i"), 3)
    assert isinstance(await bench.to_end(flow, status), Completed)


async def test_an_exception_whose_text_cannot_be_made(bench: Bench) -> None:
    class Awkward(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

        __repr__ = __str__

    @task
    async def raises(n: int) -> int:
        raise Awkward

    status = await bench.runner.run(workflow("w", raises), "i", 1)
    assert isinstance(status, Failed)
    assert status.error.type_name.endswith("Awkward")
    with pytest.raises(TaskFailed):
        await workflow("w", raises).arun(1)


async def test_messages_of_any_kind_and_size_are_recorded(bench: Bench) -> None:
    for number, text in enumerate(["\0", "\ud800", "x" * 100_000, "'); drop table", "\n" * 9]):

        @task("raises")
        async def raises(n: int, text: str = text) -> int:
            raise ValueError(text)

        status = await bench.runner.run(workflow("w", raises), f"i{number}", 1)
        assert isinstance(status, Failed)
        assert status.error.message == text[:5000]


async def test_a_task_that_cancels_itself_fails(bench: Bench) -> None:
    @task
    async def cancels(n: int) -> int:
        raise asyncio.CancelledError

    status = await asyncio.wait_for(bench.runner.run(workflow("w", cancels), "i", 1), 3)
    assert isinstance(status, Failed)
    with pytest.raises(TaskFailed):
        await asyncio.wait_for(workflow("w", cancels).arun(1), 3)


# -- leases


async def test_a_lost_lease_cancels_the_local_task(bench: Bench) -> None:
    """The first process stalls past its lease, another takes over, the first is stopped."""
    started, cancelled = [], []

    @task
    async def long(n: int, ctx: TaskContext) -> int:
        started.append(ctx.attempt)
        if ctx.attempt == 2:
            return n * 10
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.append(ctx.attempt)
            raise
        return n

    flow = workflow("w", long)
    first = asyncio.ensure_future(bench.new_runner(lease=0.6).run(flow, "i", 1))
    await eventually(lambda: started == [1])
    bench.clock.shift(LEASE_OVER_SECONDS)
    assert await bench.new_runner().resume_all([flow]) == 1
    await eventually(lambda: cancelled == [1], 3)
    assert await asyncio.wait_for(first, 3) == Completed(10)
    assert await bench.paths() == ["long"]


async def test_a_blocked_loop_keeps_its_leases(bench: Bench) -> None:
    """Renewals run on a thread of their own."""
    attempts: list[int] = []

    @task(run_in="loop")
    def blocks(n: int, ctx: TaskContext) -> int:
        attempts.append(ctx.attempt)
        for _ in range(40):
            threading.Event().wait(0.02)
            bench.clock.shift(0.02)
        return n

    flow = workflow("w", blocks)
    assert await bench.new_runner(lease=0.3).run(flow, "i", 1) == Completed(1)
    assert attempts == [1]
    entries = await bench.store.results("i")
    assert [entry.attempts for entry in entries] == [1]


# -- how many at a time


@pytest.mark.parametrize("limit", [1, 3, None])
async def test_max_concurrency_bounds_a_map(bench: Bench, limit: int | None) -> None:
    running, most = [0], [0]

    @task
    async def counted(n: int) -> int:
        running[0] += 1
        most[0] = max(most[0], running[0])
        await asyncio.sleep(0.005)
        async with asyncio.timeout(10):
            while most[0] < (limit or 12):
                await asyncio.sleep(0.001)
        running[0] -= 1
        return n

    flow = workflow("w", upto >> counted.map(max_concurrency=limit))
    assert await flow.arun(12) == list(range(12))
    in_memory, most[0] = most[0], 0
    assert await bench.runner.run(flow, "i", 12) == Completed(list(range(12)))
    assert in_memory == most[0] == (limit or 12)


async def test_a_held_place_is_kept_while_an_item_is_parked(bench: Bench) -> None:
    """An item that waits still counts: max_concurrency bounds open items, not running ones."""
    flow = workflow("w", upto >> (delay("1h") >> inc).map(max_concurrency=2))
    status = await bench.runner.run(flow, "i", 5)
    assert len(status.parked) == 2
    assert (await bench.to_end(flow, status)) == Completed([1, 2, 3, 4, 5])


async def test_no_more_than_a_hundred_run_beside_each_other(bench: Bench) -> None:
    running, most = [0], [0]

    @task
    async def counted(n: int) -> int:
        running[0] += 1
        most[0] = max(most[0], running[0])
        await asyncio.sleep(0.01)
        running[0] -= 1
        return n

    flow = workflow("w", upto >> counted.map() >> len)
    assert await flow.arun(250) == 250
    assert most[0] <= 101
    most[0] = 0
    assert await bench.runner.run(flow, "i", 250) == Completed(250)
    assert 50 <= most[0] <= 101


async def test_a_map_needs_a_list(bench: Bench) -> None:
    for number, value in enumerate([3, "abc", {"a": 1}, None]):
        status = await bench.runner.run(
            workflow("w", (lambda v: v) >> inc.map()), f"i{number}", value
        )
        assert isinstance(status, Failed)
        assert status.error.kind == "PayloadError"


async def test_what_is_left_on_threads_is_named_in_one_line(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    go = threading.Event()

    @task(timeout=0.05)
    def stuck(n: int) -> int:
        go.wait(10)
        return n

    flow = workflow("w", fork(stuck.named("a"), stuck.named("b"), stuck.named("c")))
    with caplog.at_level(logging.WARNING, "sayiir.engine"):
        assert isinstance(await bench.runner.run(flow, "order-42", 1), Failed)
        await bench.runner.close()  # what hasn't been told yet is told at the end
    go.set()
    told = [each.getMessage() for each in caplog.records if "left running" in each.getMessage()]
    named = "".join(told)
    assert len(told) < 3, "those that are left together are told together"
    for arm in "abc":
        assert f"task 'stuck' of instance 'order-42' at 'fork[{'abc'.index(arm)}]/{arm}'" in named
    assert "timed out" in named


async def test_abandoned_threads_are_counted_down_again(clock: MovedClock) -> None:
    from sayiir.engine.threads import TaskThreads

    threads, go = TaskThreads(), threading.Event()
    waiting = [asyncio.ensure_future(threads.run(go.wait)) for _ in range(3)]
    await asyncio.sleep(0.05)
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert threads._abandoned == 3
    go.set()
    await eventually(lambda: threads._abandoned == 0)
    assert await threads.run(lambda: 7) == 7
    threads.close()
