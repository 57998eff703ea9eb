"""Sayiir, the checkout that this file is in."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from benchmarks.race.adapter import (
    Figures,
    Job,
    Tripwire,
    main,
    repeated,
    repeated_async,
    rush,
    workers,
)
from benchmarks.workloads import flows
from sayiir import (
    Again,
    AsyncCheckpointingRunner,
    AsyncPooledWorker,
    AsyncWorkflowClient,
    CheckpointingRunner,
    Done,
    Workflow,
    loop,
    open_store,
    task,
    workflow,
)

AT_ONCE = 100
SUBMITTING = 32
MEGABYTE = "x" * 1_000_000
LEASE_SECONDS = 1
"""Of the loop that is killed: whoever continues it waits until its lease has ended."""


async def prepare(job: Job) -> Figures:
    """Make the store's tables."""
    store = await open_store(job.url)
    await store.close()
    return {}


def call(job: Job) -> Figures:
    """``wf(input)`` in memory, where no loop runs."""
    chain = flows.chain(job.steps)
    return repeated(chain, job)


async def awaited(job: Job) -> Figures:
    """``await wf.arun(input)`` in memory, in a running loop."""
    chain = flows.chain(job.steps)
    return await repeated_async(chain.arun, job, parts=job.steps)


def lone(job: Job) -> Figures:
    """One instance after the other, by the blocking runner."""
    chain = flows.chain(job.steps)
    with CheckpointingRunner(job.url) as runner:
        return repeated(lambda number: runner.run(chain, f"lone-{number}", number), job)


async def many(job: Job) -> Figures:
    """All instances are created, and whatever is due is worked on, by one runner."""
    chain = flows.chain(job.steps)
    async with AsyncCheckpointingRunner(job.url) as runner:

        async def done(part: str, count: int) -> None:
            submitting = (runner.client.submit(chain, f"{part}-{n}", n) for n in range(count))
            await asyncio.gather(*submitting)
            assert await runner.resume_all([chain]) == count

        await done("warm", min(AT_ONCE, job.count))
        began = time.perf_counter()
        await done("many", job.count)
        seconds = time.perf_counter() - began
    return {"seconds": seconds / (job.count * job.steps), "count": job.count}


async def waiting(job: Job) -> Figures:
    """Instances that wait already, by one worker; what was created before is not counted."""
    chain, store = flows.counted_chain("waiting", job.steps, sync=False), await open_store(job.url)
    client = AsyncWorkflowClient(store)
    for part, count in (("warm", min(AT_ONCE, job.count)), ("waiting", job.count)):
        flows.TOLD.clear()
        names = [f"{part}-{n}" for n in range(count)]
        await asyncio.gather(*(client.submit(chain, name, 0) for name in names))
        began = time.perf_counter()
        async with AsyncPooledWorker(store, workflows=[chain], concurrency=AT_ONCE):
            while len(flows.TOLD) < count:  # noqa: ASYNC110  told by tasks
                await asyncio.sleep(0.001)
            await asyncio.gather(*(client.result(name, chain) for name in names[-AT_ONCE:]))
            seconds = time.perf_counter() - began
    return {"seconds": seconds / (job.count * job.steps), "count": job.count}


async def fork(job: Job) -> Figures:
    """A fork of a hundred arms and its join."""
    async with AsyncCheckpointingRunner(job.url) as runner:
        return await repeated_async(lambda n: runner.run(flows.FORK, f"fork-{n}", n), job)


async def big(job: Job) -> Figures:
    """A chain whose every step returns a string of a megabyte; by the step."""
    texts = flows.texts(job.steps)
    async with AsyncCheckpointingRunner(job.url) as runner:
        return await repeated_async(
            lambda n: runner.run(texts, f"big-{n}", MEGABYTE), job, warm=1, parts=job.steps + 1
        )


def long(job: Job) -> Figures:
    """Begin a long loop or go on with it after a kill: the same line does."""
    wire = Tripwire(job)

    @task
    async def tripping(number: int) -> Again[int] | Done[int]:
        wire.step(number)
        return Again(number + 1)

    looping = workflow("long", loop(tripping, max_iterations=job.steps + 100))
    asyncio.run(prepare(job))  # so that what is imported at first use has been imported
    with CheckpointingRunner("memory://") as runner:
        runner.run(flows.chain(2), "warm", 0)
    if job.workload == "go_on" and job.store == "postgres":
        time.sleep(LEASE_SECONDS + 0.2)
    wire.begin()
    with CheckpointingRunner(job.url, lease=LEASE_SECONDS) as runner:
        while True:
            runner.ensure(looping, "long", 0)
            time.sleep(0.002)


async def worker(job: Job) -> Figures:
    """Be a worker until killed."""
    given: list[Workflow[Any, Any]] = [flows.THREE_STEPS, flows.WHEN]
    working = AsyncPooledWorker(job.url, workflows=given, concurrency=AT_ONCE)
    serving = asyncio.create_task(working.run())
    client = AsyncWorkflowClient(await working.store())
    name = f"warm-{time.monotonic_ns()}"
    await client.submit(flows.THREE_STEPS, name, 0)
    await client.result(name, flows.THREE_STEPS)
    job.say("ready")
    await serving
    return {}


async def two_workers(job: Job) -> Figures:
    """A client submits as fast as it can, to two workers."""
    submitted, numbers = dict[str, float](), iter(range(job.count))

    async def submitting(client: AsyncWorkflowClient) -> None:
        for number in numbers:
            submitted[f"rush-{number}"] = time.time()
            await client.submit(flows.THREE_STEPS, f"rush-{number}", number)

    with workers(job):
        async with AsyncWorkflowClient(job.url) as client:
            await client.submit(flows.WHEN, "warm", 0)
            await client.result("warm", flows.WHEN)
            await asyncio.gather(*(submitting(client) for _ in range(SUBMITTING)))
            for name in reversed(submitted):
                await client.result(name, flows.THREE_STEPS)
            page = await client.list(workflow=flows.THREE_STEPS, status="Completed", limit=1_000)
            ended = {e.instance_id: e.finished_at.timestamp() for e in page.items if e.finished_at}
            idle = [await _woken(client, number) for number in range(30)]
    return rush(submitted, {name: ended[name] for name in submitted}, idle)


async def _woken(client: AsyncWorkflowClient, number: int) -> float:
    await asyncio.sleep(0.03 + number % 7 * 0.003)
    began = time.time()
    await client.submit(flows.WHEN, f"when-{number}", 0)
    await client.result(f"when-{number}", flows.WHEN)
    first = await client.get_task_result(f"when-{number}", "clock_time")
    return float(first) - began


if __name__ == "__main__":
    main(prepare, call, awaited, lone, many, waiting, fork, big, long, worker, two_workers)
