"""Large graphs and long runs: linear work, flat memory, no deep recursion.

Counted, not timed: a count is the same on every machine.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import Again, Done, loop, task, workflow
from sayiir.errors import StoreUnavailable
from sayiir.status import Completed
from sayiir.stores.memory import MemoryStore
from tests.engine.bench import LEASE_OVER_SECONDS, Bench, CrashingStore
from tests.engine.corpus import add_all, inc, upto

if TYPE_CHECKING:
    from sayiir.dsl.flow import Flow
    from sayiir.testing.clock import MovedClock

pytestmark = pytest.mark.anyio


def chain(length: int) -> Flow[Any, Any]:
    flow: Flow[Any, Any] = inc
    for _ in range(length - 1):
        flow = flow >> inc
    return flow


def calls_of(run: Any) -> int:
    """How many Python functions are called: work, told in a unit that doesn't depend on load."""
    count = 0

    def profile(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        if event == "call":
            count += 1

    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(None)
    return count


async def test_fifty_thousand_nodes_build_and_run() -> None:
    flow = workflow("w", chain(50_000))
    assert await flow.arun(0) == 50_000


def test_building_is_linear() -> None:
    small = calls_of(lambda: workflow("w", chain(1_000)))
    large = calls_of(lambda: workflow("w", chain(8_000)))
    assert large < 9 * small


def test_running_is_linear() -> None:
    short, long = workflow("w", chain(500)), workflow("w", chain(4_000))
    for flow in (short, long):
        flow(0)
    assert calls_of(lambda: long(0)) < 9 * calls_of(lambda: short(0))


async def test_ten_thousand_items_in_memory() -> None:
    flow = workflow("w", upto >> inc.map() >> add_all)
    assert await flow.arun(10_000) == sum(range(10_001))


async def test_two_thousand_items_on_a_store(bench: Bench) -> None:
    """More than one batch of spawned items, and more than run at a time."""
    flow = workflow("w", upto >> inc.map(max_concurrency=40) >> add_all)
    assert await bench.runner.run(flow, "i", 2_100) == Completed(sum(range(2_101)))
    assert await bench.client.count_task_results("i", "map/inc") == 2_100


async def test_an_interrupted_spawn_goes_on_where_it_was(bench: Bench) -> None:
    flow = workflow("w", upto >> inc.map() >> add_all)
    for at in (3, 4):
        name = f"i{at}"
        doomed = bench.new_runner(CrashingStore(bench.store, at, written=True))
        with pytest.raises(StoreUnavailable):
            await doomed.run(flow, name, 2_100)
        bench.clock.shift(LEASE_OVER_SECONDS)
        assert await bench.runner.resume(flow, name) == Completed(sum(range(2_101)))


def countdown(n: int) -> Any:
    @task
    async def count(k: int) -> Again[int] | Done[int]:
        return Again(k + 1) if k < n else Done(k)

    return count


async def test_a_hundred_thousand_iterations_take_flat_memory() -> None:
    flow = workflow("w", loop(countdown(100_000), max_iterations=200_000))
    assert await flow.arun(0) == 100_000
    peaks = []
    for iterations in (300, 6_000):
        flow = workflow("w", loop(countdown(iterations), max_iterations=200_000))
        gc.collect()
        tracemalloc.start()
        await flow.arun(0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5 + 50_000, peaks


async def test_loops_keep_one_iteration_in_the_store(bench: Bench) -> None:
    flow = workflow("w", loop(inc >> (lambda k: k - 1) >> countdown(150), max_iterations=2_000))
    assert await bench.runner.run(flow, "i", 0) == Completed(150)
    assert len(await bench.store.results("i")) == 3


class CountingStore:
    """Counts what is read from a store."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.rows = 0
        self.loads = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def load(self, wanted: Any) -> Any:
        self.loads += 1
        loaded = await self._store.load(wanted)
        for each in loaded:
            self.rows += len(each.results) + len(each.elements) + len(each.events)
            self.rows += len(each.latest) + sum(map(len, each.joins.values()))
        return loaded

    async def results(self, instance_id: str) -> Any:
        raise AssertionError("going on reads no history")


@pytest.mark.parametrize("long", [10, 10_000])
async def test_continuing_costs_the_same_at_every_step(clock: MovedClock, long: int) -> None:
    store = MemoryStore(clock)
    bench = Bench(store, clock)
    flow = workflow("w", chain(long + 5))
    doomed = bench.new_runner(CrashingStore(store, long, written=True))
    with pytest.raises(StoreUnavailable):
        await doomed.run(flow, "i", 0)
    clock.shift(LEASE_OVER_SECONDS)
    counting = CountingStore(store)
    assert await bench.new_runner(counting).resume(flow, "i") == Completed(long + 5)
    # The input of the next step.
    assert (counting.loads, counting.rows) == (1, 1)
    await bench.close()


async def test_a_late_iteration_costs_what_an_early_one_does(clock: MovedClock) -> None:
    costs = []
    for at in (5, 1_000):
        store = MemoryStore(clock)
        bench = Bench(store, clock)
        flow = workflow("w", loop(countdown(at + 3), max_iterations=5_000))
        doomed = bench.new_runner(CrashingStore(store, at, written=True))
        with pytest.raises(StoreUnavailable):
            await doomed.run(flow, "i", 0)
        clock.shift(LEASE_OVER_SECONDS)
        counting = CountingStore(store)
        assert await bench.new_runner(counting).resume(flow, "i") == Completed(at + 3)
        costs.append((counting.loads, counting.rows))
        await bench.close()
    assert costs[0] == costs[1]
