"""Chains of steps: in memory, alone with a runner, many at once, very long ones."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time

from benchmarks.workloads import flows
from sayiir import AsyncCheckpointingRunner, CheckpointingRunner, Workflow
from sayiir.executors import ProcessPool

__all__ = [
    "call_seconds",
    "concurrent_run_step_seconds",
    "concurrent_step_seconds",
    "in_memory_step_seconds",
    "late_step_ratio",
    "lone_async_step_seconds",
    "lone_step_seconds",
    "process_step_seconds",
]


async def in_memory_step_seconds(steps: int, total: int = 20_000) -> float:
    """Seconds a step of ``await wf.arun(…)`` in a running loop."""
    flow = flows.chain(steps)
    await flow.arun(0)
    times = max(total // steps, 1)
    began = time.perf_counter()
    for _ in range(times):
        await flow.arun(0)
    return (time.perf_counter() - began) / (times * steps)


def call_seconds(steps: int = 10, count: int = 300) -> float:
    """Seconds of ``wf(input)`` from code that isn't async."""
    flow = flows.chain(steps)
    flow(0)
    began = time.perf_counter()
    for _ in range(count):
        flow(0)
    return (time.perf_counter() - began) / count


def lone_step_seconds(url: str, steps: int = 300) -> float:
    """Seconds a durable step of one chain that runs alone, with the blocking runner."""
    flow = flows.chain(steps)
    with CheckpointingRunner(url) as runner:
        runner.run(flows.chain(10), "warm", 0)
        began = time.perf_counter()
        runner.run(flow, "lone", 0)
        return (time.perf_counter() - began) / steps


async def lone_async_step_seconds(url: str, steps: int = 300) -> float:
    """The same in an event loop of the user's, which no disk may block."""
    flow = flows.chain(steps)
    async with AsyncCheckpointingRunner(url) as runner:
        await runner.run(flows.chain(10), "warm", 0)
        began = time.perf_counter()
        await runner.run(flow, "lone", 0)
        return (time.perf_counter() - began) / steps


async def concurrent_step_seconds(
    url: str, flow: Workflow[int, int], instances: int = 1_000
) -> float:
    """Seconds a durable step of many chains of 10 that were submitted, 100 at a time."""
    async with AsyncCheckpointingRunner(url) as runner:
        await runner.run(flow, "warm", 0)
        for first in range(0, instances, 100):
            numbers = range(first, first + 100)
            await asyncio.gather(*(runner.client.submit(flow, f"i-{n}", n) for n in numbers))
        began = time.perf_counter()
        claimed = await runner.resume_all([flow])
        assert claimed == instances
        return (time.perf_counter() - began) / (instances * 10)


async def concurrent_run_step_seconds(
    url: str, flow: Workflow[int, int], instances: int = 1_000, at_once: int = 100
) -> float:
    """The same by one ``run`` each, which creates the instance and reads its status too."""
    slots = asyncio.Semaphore(at_once)
    async with AsyncCheckpointingRunner(url) as runner:

        async def one(number: int) -> None:
            async with slots:
                await runner.run(flow, f"instance-{number}", number)

        await runner.run(flow, "warm", 0)
        began = time.perf_counter()
        await asyncio.gather(*(one(number) for number in range(instances)))
        return (time.perf_counter() - began) / (instances * 10)


async def process_step_seconds(steps: int = 300) -> float:
    """Seconds a step of a chain in memory whose tasks run in one warm worker process."""
    there, warm = flows.process_chain(steps), flows.process_chain(2)
    async with ProcessPool(max_workers=1) as pool:
        await warm.arun(0, executors={"process": pool})
        began = time.perf_counter()
        await there.arun(0, executors={"process": pool})
        return (time.perf_counter() - began) / steps


async def late_step_ratio(url: str, steps: int = 10_000, window: int = 500) -> float:
    """What the last steps of a long chain cost, over what its steps from the tenth on do."""
    flow = flows.told_chain(steps)
    flows.TOLD.clear()
    async with AsyncCheckpointingRunner(url) as runner:
        await runner.run(flows.chain(10), "warm", 0)
        await runner.run(flow, "long", 0)
    times = [at for _, at in flows.TOLD]
    assert len(times) == steps
    each = [after - before for before, after in itertools.pairwise(times)]
    early, late = each[10 : 10 + window], each[-window:]
    return statistics.median(late) / statistics.median(early)
