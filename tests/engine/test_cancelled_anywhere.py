"""Scorecard 15: whoever waits for a run may be cancelled at any turn of the loop; nothing leaks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sayiir import AsyncCheckpointingRunner, Completed, Workflow, delay, fork, loop, task, workflow
from sayiir.values import Again, Done, LoopResult

pytestmark = pytest.mark.anyio


@task
async def inc(n: int) -> int:
    await asyncio.sleep(0)
    return n + 1


@task
def on_a_thread(n: int) -> int:
    return n + 1


@task
async def upto(n: int) -> list[int]:
    return list(range(n))


@task
async def total(numbers: list[int]) -> int:
    return sum(numbers)


@task
async def until_ten(n: int) -> LoopResult[int]:
    return Done(value=n) if n >= 10 else Again(value=n + 3)


FLOW: Workflow[int, int] = workflow(
    "w",
    inc
    >> fork(inc >> inc, on_a_thread, delay(0) >> inc)
    >> sum
    >> loop(until_ten, max_iterations=20)
    >> upto
    >> inc.map(max_concurrency=3)
    >> total,
)


async def _after_turns(count: int, call: Callable[[], object]) -> None:
    for _ in range(count):
        await asyncio.sleep(0)
    call()


def _descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def test_a_loop_ends_wherever_its_tasks_are_cancelled() -> None:
    """As ``asyncio.run`` does it where its main task has failed: all at once, whatever they do.

    Simulated seed 1957: who waited for a write in line waited for ever, where the task that was
    to send it was cancelled before its first step.
    """
    flow = workflow("w", inc >> upto >> inc.map() >> total)

    async def run(turns: int) -> list[Any]:
        async with asyncio.timeout(10):
            runner = AsyncCheckpointingRunner("memory://")
            running = [asyncio.ensure_future(runner.run(flow, f"i-{n}", 3)) for n in range(3)]
            for _ in range(turns):
                await asyncio.sleep(0)
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for each in others:
                each.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await runner.close()
            return await asyncio.gather(*running, return_exceptions=True)

    for turns in range(1, 150):
        for outcome in asyncio.run(run(turns)):
            assert isinstance(outcome, asyncio.CancelledError) or outcome == Completed(10)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_a_cancelled_run_leaves_no_lease_and_goes_on_at_once(
    kind: str, tmp_path: Path, report_figure: Callable[[str], None]
) -> None:
    expected = await FLOW.arun(1)
    url = "memory://" if kind == "memory" else f"sqlite:///{tmp_path}/a.db"
    cancelled = 0
    async with AsyncCheckpointingRunner(url) as runner:
        assert await runner.run(FLOW, "warm", 1) == Completed(expected)
        store: Any = await runner.store()
        before = len(asyncio.all_tasks())
        threads, descriptors = threading.active_count(), _descriptors()
        for turns in range(150):
            name = f"i-{turns}"
            running = asyncio.ensure_future(runner.run(FLOW, name, 1))
            await _after_turns(turns, running.cancel)
            try:
                assert await running == Completed(expected)
                continue  # it was over before
            except asyncio.CancelledError:
                cancelled += 1
            record = await store.describe(name)
            assert record is None or record.leased == 0, f"after {turns} turns"
            going_on = runner.ensure(FLOW, name, 1)
            assert await asyncio.wait_for(going_on, 10) == Completed(expected), turns
        await asyncio.sleep(0.05)
        assert len(asyncio.all_tasks()) == before, asyncio.all_tasks()
        assert threading.active_count() <= threads + 3, "a thread more for each task at once"
        assert _descriptors() <= descriptors
    report_figure(f"cancelled at {cancelled} turns of the loop: leases, tasks, files left 0")
