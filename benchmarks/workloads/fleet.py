"""Worker processes and a client beside them: how many instances a second, and how soon."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.workloads import flows
from sayiir import AsyncWorkflowClient

__all__ = ["Rush", "rush", "waking_seconds", "workers"]

STOP_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Rush:
    """Instances a second from the first submission to the last end, and one's median way."""

    per_second: float
    submits_per_second: float
    median_seconds: float


@contextmanager
def workers(url: str, count: int) -> Iterator[None]:
    """So many worker processes, ready to work."""
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.workloads.child", "serve", url],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]
    try:
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
        yield
    finally:
        for child in children:
            child.terminate()
        for child in children:
            child.wait(STOP_SECONDS)


async def rush(url: str, instances: int = 500, at_once: int = 32) -> Rush:
    """Submit as fast as one client can: so many calls on their way, another as one returns."""
    flow, called = flows.THREE_STEPS, dict[str, float]()
    numbers = iter(range(instances))

    async def submitting(client: AsyncWorkflowClient, run: int) -> None:
        for number in numbers:
            name = f"rush-{run}-{number}"
            called[name] = time.time()
            await client.submit(flow, name, number)

    async with AsyncWorkflowClient(url) as client:
        run = time.monotonic_ns()
        await client.submit(flow, f"warm-{run}", 0)
        await client.result(f"warm-{run}", flow)
        await asyncio.gather(*(submitting(client, run) for _ in range(at_once)))
        submitted = time.time()
        for name in reversed(called):
            await client.result(name, flow)  # one after the other, from the last one: few are asked
            page = await client.list(workflow=flow, status="Completed", limit=1_000)
            found = {each.instance_id: each.finished_at for each in page.items}
            if called.keys() <= found.keys():
                break
    ends = {name: at.timestamp() for name, at in found.items() if at is not None}
    began = min(called.values())
    return Rush(
        per_second=instances / (max(ends[name] for name in called) - began),
        submits_per_second=instances / (submitted - began),
        median_seconds=statistics.median(ends[name] - at for name, at in called.items()),
    )


async def waking_seconds(url: str, times: int = 30) -> float:
    """From a submission to the first task's beginning in an idle worker process, median."""
    found = list[float]()
    async with AsyncWorkflowClient(url) as client:
        for number in range(times):
            name = f"wake-{number}-{time.monotonic_ns()}"
            began = time.time()
            await client.submit(flows.WHEN, name, number)
            await client.result(name, flows.WHEN)
            first = await client.get_task_result(name, "clock_time")
            found.append(first - began)
            await asyncio.sleep(0.03 + number % 7 * 0.003)
    return statistics.median(found)
