"""What running tasks say of themselves: seen from elsewhere, cheap, gone with the attempt."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import TaskContext, delay, get_task_context, task, workflow
from sayiir.engine.progress import ProgressGatherer
from sayiir.limits import MAX_PROGRESS_MESSAGE_CHARACTERS
from sayiir.status import Completed
from tests.engine.bench import LEASE_OVER_SECONDS, eventually
from tests.engine.corpus import inc

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir.description import OpenItem
    from tests.engine.bench import Bench

pytestmark = pytest.mark.anyio

QUICK = "300ms"
"""A short lease makes the keeper's rounds quick; the store's clock stands still, so it holds."""


class Stage:
    """A task in a thread that says what it is told to say."""

    def __init__(self) -> None:
        self.contexts: list[TaskContext] = []
        self.go_on = threading.Event()

    def work(self, n: int, ctx: TaskContext) -> int:
        self.contexts.append(ctx)
        assert self.go_on.wait(20)
        self.go_on.clear()
        return n

    async def context(self, number: int) -> TaskContext:
        await eventually(lambda: len(self.contexts) > number)
        return self.contexts[number]


async def item_of(bench: Bench) -> OpenItem:
    (item,) = (await bench.client.describe("i")).open_items
    return item


async def said(bench: Bench) -> tuple[float | None, str | None] | None:
    item = await item_of(bench)
    return None if item.progress is None else (item.progress.fraction, item.progress.message)


async def until_said(bench: Bench, wanted: tuple[float | None, str | None]) -> None:
    async with asyncio.timeout(10):
        while await said(bench) != wanted:
            await asyncio.sleep(0.01)


async def test_progress_is_seen_from_elsewhere(bench: Bench) -> None:
    """By anybody who asks the store; a step's own, from the thread it runs on."""
    stage = Stage()
    first, second = task("first")(stage.work), task("second")(stage.work)
    flow = workflow("w", first >> delay("1h") >> second)
    runner = bench.new_runner(lease=QUICK)
    running = asyncio.ensure_future(runner.run(flow, "i", 1))
    ctx = await stage.context(0)
    assert await said(bench) is None
    ctx.progress(0.25)
    ctx.progress(0.5, "half")
    await until_said(bench, (0.5, "half"))
    item = await item_of(bench)
    assert (item.path, item.phase, item.attempt) == ("first", "running", 1)
    assert item.progress is not None
    assert item.progress.at == (await bench.client.describe("i")).described_at
    stage.go_on.set()
    await running
    assert await said(bench) is None
    # The second task runs while the store has its strand at the delay still.
    bench.clock.shift(3_600)
    running = asyncio.ensure_future(runner.resume(flow, "i"))
    (await stage.context(1)).progress(0.75, "nearly\0\ud800")
    await until_said(bench, (0.75, "nearly??"))
    assert (await item_of(bench)).path == "second"
    ctx.progress(1.0, "late")  # somebody kept the first task's context
    stage.go_on.set()
    assert isinstance(await running, Completed)
    assert (await bench.client.describe("i")).open_items == ()


async def test_signs_of_life_keep_what_was_said(bench: Bench) -> None:
    stage = Stage()
    runner = bench.new_runner(lease=QUICK)
    running = asyncio.ensure_future(runner.run(workflow("w", task(stage.work)), "i", 1))
    ctx = await stage.context(0)
    ctx.heartbeat()
    await until_said(bench, (None, None))
    ctx.progress(0.5, "x" * 9_999)
    ctx.heartbeat()
    bench.clock.shift(5)
    await until_said(bench, (0.5, "x" * MAX_PROGRESS_MESSAGE_CHARACTERS))
    item = await item_of(bench)
    assert item.progress is not None
    assert item.progress.at.timestamp() * 1e6 == bench.clock.now_us()
    stage.go_on.set()
    await running


async def test_progress_is_gone_with_its_attempt(bench: Bench) -> None:
    """The next one begins with nothing said, and a thread that was left behind isn't heard."""
    stage = Stage()
    flow = workflow("w", task("t", retries=1)(stage.work))
    runner = bench.new_runner(lease=QUICK)
    running = asyncio.ensure_future(runner.run(flow, "i", 1))
    (await stage.context(0)).progress(0.9, "first")
    await until_said(bench, (0.9, "first"))
    # Another process takes the item over: its lease has ended by the store's clock.
    bench.clock.shift(LEASE_OVER_SECONDS)
    other = bench.new_runner(lease=QUICK)
    taking_over = asyncio.ensure_future(other.resume(flow, "i"))
    ctx = await stage.context(1)
    assert await said(bench) is None
    stage.contexts[0].progress(1.0, "zombie")
    ctx.progress(0.1, "second")
    await until_said(bench, (0.1, "second"))
    item = await item_of(bench)
    assert item.attempt == 2
    stage.go_on.set()
    await eventually(lambda: not stage.go_on.is_set())
    stage.go_on.set()
    await asyncio.gather(running, taking_over, return_exceptions=True)


async def test_a_process_writes_at_most_once_a_second(bench: Bench) -> None:
    """However many of its tasks report, and however often."""
    calls: list[int] = []

    class Counting:
        async def report(self, reports: Any) -> None:
            calls.append(len(reports))

    class Word:
        given_up = False

        def report(self, fraction: float, message: str | None) -> object:
            return (fraction, message)

    class Item:
        said: Any = None

    gatherer = ProgressGatherer(Counting())  # type: ignore[arg-type]
    items: Any = [Item() for _ in range(50)]
    for item in items:
        item.said = (Word(), 0.5, None)
    ends = time.monotonic() + 0.5
    while time.monotonic() < ends:
        items[0].said = (items[0].said[0], 0.6, None)
        await gatherer.write(items)
    assert calls == [50]
    gatherer._next_at = 0.0
    await gatherer.write(items)
    gatherer._next_at = 0.0
    await gatherer.write(items)
    assert calls == [50, 1]


async def test_nonsense_is_refused_where_it_is_said() -> None:
    ctx = TaskContext()
    for fraction in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="fraction from 0 to 1"):
            ctx.progress(fraction)
    with pytest.raises(TypeError, match="is a str"):
        ctx.progress(0.5, 7)  # type: ignore[arg-type]


async def test_an_inner_loop_may_report(bench: Bench, report_figure: Callable[[str], None]) -> None:
    """100,000 calls: well below what anybody notices."""
    each: list[float] = []

    @task
    def count(n: int) -> int:
        ctx = get_task_context()
        began = time.thread_time()
        for number in range(n):
            ctx.progress(number / n, "counting")
        each.append((time.thread_time() - began) / n * 1e9)
        return n

    assert isinstance(await bench.run(workflow("w", inc >> count), 99_999), Completed)
    report_figure(f"one ctx.progress(): {each[0]:.0f} ns")
    assert each[0] < 5_000
