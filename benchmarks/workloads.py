"""What is measured: the workflows, and one function per figure that gives seconds."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from sayiir import (
    AsyncCheckpointingRunner,
    AsyncPooledWorker,
    AsyncWorkflowClient,
    CheckpointingRunner,
    Flow,
    Workflow,
    fork,
    task,
    workflow,
)
from sayiir.executors import ProcessPool
from sayiir.stores.records import InstanceQuery, StatusName

__all__ = [
    "chain",
    "concurrent_run_step_seconds",
    "concurrent_step_seconds",
    "fork_seconds",
    "in_memory_step_seconds",
    "lone_async_step_seconds",
    "lone_step_seconds",
    "megabyte_seconds",
    "process_step_seconds",
    "sync_chain",
    "worker_step_seconds",
]


_RUNNING = InstanceQuery(status=StatusName.IN_PROGRESS, limit=1)


@task
async def increment(number: int) -> int:
    return number + 1


@task
def increment_on_a_thread(number: int) -> int:
    return number + 1


@task(run_in="process")
def increment_in_a_process(number: int) -> int:
    return number + 1


@task
async def measure_text(text: str) -> int:
    return len(text)


@task
async def repeat_text(text: str) -> str:
    return text + "x"


def chain(steps: int) -> Workflow[int, int]:
    """A chain of async tasks on ints."""
    flow: Flow[int, int] = increment
    for _ in range(steps - 1):
        flow = flow >> increment
    return workflow(f"chain_{steps}", flow)


def sync_chain(steps: int) -> Workflow[int, int]:
    """The same with sync tasks, which run on threads."""
    flow: Flow[int, int] = increment_on_a_thread
    for _ in range(steps - 1):
        flow = flow >> increment_on_a_thread
    return workflow(f"sync_chain_{steps}", flow)


async def in_memory_step_seconds(steps: int, total: int = 20_000) -> float:
    """Seconds a step of ``await wf.arun(…)`` in a running loop."""
    flow = chain(steps)
    await flow.arun(0)
    times = max(total // steps, 1)
    began = time.perf_counter()
    for _ in range(times):
        await flow.arun(0)
    return (time.perf_counter() - began) / (times * steps)


def lone_step_seconds(folder: Path, steps: int = 300) -> float:
    """Seconds a durable step of one chain that runs alone, with the blocking runner."""
    flow = chain(steps)
    with CheckpointingRunner(_url(folder)) as runner:
        runner.run(chain(2), "warm", 0)
        began = time.perf_counter()
        runner.run(flow, "lone", 0)
        return (time.perf_counter() - began) / steps


async def lone_async_step_seconds(folder: Path, steps: int = 300) -> float:
    """The same in an event loop of the user's, which no disk may block."""
    flow = chain(steps)
    async with AsyncCheckpointingRunner(_url(folder)) as runner:
        await runner.run(chain(2), "warm", 0)
        began = time.perf_counter()
        await runner.run(flow, "lone", 0)
        return (time.perf_counter() - began) / steps


async def concurrent_step_seconds(
    folder: Path, flow: Workflow[int, int], instances: int = 1_000
) -> float:
    """Seconds a durable step of many chains of 10 that were submitted, 100 at a time."""
    async with AsyncCheckpointingRunner(_url(folder)) as runner:
        await runner.run(flow, "warm", 0)
        for first in range(0, instances, 100):
            numbers = range(first, first + 100)
            await asyncio.gather(*(runner.client.submit(flow, f"i-{n}", n) for n in numbers))
        began = time.perf_counter()
        claimed = await runner.resume_all([flow])
        assert claimed == instances
        return (time.perf_counter() - began) / (instances * 10)


async def worker_step_seconds(url: str, flow: Workflow[int, int], instances: int = 1_000) -> float:
    """Seconds a durable step of many chains of 10 that were submitted before a worker starts.

    Args:
        url: a store that nobody else uses.
        flow: a chain of 10.
        instances: how many; 100 run at a time.
    """
    async with AsyncWorkflowClient(url) as client:
        for first in range(0, instances, 100):
            numbers = range(first, first + 100)
            await asyncio.gather(*(client.submit(flow, f"i-{n}", n) for n in numbers))
        store = await client.store()
        began = time.perf_counter()
        async with AsyncPooledWorker(store, workflows=[flow]):
            while (await store.page(_RUNNING)).records:  # noqa: ASYNC110  a store tells no more
                await asyncio.sleep(0.02)
            return (time.perf_counter() - began) / (instances * 10)


async def concurrent_run_step_seconds(
    folder: Path, flow: Workflow[int, int], instances: int = 1_000, at_once: int = 100
) -> float:
    """The same by one ``run`` each, which creates the instance and reads its status too."""
    slots = asyncio.Semaphore(at_once)
    async with AsyncCheckpointingRunner(_url(folder)) as runner:

        async def one(number: int) -> None:
            async with slots:
                await runner.run(flow, f"instance-{number}", number)

        await runner.run(flow, "warm", 0)
        began = time.perf_counter()
        await asyncio.gather(*(one(number) for number in range(instances)))
        return (time.perf_counter() - began) / (instances * 10)


async def process_step_seconds(steps: int = 300) -> float:
    """Seconds a step of a chain in memory whose tasks run in one warm worker process."""
    flow: Flow[int, int] = increment_in_a_process
    for _ in range(steps - 1):
        flow = flow >> increment_in_a_process
    there = workflow("there", flow)
    warm = workflow("warm", increment_in_a_process >> increment_in_a_process)
    async with ProcessPool(max_workers=1) as pool:
        await warm.arun(0, executors={"process": pool})
        began = time.perf_counter()
        await there.arun(0, executors={"process": pool})
        return (time.perf_counter() - began) / steps


async def fork_seconds(folder: Path, arms: int = 100) -> float:
    """Seconds of a durable fork of async arms and its join."""
    flow = workflow("wide", fork(*[increment] * arms) >> sum)
    async with AsyncCheckpointingRunner(_url(folder)) as runner:
        await runner.run(flow, "warm", 0)
        began = time.perf_counter()
        times = 5
        for number in range(times):
            await runner.run(flow, f"wide-{number}", number)
        return (time.perf_counter() - began) / times


async def megabyte_seconds(folder: Path, steps: int = 8) -> float:
    """Seconds a durable step whose result is a string of a megabyte."""
    flow: Flow[str, str] = repeat_text
    for _ in range(steps - 1):
        flow = flow >> repeat_text
    texts = workflow("texts", flow >> measure_text)
    async with AsyncCheckpointingRunner(_url(folder)) as runner:
        await runner.run(texts, "warm", "x" * 1_000_000)
        began = time.perf_counter()
        await runner.run(texts, "big", "x" * 1_000_000)
        return (time.perf_counter() - began) / (steps + 1)


def _url(folder: Path) -> str:
    return f"sqlite:///{folder}/bench-{time.monotonic_ns()}.db"
