"""``run_in="process"``: what runs there behaves as it does here, and can really be stopped."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import (
    AsyncCheckpointingRunner,
    Cancelled,
    Completed,
    DefinitionError,
    ExecutorMissing,
    Failed,
    InstanceNotFound,
    PayloadError,
    SayiirError,
    TaskFailed,
    TaskProcessDied,
    TaskTimedOut,
    fork,
    task,
    workflow,
)
from sayiir.executors import ProcessPool
from sayiir.executors.outcomes import error_from, sent_error
from sayiir.executors.pickling import Answers
from tests.engine.bench import eventually
from tests.executors import jobs
from tests.executors.conftest import gone, nothing_left

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

pytestmark = pytest.mark.anyio


@pytest.fixture
async def runner(
    pool: ProcessPool, anyio_backend: str, tmp_path: Path
) -> AsyncIterator[AsyncCheckpointingRunner]:
    url = f"sqlite:///{tmp_path}/runs.db"
    async with AsyncCheckpointingRunner(url, executors={"process": pool}) as made:
        yield made


async def pid_in(folder: Path) -> int:
    await eventually(lambda: (folder / "pid").exists() and (folder / "pid").read_text())
    return int((folder / "pid").read_text())


# -- results


async def test_results_come_back_through_every_kind_of_function(
    runner: AsyncCheckpointingRunner,
) -> None:
    flow = workflow("w", jobs.double >> jobs.triple >> jobs.add)
    assert await runner.run(flow, "i", 7) == Completed(56)


async def test_a_run_in_memory_starts_its_own_workers_and_ends_them() -> None:
    with nothing_left():
        assert await workflow("w", jobs.double >> jobs.triple).arun(7) == 42


def test_a_blocking_run_may_share_a_pool_with_other_loops() -> None:
    @task
    def here(n: int) -> int:
        return n

    workflow("w", here).run(1)  # from its first run on the thread keeps an event loop
    with nothing_left(), ProcessPool(max_workers=1) as pool:
        pids = {workflow("w", jobs.where).run(n, executors={"process": pool}) for n in range(3)}
    assert len(pids) == 1
    assert os.getpid() not in pids


async def test_a_runner_starts_a_pool_of_its_own_and_closes_it() -> None:
    with nothing_left():
        async with AsyncCheckpointingRunner("memory://") as runner:
            assert await runner.run(workflow("w", jobs.double), "i", 1) == Completed(2)


async def test_no_more_processes_than_workers(runner: AsyncCheckpointingRunner) -> None:
    flow = workflow("w", fork(*[jobs.where] * 12))
    status = await runner.run(flow, "i", 1)
    assert isinstance(status, Completed)
    assert len(set(status.output)) <= 2


async def test_large_values_travel_both_ways(runner: AsyncCheckpointingRunner) -> None:
    text = "äöü" * 700_000
    status = await runner.run(workflow("w", jobs.repeats), "i", text)
    assert status == Completed(text + text)


async def test_waiting_for_a_worker_is_not_counted_against_the_timeout() -> None:
    @task(run_in="process", timeout="600ms")
    def holds(n: int) -> int:
        import time

        time.sleep(0.25)
        return n

    async with ProcessPool(max_workers=1) as pool:
        await workflow("warm", jobs.double).arun(1, executors={"process": pool})
        flow = workflow("w", fork(*[holds] * 4))
        assert await flow.arun(1, executors={"process": pool}) == (1, 1, 1, 1)


async def test_a_workflows_deadline_counts_while_a_call_waits() -> None:
    async with ProcessPool(max_workers=1) as pool:
        flow = workflow("w", jobs.holds >> jobs.holds >> jobs.holds >> jobs.holds, timeout="500ms")
        async with AsyncCheckpointingRunner("memory://", executors={"process": pool}) as runner:
            status = await runner.run(flow, "i", 1)
    assert isinstance(status, Failed)
    assert status.error.kind == "WorkflowTimedOut"


# -- functions that only this process has


def test_functions_of_main_travel_with_their_classes(tmp_path: Path) -> None:
    """A script's own classes come back as themselves, and ``__main__`` is not imported."""
    import subprocess
    import sys

    script = tmp_path / "script.py"
    script.write_text(
        """
import os
from dataclasses import dataclass
from pydantic import BaseModel
from sayiir import RetryPolicy, TaskContext, result_of, task, workflow

with open("imported", "a") as file:
    file.write("once ")

class Order(BaseModel):
    n: int
    def doubled(self):
        return Order(n=self.n * 2)

@dataclass
class Total:
    n: int

class Mine(Exception):
    pass

def helper(order):
    return order.doubled()

@task(run_in="process")
def first(n: int) -> Order:
    return helper(Order(n=n))

@task(run_in="process")
async def second(order: Order, before: Order = result_of(first)) -> Total:
    assert isinstance(before, Order), type(before)
    return Total(order.n + before.n)

@task(run_in="process", retries=RetryPolicy(max_retries=1, initial_delay=0, retry_on=Mine))
def third(total: Total, ctx: TaskContext) -> Total:
    if ctx.attempt == 1:
        raise Mine("again")
    return total

if __name__ == "__main__":
    method = Order.doubled
    total = workflow("w", first >> second >> third).run(3)
    assert type(total) is Total and Order.doubled is method
    print(total)
""",
        encoding="utf-8",
    )
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("Total(n=12)\n", 0), done.stderr
    assert (tmp_path / "imported").read_text() == "once "


