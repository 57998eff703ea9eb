"""What waits for another worker is told in the log of one that can't run it, once."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import AsyncPooledWorker, task, workflow
from sayiir.worker import unserved
from sayiir.worker.settings import WorkerSettings
from sayiir.worker.unserved import Unserved
from tests.engine.corpus import double, inc

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.engine.bench import Bench

pytestmark = pytest.mark.anyio

here = workflow("here", inc >> double)
earlier = workflow("here", inc >> double, version="0")
elsewhere = workflow("elsewhere", inc)


def looking(store: Any, *workflows: Any, busy: Callable[[], bool] = lambda: False) -> Unserved:
    settings = WorkerSettings.checked(
        "memory://",
        workflows=workflows,
        concurrency=1,
        tags=(),
        processes=1,
        worker_id="ada",
        lease="30s",
        poll_interval="1s",
        grace="1s",
        clock=None,
        codec=None,
        resources=None,
        on_event=None,
        executors=None,
    )
    return Unserved(store, settings, busy)


async def told(looks: Unserved, caplog: pytest.LogCaptureFixture, times: int = 2) -> list[str]:
    caplog.clear()
    with caplog.at_level(logging.WARNING, "sayiir.worker"):
        for _ in range(times):
            await looks.look()
    return [record.getMessage() for record in caplog.records]


async def test_each_definition_is_told_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """With an instance to look at, and with what to do."""
    await bench.client.submit(here, "ours", 1)
    await bench.client.submit(earlier, "old", 1)
    await bench.client.submit(elsewhere, "theirs", 1)
    await bench.client.submit(elsewhere, "theirs too", 1)
    looks = looking(bench.store, here)
    assert await told(looks, caplog, 1) == []  # somebody may be about to claim it
    first, second = sorted(await told(looks, caplog, 1))
    assert first.startswith("worker ada can't run instance 'old' of 'here', which waits:")
    assert f"{earlier.definition_hash} is of another definition than the one it has " in first
    assert here.definition_hash in first
    assert "instance 'theirs' of 'elsewhere'" in second or "'theirs too'" in second
    assert "wasn't given. Start a worker that has it" in second
    assert await told(looks, caplog) == []


async def test_what_needs_nobody_is_not_told(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """What somebody works on, is held back on request, or has ended."""
    await bench.client.submit(elsewhere, "paused", 1)
    await bench.client.pause("paused")
    await bench.client.submit(elsewhere, "cancelled", 1)
    await bench.client.cancel("cancelled")
    await bench.runner.run(elsewhere, "completed", 1)
    assert await told(looking(bench.store, here), caplog) == []
    looks = looking(bench.store, here)
    await bench.client.submit(elsewhere, "soon", 1)
    await looks.look()
    await bench.runner.resume(elsewhere, "soon")
    await bench.client.submit(elsewhere, "later", 1)
    assert await told(looks, caplog, 1) == []


async def test_what_another_worker_serves_comes_to_it(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """However long its line is. Of one's own name it may be the very change that is told."""
    gate = asyncio.Event()

    @task
    async def holds(n: int) -> int:
        await gate.wait()
        return n

    held = workflow("elsewhere", holds)
    async with AsyncPooledWorker(bench.store, workflows=[held], concurrency=1, worker_id="bob"):
        for number in range(3):
            await bench.client.submit(held, f"in line {number}", 1)
        await bench.client.submit(earlier, "old", 1)
        (only,) = await told(looking(bench.store, here), caplog, 3)
        assert "'old'" in only
        gate.set()


async def test_an_idle_worker_looks_by_itself(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unserved, "FIRST_LOOKS_SECONDS", (0.01, 0.01))
    await bench.client.submit(elsewhere, "theirs", 1)
    with caplog.at_level(logging.WARNING, "sayiir.worker"):
        async with AsyncPooledWorker(bench.store, workflows=[here], worker_id="ada"):
            async with asyncio.timeout(10):
                while not caplog.records:
                    await asyncio.sleep(0.002)
    (line,) = caplog.records
    assert "can't run instance 'theirs' of 'elsewhere'" in line.getMessage()


async def test_a_busy_worker_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement that isn't about work is for when there is none."""
    monkeypatch.setattr(unserved, "FIRST_LOOKS_SECONDS", (0, 0))
    monkeypatch.setattr(unserved, "LOOK_SECONDS", 0)
    asked, asked_often = 0, asyncio.Event()

    def busy() -> bool:
        nonlocal asked
        asked += 1
        if asked == 10:
            asked_often.set()
        return True

    class Untouched:
        """A store that must not be asked anything."""

    looks = looking(Untouched(), here, busy=busy)
    looks.start()
    await asyncio.wait_for(asked_often.wait(), 10)
    looks.stop()
