"""What a call needs is there before it begins: sent once, sent again where that failed, untimed."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import TaskContext, TaskProcessDied, resource, task, workflow
from sayiir.executors import Call, ProcessPool, Setup
from sayiir.executors.processes import process
from tests.executors import jobs
from tests.executors.conftest import nothing_left

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

pytestmark = pytest.mark.anyio


class Unreadable:
    """Can be pickled, and not read where it isn't at home."""

    def __init__(self) -> None:
        self.home = os.getpid()

    def __setstate__(self, state: dict[str, int]) -> None:
        if state["home"] != os.getpid():
            raise ValueError("away from home")


class Slow:
    """Takes longer to be made than a task that needs it may run."""

    def __init__(self) -> None:
        time.sleep(0.5)


class Adder:
    """Carries a lot."""

    load = "x" * 50_000

    def __call__(self, n: int) -> int:
        return n + 1


@task(run_in="process")
def keeps(value: Any) -> str:
    return "kept"


@task(run_in="process", timeout="100ms")
def quick(n: int) -> int:
    return n


@task(run_in="process", timeout="300ms")
def needs_slow(n: int, slow: Slow = resource(Slow)) -> int:
    return n


def never() -> datetime | None:
    return None


def call(function: Any, *args: Any, setup: tuple[Setup, ...] = ()) -> Call:
    return Call(
        function=function, args=args, kwargs={}, context=TaskContext(), setup=setup, started=never
    )


def plain(n: int, **made: Any) -> int:
    return n


# -- what failed is sent again


async def test_an_argument_that_cannot_be_read_over_there_costs_only_its_call() -> None:
    async with ProcessPool(max_workers=1) as pool:
        function = keeps.spec.function
        with pytest.raises(ValueError, match="away from home"):
            await pool.run(call(function, Unreadable()))
        assert await pool.run(call(function, 1)) == "kept"
        assert len(pool._idle) == 1


async def test_what_could_not_be_made_is_made_by_a_later_call(tmp_path: Path) -> None:
    file = tmp_path / "there"

    def make() -> str:
        return file.read_text(encoding="utf-8")

    setup = (Setup("text", make, "text"),)
    async with ProcessPool(max_workers=1) as pool:
        with pytest.raises(FileNotFoundError):
            await pool.run(call(plain, 1, setup=setup))
        file.write_text("hello", encoding="utf-8")
        assert await pool.run(call(plain, 1, setup=setup)) == 1
        file.unlink()
        assert await pool.run(call(plain, 1, setup=setup)) == 1


async def test_a_function_that_was_forgotten_is_sent_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "KEPT_FUNCTIONS", 2)
    functions = [lambda n, more=more: n + more for more in range(4)]
    async with ProcessPool(max_workers=1) as pool:
        for _ in range(2):
            for more, function in enumerate(functions):
                assert await pool.run(call(function, 1)) == 1 + more
        assert len(pool._idle[0]._known) == 2


# -- the timeout counts from the moment at which the call begins


async def test_a_timeout_may_be_shorter_than_the_start_of_a_process() -> None:
    assert await workflow("w", quick).arun(1) == 1


async def test_a_timeout_may_be_shorter_than_its_resources_take() -> None:
    assert await workflow("w", needs_slow).arun(1, resources={Slow: Slow}) == 1


async def test_a_call_begins_when_what_it_needs_is_there(tmp_path: Path) -> None:
    made = tmp_path / "made"
    begun: list[bool] = []

    def started() -> datetime | None:
        begun.append(made.exists())
        return None

    context = TaskContext()
    setup = (Setup("file", made.touch, "file"),)
    async with ProcessPool(max_workers=1) as pool:
        await pool.run(
            Call(
                function=plain, args=(1,), kwargs={}, context=context, setup=setup, started=started
            )
        )
    assert begun == [True]


async def test_a_process_that_is_never_ready_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "PROCESS_READY_SECONDS", 0.02)
    with nothing_left(), pytest.raises(TaskProcessDied, match=r"not ready within 0\.02 s"):
        await workflow("w", jobs.double).arun(1)


async def test_cancelling_what_is_not_ready_yet_ends_it() -> None:
    with nothing_left():
        async with ProcessPool(max_workers=1) as pool:
            running = asyncio.ensure_future(
                workflow("w", needs_slow).arun(
                    1, executors={"process": pool}, resources={Slow: Slow}
                )
            )
            await asyncio.sleep(0.1)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running


# -- what is there isn't sent again


async def test_a_decorated_class_goes_by_its_name() -> None:
    async with ProcessPool(max_workers=1) as pool:
        flow = workflow("w", jobs.Halve >> jobs.double)
        assert await flow.arun(5, executors={"process": pool}) == 4
        # Executors of one's own may send what stands for its instance, and no setup.
        assert await pool.run(call(jobs.Halve.spec.function, 5)) == 2


async def test_a_class_task_and_its_factory_are_sent_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Local(Adder):
        more = "y" * 50_000

    sent: list[int] = []
    frame = process.frame

    def counting(*args: Any) -> bytes:
        data: bytes = frame(*args)
        sent.append(len(data))
        return data

    monkeypatch.setattr(process, "frame", counting)
    flow = workflow("w", task(Local, name="add", run_in="process"))
    async with ProcessPool(max_workers=1) as pool:
        for n in range(3):
            assert await flow.arun(n, executors={"process": pool}) == n + 1
    first, *rest = sent
    assert 50_000 < first < 80_000  # once, and not as the function of the call too
    assert max(rest) < 2_000
