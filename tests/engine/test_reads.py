"""What this process wrote itself it doesn't read again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from sayiir import Completed, RetryPolicy, delay, fork, task, workflow
from sayiir.stores.memory import MemoryStore
from sayiir.stores.records import Loaded, Wanted
from tests.engine.bench import Bench


class CountingStore:
    """Notes what is read."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.wanted: list[Wanted] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def load(self, wanted: Sequence[Wanted]) -> list[Loaded]:
        self.wanted += wanted
        loaded: list[Loaded] = await self._store.load(wanted)
        return loaded


@task
async def inc(n: int) -> int:
    return n + 1


@task
async def upto(n: int) -> list[int]:
    return list(range(n))


@task
async def total(numbers: list[int]) -> int:
    return sum(numbers)


FLOWS = {
    "chain": inc >> inc,
    "fork_first": fork(inc, inc, inc) >> sum,
    "fork": inc >> fork(inc >> inc, inc) >> sum,
    "nested": fork(fork(inc, inc) >> sum, inc) >> sum,
    "map": upto >> inc.map() >> total,
}


@pytest.mark.parametrize("name", FLOWS)
async def test_nothing_is_read_of_a_run_in_one_process(bench: Bench, name: str) -> None:
    flow = workflow("w", FLOWS[name])
    store = CountingStore(bench.store)
    status = await bench.new_runner(store).run(flow, "i", 5)
    assert isinstance(status, Completed)
    assert status == Completed(flow.run(5))
    if isinstance(bench.store, MemoryStore) or name != "map":
        # Elsewhere a claim that is on its way while items are spawned may bring some of them, and
        # then their elements and the join are read.
        assert store.wanted == []
    assert await bench.new_runner(store).ensure(flow, "i", 5) == status
    assert store.wanted, "by who did not run it"


async def test_a_join_whose_arm_ended_elsewhere_is_read(bench: Bench) -> None:
    """What this process knows of its own arms isn't all then."""
    failed: list[int] = []

    @task(retries=RetryPolicy(max_retries=1, initial_delay="1h", max_delay="1h", jitter="none"))
    async def later(n: int) -> int:
        failed.append(n)
        if len(failed) == 1:
            raise ValueError
        return n * 100

    flow = workflow("w", fork(inc, later, inc >> delay("2h")) >> sum)
    await bench.runner.run(flow, "i", 5)
    bench.clock.shift(3 * 3600)
    assert await bench.new_runner().resume(flow, "i") == Completed(6 + 500 + 6)
