"""Threads of sync tasks: what travels to them, and what those cost that can't be stopped."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import TaskContext, get_task_context, task, workflow
from sayiir.engine.threads import TaskThreads, TooManyAbandonedThreads
from sayiir.limits import MAX_ABANDONED_THREADS
from sayiir.status import Completed, Failed
from tests.engine.bench import eventually
from tests.engine.corpus import upto

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.engine.bench import Bench

pytestmark = pytest.mark.anyio

USER: contextvars.ContextVar[str] = contextvars.ContextVar("user")


@pytest.fixture
async def threads() -> AsyncIterator[TaskThreads]:
    made = TaskThreads()
    yield made
    made.close()


async def abandon(threads: TaskThreads, go: threading.Event, count: int) -> None:
    """Leave so many calls running."""
    waiting = [asyncio.ensure_future(threads.run(go.wait)) for _ in range(count)]
    await asyncio.sleep(0.01)
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await asyncio.sleep(0)


async def test_each_call_has_its_callers_context(threads: TaskThreads) -> None:
    """Reused threads too; what a call sets is gone with it."""

    def swap(mine: str) -> str:
        before = USER.get("nobody")
        USER.set(mine)
        return before

    async def caller(name: str) -> str:
        USER.set(name)
        seen: str = await threads.run(lambda: swap(f"{name}'s task"))
        assert USER.get() == name
        return seen

    for _ in range(3):
        names = [f"user {number}" for number in range(20)]
        assert await asyncio.gather(*(caller(name) for name in names)) == names
    assert await threads.run(lambda: USER.get("nobody")) == "nobody"


async def test_the_task_context_travels(bench: Bench) -> None:
    """Each of many tasks at once sees its own, from its own thread."""

    @task
    def where(n: int, ctx: TaskContext) -> str:
        time.sleep(0.001)
        assert get_task_context() is ctx
        return get_task_context().path

    status = await bench.run(workflow("w", upto >> where.map()), 40)
    assert status == Completed([f"map[{number}]/where" for number in range(40)])


async def test_threads_are_reused(threads: TaskThreads) -> None:
    """One after the other, one thread does; a crowd has as many as it needs."""
    names = {await threads.run(lambda: threading.current_thread().name) for _ in range(50)}
    assert len(names) == 1


async def test_abandoned_threads_are_bounded(threads: TaskThreads) -> None:
    """The 65th isn't begun, with an error that says why; once one ends there is room again."""
    go, first = threading.Event(), threading.Event()
    await abandon(threads, first, 1)
    await abandon(threads, go, MAX_ABANDONED_THREADS - 1)
    with pytest.raises(TooManyAbandonedThreads, match=r"64 tasks.*check_cancelled"):
        await threads.run(lambda: 7)
    first.set()
    await eventually(lambda: threads._abandoned == MAX_ABANDONED_THREADS - 1)
    assert await threads.run(lambda: 7) == 7
    go.set()
    await eventually(lambda: threads._abandoned == 0)


async def test_what_users_see_beyond_the_bound(bench: Bench) -> None:
    """The task fails like any other, with the bound as its error, and may be retried."""
    go, engine = threading.Event(), (await bench.runner._runs.opened())[0]
    await abandon(engine.threads, go, MAX_ABANDONED_THREADS)

    @task
    def quick(n: int) -> int:
        return n

    flow = workflow("w", quick)
    status = await bench.runner.run(flow, "i", 1)
    assert isinstance(status, Failed)
    assert status.error.type_name.endswith("TooManyAbandonedThreads")
    assert "64 tasks that were given up" in status.error.message
    assert status.error.path == "quick"
    go.set()
    await eventually(lambda: engine.threads._abandoned == 0)
    await bench.client.retry("i")
    assert await bench.runner.resume(flow, "i") == Completed(1)


async def test_many_abandoned_at_once_are_one_line(
    threads: TaskThreads, caplog: pytest.LogCaptureFixture
) -> None:
    """Ctrl-C with fifty tasks on threads doesn't fill the screen."""
    go = threading.Event()
    with caplog.at_level(logging.WARNING):
        await abandon(threads, go, 40)
        await abandon(threads, go, 10)
        await eventually(lambda: caplog.records)
        await abandon(threads, go, 2)
        threads.close()  # what hasn't been told yet is told at the end
    first, second = (record.getMessage() for record in caplog.records)
    assert " and 40 more; 50 such now" in first
    assert "more" not in second
    assert "; 52 such now" in second
    go.set()
    await eventually(lambda: threads._abandoned == 0)


@pytest.mark.parametrize("kind", ["timeout", "ctrl-c"])
def test_a_hung_thread_does_not_hold_the_process(kind: str) -> None:
    """It is a daemon: the program ends while it runs on. One line of the log, no traceback."""
    code = f"""
import logging, signal, threading, time
from sayiir import CheckpointingRunner, task, workflow
logging.basicConfig()
@task(timeout={"0.1" if kind == "timeout" else "None"})
def hung(n: int) -> int:
    time.sleep(600)
    return n
with CheckpointingRunner("memory://") as runner:
    if {kind == "ctrl-c"}:
        threading.Timer(0.5, lambda: signal.pthread_kill(
            threading.main_thread().ident, signal.SIGINT)).start()
    try:
        print(type(runner.run(workflow("w", hung.map()), "i", list(range(9)))).__name__)
    except KeyboardInterrupt:
        print("interrupted")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split() == ["Failed" if kind == "timeout" else "interrupted"], done.stderr
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    lines: list[Any] = [x for x in done.stderr.splitlines() if "left running" in x]
    assert 1 <= len(lines) <= 3, done.stderr  # of nine tasks
