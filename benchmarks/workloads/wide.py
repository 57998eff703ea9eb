"""A fork of a hundred arms, and large values."""

from __future__ import annotations

import time

from benchmarks.workloads import flows
from sayiir import AsyncCheckpointingRunner

__all__ = ["fork_seconds", "megabyte_seconds"]


async def fork_seconds(url: str, times: int = 5) -> float:
    """Seconds of a durable fork of 100 async arms and its join."""
    async with AsyncCheckpointingRunner(url) as runner:
        await runner.run(flows.FORK, "warm", 0)
        await runner.run(flows.FORK, "warm too", 0)
        began = time.perf_counter()
        for number in range(times):
            await runner.run(flows.FORK, f"wide-{number}", number)
        return (time.perf_counter() - began) / times


async def megabyte_seconds(url: str, steps: int = 8) -> float:
    """Seconds a durable step whose result is a string of a megabyte."""
    texts = flows.texts(steps)
    async with AsyncCheckpointingRunner(url) as runner:
        await runner.run(texts, "warm", "x" * 1_000_000)
        began = time.perf_counter()
        await runner.run(texts, "big", "x" * 1_000_000)
        return (time.perf_counter() - began) / (steps + 1)
