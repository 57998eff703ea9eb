"""``ProcessPool`` hands workers from call to call, whatever fails or is closed meanwhile."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import SayiirError, TaskContext, TaskProcessDied, workflow
from sayiir.executors import Call, ProcessPool
from sayiir.executors.processes import pool as pools
from tests.engine.bench import eventually
from tests.executors import jobs
from tests.executors.conftest import gone, nothing_left

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

pytestmark = pytest.mark.anyio


def never() -> datetime | None:
    return None


def calling(pool: ProcessPool, function: Any, *args: Any) -> asyncio.Task[Any]:
    made = Call(
        function=function.spec.function, args=args, kwargs={}, context=TaskContext(), started=never
    )
    return asyncio.ensure_future(pool.run(made))


async def pid_in(folder: Path) -> int:
    await eventually(lambda: (folder / "pid").exists() and (folder / "pid").read_text())
    return int((folder / "pid").read_text())


async def test_closing_a_pool_on_its_own_loops_thread_ends_the_calls_that_run(
    tmp_path: Path,
) -> None:
    with nothing_left():
        with ProcessPool(max_workers=1) as pool:
            running = calling(pool, jobs.tidies_up, str(tmp_path))
            pid = await pid_in(tmp_path)
        async with asyncio.timeout(5):
            with pytest.raises(TaskProcessDied, match="its pool was closed"):
                await running
        await gone(pid)


async def test_closing_a_pool_tells_the_calls_that_wait(tmp_path: Path) -> None:
    pool = ProcessPool(max_workers=1)
    flow = workflow("w", jobs.double)
    running = calling(pool, jobs.tidies_up, str(tmp_path))
    await pid_in(tmp_path)
    waiting = asyncio.ensure_future(flow.arun(1, executors={"process": pool}))
    await eventually(lambda: pool._waiting)
    await pool.close()
    with pytest.raises(TaskProcessDied):
        await running
    with pytest.raises(SayiirError, match="closed while a call waited for a worker"):
        await waiting


async def test_a_worker_that_cannot_be_started_fails_one_call_and_not_those_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = pools.WorkerProcess
    tries: list[int] = []

    def once_refused(lifeline: int) -> Any:
        tries.append(lifeline)
        if len(tries) == 1:
            raise BlockingIOError(11, "no process left")
        return started(lifeline)

    async with ProcessPool(max_workers=1) as pool:
        hung = calling(pool, jobs.tidies_up, str(tmp_path))
        await pid_in(tmp_path)
        monkeypatch.setattr(pools, "WorkerProcess", once_refused)
        first, second = calling(pool, jobs.double, 1), calling(pool, jobs.double, 2)
        await eventually(lambda: len(pool._waiting) == 2)
        hung.cancel()
        async with asyncio.timeout(5):
            with pytest.raises(BlockingIOError):
                await first
            assert await second == 4
        assert pool._starting == 0


def test_a_worker_that_cannot_be_started_leaves_no_socket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(*_: object, **__: object) -> Any:
        raise BlockingIOError(11, "no process left")

    kept: list[BaseException] = []  # a traceback holds what its frames held
    with nothing_left(), ProcessPool(max_workers=1) as pool:
        with monkeypatch.context() as patched:
            patched.setattr("subprocess.Popen", refused)
            for n in range(3):
                with pytest.raises(BlockingIOError) as caught:
                    asyncio.run(pool.run(call_of(n)))
                kept.append(caught.value)
        assert asyncio.run(pool.run(call_of(4))) == 8


def call_of(n: int) -> Call:
    function = jobs.double.spec.function
    assert function is not None
    return Call(function=function, args=(n,), kwargs={}, context=TaskContext(), started=never)


def test_closing_a_pool_in_another_thread_ends_the_calls_of_a_loop(tmp_path: Path) -> None:
    with nothing_left():
        pool = ProcessPool(max_workers=1)

        def closing() -> None:
            while not (tmp_path / "pid").exists():
                time.sleep(0.01)
            pool.__exit__()

        thread = threading.Thread(target=closing)
        thread.start()
        with pytest.raises(TaskProcessDied, match="its pool was closed"):
            workflow("w", jobs.tidies_up).run(str(tmp_path), executors={"process": pool})
        thread.join()


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity on this system")
def test_a_pool_is_as_large_as_the_cores_that_this_process_may_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    assert ProcessPool().max_workers == 1