async def test_a_function_is_sent_once_to_each_worker() -> None:
    class Heavy:
        pickled = 0

        def __reduce__(self) -> Any:
            Heavy.pickled += 1
            return (list, ())

    heavy = Heavy()

    @task(run_in="process")
    def uses(n: int) -> int:
        return n + len(heavy)  # type: ignore[arg-type]

    flow = workflow("w", uses >> uses >> uses)
    async with ProcessPool(max_workers=1) as pool:
        assert await flow.arun(1, executors={"process": pool}) == 1
        assert await flow.arun(1, executors={"process": pool}) == 1
    assert Heavy.pickled == 1


async def test_what_cannot_travel_fails_at_once_and_costs_no_worker(pool: ProcessPool) -> None:
    lock = jobs.UNPICKLABLE

    @task(run_in="process", retries=5)
    def locked(n: int) -> int:
        with lock:
            return n

    for flow in (workflow("w", locked), workflow("w", jobs.gives_a_lock)):
        with pytest.raises(PayloadError, match="can't be sent to another process"):
            await flow.arun(1, executors={"process": pool})
    pids = [await workflow("w", jobs.where).arun(1, executors={"process": pool})]
    pids += [await workflow("w", jobs.where).arun(1, executors={"process": pool})]
    assert len(set(pids)) == 1


# -- the context


