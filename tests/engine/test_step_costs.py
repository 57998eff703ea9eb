"""What a step costs the engine, in calls of Python functions and bytes. Nothing is timed."""

from __future__ import annotations

import asyncio
import gc
import sys
import tracemalloc
from typing import TYPE_CHECKING, Any

from sayiir import AsyncCheckpointingRunner, Workflow, fork, task, workflow
from sayiir.loops import OwnLoop
from tests.engine.test_scale import calls_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sayiir import Flow


@task
async def increment(number: int) -> int:
    return number + 1


def chain(steps: int) -> Workflow[int, int]:
    """A chain of async tasks that is ready to run."""
    flow: Flow[int, int] = increment
    for _ in range(steps - 1):
        flow = flow >> increment
    made = workflow(f"chain_{steps}", flow)
    assert made(0) == steps
    return made


def calls_in_memory(flow: Workflow[int, int]) -> int:
    """Calls of one run in memory, in a loop that runs already."""

    counted = 0

    async def counting() -> None:
        nonlocal counted
        coroutine: Any = flow.arun(0)

        def drive() -> None:
            try:
                coroutine.send(None)
            except StopIteration:
                return
            raise AssertionError("a chain that waits for nothing ends in one go")

        counted = calls_of(drive)

    asyncio.run(counting())
    return counted


def test_a_step_in_memory(report_figure: Callable[[str], None]) -> None:
    """Twelve calls, the user's own and that of each object among them, however long the chain."""
    a_hundred, a_thousand, many = (calls_in_memory(chain(n)) for n in (100, 1_000, 5_000))
    each, late = (a_thousand - a_hundred) / 900, (many - a_thousand) / 4_000
    report_figure(f"calls for a step in memory: {each:.2f}, and {late:.2f} beyond a thousand")
    assert each <= 12.5
    assert late <= 12.5


def test_a_call_in_memory(report_figure: Callable[[str], None]) -> None:
    """What a run costs beside its steps, with a loop that is there."""
    counted = calls_in_memory(chain(1))
    report_figure(f"calls for a run of one step in memory: {counted}")
    assert counted <= 90


def test_a_run_in_memory_keeps_nothing_of_its_steps(report_figure: Callable[[str], None]) -> None:
    """A chain of five thousand steps needs no more memory than one of a hundred."""

    def peak(steps: int) -> int:
        flow = chain(steps)

        async def main() -> int:
            tracemalloc.start()
            await flow.arun(0)
            _, highest = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            return highest

        return asyncio.run(main())

    low, high = peak(100), peak(5_000)
    report_figure(f"memory at most of 100 and 5,000 steps: {low:,} and {high:,} bytes")
    assert high <= low + 20_000


def test_a_step_on_a_store(report_figure: Callable[[str], None]) -> None:
    """The engine's part of a durable step, with the store that costs least."""

    short, long = (asyncio.run(calls_of_a_run("memory://", chain(steps))) for steps in (20, 220))
    each = (long - short) / 200
    report_figure(f"calls for a durable step, the store in memory's own among them: {each:.2f}")
    assert each <= 66


async def calls_of_a_run(url: str, flow: Workflow[int, int], name: str = "") -> int:
    """Calls in the loop's thread of a run that isn't its definition's first."""
    count = 0

    def profile(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    async with AsyncCheckpointingRunner(url) as runner:
        await runner.run(flow, f"warm{name}", 0)
        sys.setprofile(profile)
        await runner.run(flow, f"counted{name}", 0)
        sys.setprofile(None)
    return count


class _Timeless(OwnLoop):
    """Has no turn every millisecond, of which a slow disk would bring more."""

    @property
    def turn_is_due(self) -> bool:
        return not self.idle


def test_a_lone_step_on_sqlite(tmp_path: Path, report_figure: Callable[[str], None]) -> None:
    """From one commit to the next, in a loop of our own: the store's part too."""

    def calls(steps: int, name: str) -> int:
        with asyncio.Runner(loop_factory=_Timeless) as runner:
            return runner.run(calls_of_a_run(f"sqlite:///{tmp_path}/{name}.db", chain(steps)))

    # Leases are looked after by the clock: the least of a few.
    each = min((calls(220, f"l{n}") - calls(20, f"s{n}")) / 200 for n in range(3))
    report_figure(f"calls for a lone durable step on SQLite: {each:.2f}")
    assert each <= 40.5


def test_a_submission(report_figure: Callable[[str], None]) -> None:
    """Whichever client of a runner it goes through, the workflow is compiled once."""
    flow = chain(50)

    async def calls(count: int) -> int:
        counted = 0

        def profile(frame: Any, event: str, argument: Any) -> None:
            nonlocal counted
            counted += event == "call"

        async with AsyncCheckpointingRunner("memory://") as runner:
            await runner.client.submit(flow, "warm", 0)
            sys.setprofile(profile)
            for number in range(count):
                await runner.client.submit(flow, f"counted-{number}", number)
            sys.setprofile(None)
        return counted

    few, many = (asyncio.run(calls(count)) for count in (10, 110))
    each = (many - few) / 100
    report_figure(f"calls for a submission, the store in memory's own among them: {each:.2f}")
    assert each <= 63


def test_the_arms_of_a_fork_share_what_they_can() -> None:
    """A fork of two hundred costs twice a fork of a hundred: nothing grows with its square."""
    calls: list[int] = []
    for count in (50, 100, 200):
        wide = workflow("wide", fork(*[increment] * count) >> sum)
        wide(1)
        calls.append(calls_of(lambda flow=wide: flow(1)))
    assert calls[2] - calls[1] <= 2.2 * (calls[1] - calls[0])


def test_a_call_in_memory_leaves_nothing_to_collect() -> None:
    """What a run consists of is gone with it: the collector has nothing to look for."""
    flow = chain(10)
    flow(0)
    while gc.collect():  # what others have left, and what their finalisers make of it
        pass
    gc.disable()
    try:
        for _ in range(5):
            flow(0)
        assert gc.collect() == 0
    finally:
        gc.enable()
