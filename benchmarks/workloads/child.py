"""Processes of their own: ``python -m benchmarks.workloads.child WHAT URL ...``."""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import time
from dataclasses import asdict

from benchmarks.workloads import flows
from benchmarks.workloads.counting import StatementCounter
from benchmarks.workloads.waves import Wave
from sayiir import AsyncPooledWorker, AsyncWorkflowClient, Workflow, open_store
from sayiir.stores.protocols import Store

AT_ONCE = 100
STEPS = 10


async def serve(url: str) -> None:
    """Be a worker until SIGTERM, and say so on a line once it can be submitted to."""
    worker = AsyncPooledWorker(
        url, workflows=[flows.THREE_STEPS, flows.WHEN], concurrency=AT_ONCE, poll_interval="1s"
    )
    serving = asyncio.create_task(worker.run())
    store = await worker.store()
    await AsyncWorkflowClient(store).result(await _warm(store), flows.THREE_STEPS)
    print("ready", flush=True)
    await serving


async def _warm(store: Store) -> str:
    name = f"warm-{time.monotonic_ns()}"
    await AsyncWorkflowClient(store).submit(flows.THREE_STEPS, name, 0)
    return name


async def wave(url: str, *, sync: bool, instances: int, counted: bool) -> Wave:
    """Run chains of 10 steps that wait already, 100 at a time, with one worker."""
    counter = StatementCounter(counted=counted)
    store = await open_store(url)
    try:
        warm = flows.counted_chain("warm", STEPS, sync=sync)
        await _submitted(store, warm, 200)
        await _worked(store, warm, 200)
        chain = flows.counted_chain("wave", STEPS, sync=sync)
        await _submitted(store, chain, instances)
        counter.begin()
        cpu, began = _cpu_seconds(), time.perf_counter()
        await _worked(store, chain, instances)
        seconds = time.perf_counter() - began
        steps = instances * STEPS
        return Wave(
            step_seconds=seconds / steps,
            cpu_seconds=(_cpu_seconds() - cpu) / steps,
            statements=counter.statements / steps,
        )
    finally:
        await store.close()


async def _submitted(store: Store, flow: Workflow[int, int], instances: int) -> None:
    client = AsyncWorkflowClient(store)
    for first in range(0, instances, AT_ONCE):
        numbers = range(first, first + AT_ONCE)
        await asyncio.gather(*(client.submit(flow, f"{flow.name}-{n}", n) for n in numbers))


async def _worked(store: Store, flow: Workflow[int, int], instances: int) -> None:
    """Work until all are stored as completed. The one whose last task was called last is asked."""
    flows.TOLD.clear()
    client = AsyncWorkflowClient(store)
    async with AsyncPooledWorker(store, workflows=[flow], concurrency=AT_ONCE):
        while len(flows.TOLD) < instances:  # noqa: ASYNC110  told by tasks on any thread
            await asyncio.sleep(0.002)
        number = flows.TOLD[-1][0] - (STEPS - 1)
        await client.result(f"{flow.name}-{number}", flow)
        page = await client.list(workflow=flow, status="Completed", limit=1_000)
        assert len(page.items) == min(instances, 1_000)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Do what the arguments say; figures go out as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["serve", "wave"])
    parser.add_argument("url")
    parser.add_argument("--sync", action="store_true")
    parser.add_argument("--counted", action="store_true")
    parser.add_argument("--instances", type=int, default=1_000)
    given = parser.parse_args()
    if given.what == "serve":
        asyncio.run(serve(given.url))
        return
    taken = asyncio.run(
        wave(given.url, sync=given.sync, instances=given.instances, counted=given.counted)
    )
    print(json.dumps(asdict(taken)))


if __name__ == "__main__":
    main()