async def test_the_context_is_that_of_the_attempt(
    runner: AsyncCheckpointingRunner,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sayiir.engine.attempt import Attempt

    heard: list[object] = []
    made = Attempt._made

    def listening(self: Attempt) -> Any:
        context = made(self)
        context._heartbeat = lambda: heard.append("alive")
        context._progress = lambda fraction, message: heard.append((fraction, message))
        return context

    monkeypatch.setattr(Attempt, "_made", listening)
    with caplog.at_level(logging.INFO, logger="sayiir.task"):
        status = await runner.run(workflow("w", jobs.told), "i", 5)
    assert isinstance(status, Completed)
    facts = status.output
    assert (facts["instance"], facts["path"], facts["attempt"]) == ("i", "told", "1")
    assert len(facts["key"]) == 32
    assert facts["deadline"] == "None"
    assert heard == ["alive", (0.25, "a quarter"), (1.0, None)]
    (record,) = [record for record in caplog.records if record.name == "sayiir.task"]
    assert record.getMessage() == "on it: 5"
    assert record.sayiir_path == "told"  # type: ignore[attr-defined]


# -- failures


async def test_an_exception_comes_with_its_type_message_and_traceback(
    runner: AsyncCheckpointingRunner,
) -> None:
    status = await runner.run(workflow("w", jobs.raises_stubborn), "i", 1)
    assert isinstance(status, Failed)
    error = status.error
    assert (error.kind, error.message) == ("TaskFailed", "no: reason")
    assert error.type_name == "tests.executors.jobs.Stubborn"
    assert 'raise Stubborn("no", "reason")' in error.traceback
    with pytest.raises(TaskFailed) as caught:
        await workflow("w", jobs.raises_stubborn).arun(1)
    assert isinstance(caught.value.__cause__, jobs.Stubborn)


async def test_retries_see_the_class_of_what_was_raised(runner: AsyncCheckpointingRunner) -> None:
    assert await runner.run(workflow("w", jobs.raises_busy), "i", 4) == Completed(4)


async def test_an_exception_whose_class_wants_arguments_to_be_made() -> None:
    with pytest.raises(TaskFailed) as caught:
        await workflow("w", jobs.raises_numbered).arun(7)
    error = caught.value.__cause__
    assert isinstance(error, jobs.Numbered)
    assert (type(error).__qualname__, str(error), error.args) == ("Numbered", "7", ("7",))
    assert "raise Numbered(n)" in str(error.__cause__)


async def test_a_group_comes_with_all_its_members() -> None:
    """Those that can't be pickled are stood in for, each by itself, in groups of any class."""
    with pytest.raises(TaskFailed) as caught:
        await workflow("w", jobs.raises_groups).arun(7)
    outer = caught.value.__cause__
    assert type(outer) is ExceptionGroup
    assert outer.message == "outer"
    inner, busy = outer.exceptions
    assert (type(busy), str(busy)) == (jobs.Busy, "[Errno 11] busy")
    assert isinstance(inner, jobs.Several)
    assert inner.message == "several, inner"
    assert list(map(str, inner.exceptions)) == ["no: reason", "7"]
    stubborn, numbered = outer.split(jobs.Stubborn)
    assert stubborn is not None
    assert numbered is not None
    assert "raise ExceptionGroup(" in str(outer.__cause__)


async def test_retries_see_groups_and_classes_that_want_arguments(
    runner: AsyncCheckpointingRunner,
) -> None:
    assert await runner.run(workflow("w", jobs.raises_each), "i", 4) == Completed(4)


def test_groups_too_deep_to_tell_come_back_as_something() -> None:
    error: Exception = jobs.Numbered(1)
    for _ in range(60):
        error = ExceptionGroup("in", [error])
    found = error_from(sent_error(error, Answers()))
    assert isinstance(found, ExceptionGroup)
    for _ in range(20):
        (found,) = found.exceptions
    assert type(found).__name__ == "ExceptionGroup"
    assert str(found) == "in (1 sub-exception)"


async def test_an_exit_ends_its_own_process_and_is_a_failure(
    runner: AsyncCheckpointingRunner,
) -> None:
    """A command line's parser, say, that doesn't like what it was given."""
    flow = workflow("w", jobs.asks_to_exit)
    status = await runner.run(flow, "i", 4)
    assert isinstance(status, Failed)
    assert status.error.kind == "TaskProcessDied"
    assert "SystemExit(4)" in status.error.message


async def test_a_process_that_dies_is_a_failure_that_is_retried(
    runner: AsyncCheckpointingRunner,
) -> None:
    """Scorecard 22: the poison kills its process; the other instances of the runner complete."""
    poison = workflow("w", jobs.dies_twice)
    others = workflow("others", jobs.double >> jobs.holds)
    results = await asyncio.gather(
        runner.run(poison, "poison", 4), *(runner.run(others, f"i{n}", n) for n in range(6))
    )
    assert results == [Completed(4), *(Completed(2 * n) for n in range(6))]


async def test_a_process_that_dies_without_retries_left(runner: AsyncCheckpointingRunner) -> None:
    status = await runner.run(workflow("w", jobs.ends), "i", 3)
    assert isinstance(status, Failed)
    assert status.error.kind == "TaskProcessDied"
    assert "ended by itself with exit status 3" in status.error.message
    with pytest.raises(TaskProcessDied):
        await runner.client.result("i")
    assert await runner.run(workflow("w", jobs.double), "j", 3) == Completed(6)


async def test_a_worker_that_died_while_idle_costs_no_attempt(pool: ProcessPool) -> None:
    given = {"process": pool}
    pid = await workflow("w", jobs.where).arun(1, executors=given)
    (worker,) = pool._idle
    os.kill(pid, signal.SIGKILL)
    await eventually(lambda: not worker.alive)
    assert await workflow("w", jobs.where).arun(1, executors=given) != pid


# -- really stopped


@pytest.mark.alone
async def test_a_hung_process_is_killed_with_what_it_started(
    runner: AsyncCheckpointingRunner,
    tmp_path: Path,
    promised: Callable[[float], float],
    report_figure: Any,
) -> None:
    """Scorecard 23: within a second of its timeout, whatever it ignores."""
    await runner.run(workflow("warm", fork(jobs.holds, jobs.holds)), "warm", 1)
    file = tmp_path / "pids"
    began = time.monotonic()
    status = await runner.run(workflow("w", jobs.hangs), "i", str(file))
    took = time.monotonic() - began - 0.3
    assert isinstance(status, Failed)
    assert status.error.kind == "TaskTimedOut"
    assert took <= promised(1.0)
    for pid in map(int, file.read_text().split()):
        await gone(pid)
    report_figure(f"killed {took:.2f} s after its timeout")
    with pytest.raises(TaskTimedOut):
        await runner.client.result("i")


@pytest.mark.parametrize("hung", [jobs.tidies_up, jobs.sleeps])
async def test_a_cancelled_process_may_tidy_up_and_is_gone(
    runner: AsyncCheckpointingRunner, tmp_path: Path, hung: Any, report_figure: Any
) -> None:
    flow = workflow("w", hung)
    running = asyncio.ensure_future(runner.run(flow, "i", str(tmp_path)))
    pid = await pid_in(tmp_path)
    began = time.monotonic()
    await runner.client.cancel("i")
    async with asyncio.timeout(5):
        assert isinstance(await running, Cancelled)
    await gone(pid)
    assert not (tmp_path / "lock").exists()
    report_figure(f"gone {time.monotonic() - began:.2f} s after cancel()")


async def test_cancelling_the_run_kills_what_it_runs(pool: ProcessPool, tmp_path: Path) -> None:
    running = asyncio.ensure_future(
        workflow("w", jobs.tidies_up).arun(str(tmp_path), executors={"process": pool})
    )
    pid = await pid_in(tmp_path)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await gone(pid)


async def test_closing_a_pool_kills_what_runs(tmp_path: Path) -> None:
    with nothing_left():
        pool = ProcessPool(max_workers=1)
        flow = workflow("w", jobs.tidies_up)
        running = asyncio.ensure_future(flow.arun(str(tmp_path), executors={"process": pool}))
        pid = await pid_in(tmp_path)
        await pool.close()
        await pool.close()
        with pytest.raises(TaskProcessDied, match="its pool was closed"):
            await running
        await gone(pid)
        with pytest.raises(SayiirError, match="has been closed"):
            await workflow("w", jobs.where).arun(1, executors={"process": pool})


async def test_waits_that_are_cancelled_leave_no_worker_out(tmp_path: Path) -> None:
    """Calls that wait are cancelled around the moment at which a worker becomes free."""
    async with ProcessPool(max_workers=1) as pool:
        given = {"process": pool}
        for round_ in range(20):
            runs = [
                asyncio.ensure_future(workflow("w", jobs.double).arun(n, executors=given))
                for n in range(4)
            ]
            await asyncio.sleep(0.0005 * round_)
            runs[1].cancel()
            runs[2].cancel()
            done = await asyncio.gather(*runs, return_exceptions=True)
            assert (done[0], done[3]) == (0, 6)
        assert pool._starting == 0
        assert not pool._busy


# -- what is refused


async def test_an_executor_that_nobody_gave_is_refused_before_anything_is_stored() -> None:
    @task(run_in="cluster")
    def far(n: int) -> int:
        return n

    flow = workflow("w", jobs.double >> far)
    async with AsyncCheckpointingRunner("memory://") as runner:
        for verb in (runner.run, runner.ensure):
            with pytest.raises(ExecutorMissing, match=r"'w'.*'far'.*'cluster'") as caught:
                await verb(flow, "i", 1)
            assert (caught.value.executor, caught.value.path) == ("cluster", "far")
        with pytest.raises(InstanceNotFound):
            await runner.client.status("i")
        await runner.client.submit(flow, "i", 1)
        with pytest.raises(ExecutorMissing):
            await runner.resume(flow, "i")
        with pytest.raises(ExecutorMissing):
            await runner.resume_all([flow])
    with pytest.raises(ExecutorMissing):
        await flow.arun(1)


async def test_an_executor_of_ones_own_is_given_the_call() -> None:
    seen: list[Any] = []

    class Here:
        async def run(self, call: Any) -> Any:
            seen.append((call.context.path, call.started()))
            return call.function(*call.args, **call.kwargs)

        async def close(self) -> None:
            seen.append("closed")

    @task(run_in="here", timeout="1h")
    def near(n: int) -> int:
        return n + 1

    async with AsyncCheckpointingRunner("memory://", executors={"here": Here()}) as runner:
        assert await runner.run(workflow("w", near), "i", 1) == Completed(2)
    assert len(seen) == 1  # who made it closes it
    assert seen[0][0] == "near"
    assert seen[0][1] is not None


def test_names_that_need_no_executor_cannot_be_given_one() -> None:
    with pytest.raises(SayiirError, match="without an executor"):
        AsyncCheckpointingRunner("memory://", executors={"thread": ProcessPool()})


def test_a_pool_has_at_least_one_worker() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ProcessPool(max_workers=0)


def test_an_async_function_runs_anywhere_but_on_a_thread() -> None:
    assert jobs.triple.spec.run_in == "process"
    with pytest.raises(DefinitionError):

        @task(run_in="thread")
        async def nowhere(n: int) -> int:
            return n
