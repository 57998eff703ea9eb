"""What the tests of workers share: a worker, tasks behind gates, looks at leases."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sayiir import AsyncPooledWorker, task, workflow
from tests.engine.bench import Bench
from tests.engine.corpus import double, inc

if TYPE_CHECKING:
    from sayiir.stores.protocols import Store

__all__ = ["Gated", "chain", "eventually_async", "is_leased", "is_parked", "leases_of", "worker"]

chain = workflow("chain", inc >> double >> inc)


def worker(bench: Bench, *workflows: Any, store: Any = None, **options: Any) -> AsyncPooledWorker:
    return AsyncPooledWorker(
        store or bench.store, workflows=workflows or [chain], clock=bench.clock, **options
    )


async def leases_of(store: Store, name: str) -> tuple[int, int]:
    """How many items of an instance are leased, and how many are ready."""
    record = await store.describe(name)
    assert record is not None
    return record.leased, record.ready


class Gated:
    """A task that begins when it likes and ends when it is told."""

    def __init__(self, name: str = "gated") -> None:
        self.begun = 0
        self.now = self.most = 0
        self.gate = asyncio.Event()

        @task(name)
        async def gated(n: int) -> int:
            self.begun += 1
            self.now += 1
            self.most = max(self.most, self.now)
            try:
                await self.gate.wait()
            finally:
                self.now -= 1
            return n

        self.task = gated


async def is_parked(store: Store, name: str) -> bool:
    record = await store.describe(name)
    return record is not None and bool(record.parked) and not record.leased


async def eventually_async(condition: Any, seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.005)


async def is_leased(store: Store, name: str) -> bool:
    return await leases_of(store, name) == (1, 0)
