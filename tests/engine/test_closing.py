"""A runner that is closed closes all that it has, whatever one part says to that."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import AsyncCheckpointingRunner, task, workflow
from sayiir.engine.closing import close_all

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@task
def on_a_thread(n: int) -> int:
    return n


class Failing:
    """An executor's pool that can't be closed, or takes until it is cancelled."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error
        self.begun = asyncio.Event()

    async def close(self) -> None:
        self.begun.set()
        if self.error is not None:
            raise self.error
        await asyncio.sleep(3600)


async def opened(tmp_path: Path, told: list[str]) -> AsyncCheckpointingRunner:
    async def listener(_: Any) -> None:
        await asyncio.sleep(0.02)
        told.append("event")

    runner = AsyncCheckpointingRunner(f"sqlite:///{tmp_path / 'a.db'}", on_event=listener)
    await runner.run(workflow("w", on_a_thread), "i", 1)
    return runner


def threads() -> set[threading.Thread]:
    return {each for each in threading.enumerate() if each.name.startswith("sayiir")}


async def test_a_part_that_fails_keeps_none_from_being_closed(tmp_path: Path) -> None:
    told: list[str] = []
    before = threads()
    runner = await opened(tmp_path, told)
    assert threads() > before
    runner._host.executors = Failing(OSError("dead"))  # type: ignore[assignment]
    with pytest.raises(OSError, match="dead"):
        await runner.close()
    assert len(told) == 4, "the listener has had everything"
    async with asyncio.timeout(5):
        while threads() - before:
            await asyncio.sleep(0.01)


async def test_nor_does_a_close_that_is_cancelled(tmp_path: Path) -> None:
    told: list[str] = []
    before = threads()
    runner = await opened(tmp_path, told)
    pool = Failing(None)
    runner._host.executors = pool  # type: ignore[assignment]
    closing = asyncio.ensure_future(runner.close())
    await pool.begun.wait()
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert len(told) == 4
    async with asyncio.timeout(5):
        while threads() - before:
            await asyncio.sleep(0.01)


async def test_the_first_error_is_raised() -> None:
    closed: list[str] = []

    async def fail(name: str) -> None:
        closed.append(name)
        raise OSError(name)

    with pytest.raises(OSError, match="first"):
        await close_all(
            lambda: closed.append("before"), lambda: fail("first"), lambda: fail("second")
        )
    assert closed == ["before", "first", "second"]
