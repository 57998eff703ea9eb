"""Absurd: a queue and checkpoints in PostgreSQL, by its Python SDK."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import absurdctl
import psycopg
from absurd_sdk import AsyncAbsurd

from benchmarks.race.adapter import Figures, Job, Tripwire, main, repeated_async, rush, workers

AT_ONCE = 96
CONNECTIONS = 8
"""A worker has one connection, so a process has several of them: that is its quickest way."""
CLAIM_SECONDS = 1
"""Of the loop that is killed: whoever continues it waits until its claim has ended."""
MEGABYTE = "x" * 1_000_000
ENDS = """
select task_id::text, extract(epoch from completed_at)::float from absurd.r_default
where completed_at is not null
"""


async def increment(number: int) -> int:
    return number + 1


async def longer(text: str) -> str:
    return text + "x"


async def clock_time() -> float:
    return time.time()


async def _chain(params: Any, ctx: Any) -> int:
    number = params["number"]
    for _ in range(params["steps"]):
        number = await ctx.step("increment", lambda number=number: increment(number))
    return int(number)


async def _fork(params: Any, ctx: Any) -> int:
    number = params["number"]
    arms = (ctx.step("increment", lambda: increment(number)) for _ in range(params["steps"]))
    return sum(await asyncio.gather(*arms))


async def _texts(params: Any, ctx: Any) -> int:
    text = params["text"]
    for _ in range(params["steps"]):
        text = await ctx.step("longer", lambda text=text: longer(text))
    return len(text)


async def _when(_: Any, ctx: Any) -> float:
    return float(await ctx.step("clock_time", clock_time))


def _app(job: Job) -> AsyncAbsurd:
    app = AsyncAbsurd(job.url)
    for handler in (_chain, _fork, _texts, _when):
        app.register_task(name=handler.__name__.removeprefix("_"))(handler)
    return app


async def _all_ended(job: Job, count: int) -> dict[str, float]:
    """When tasks ended, once so many have, by the server's clock, which is ours."""
    with psycopg.connect(job.url, autocommit=True) as connection:
        while len(found := connection.execute(ENDS).fetchall()) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return {name: float(at) for name, at in found}


def prepare(job: Job) -> Figures:
    """Install the schema that its command line brings with it, and make a queue."""
    with psycopg.connect(job.url, autocommit=True) as connection:
        connection.execute(absurdctl.BUNDLED_SCHEMA_SQL)
        connection.execute("select absurd.create_queue('default')")
    return {}


async def _one_by_one(job: Job, task: str, *, warm: int = 1, parts: int = 1) -> Figures:
    """Spawn a task, claim it and work on it, without the pauses of a worker that polls."""
    app, text = _app(job), MEGABYTE if task == "texts" else ""

    async def one(number: int) -> None:
        await app.spawn(task, {"number": number, "text": text, "steps": job.steps})
        await app.work_batch()

    return await repeated_async(one, job, warm=warm, parts=parts)


async def lone(job: Job) -> Figures:
    """One task after the other."""
    return await _one_by_one(job, "chain", warm=3)


async def fork(job: Job) -> Figures:
    """A hundred steps of one task, in a gather: tasks have one connection, so they queue there."""
    return await _one_by_one(job, "fork")


async def big(job: Job) -> Figures:
    """A chain whose every step returns a string of a megabyte; by the step."""
    return await _one_by_one(job, "texts", parts=job.steps)


async def many(job: Job) -> Figures:
    """Spawn all of them and work on them, a hundred at a time."""
    return await _many(job, waiting=False)


async def waiting(job: Job) -> Figures:
    """The same, all of them spawned before."""
    return await _many(job, waiting=True)


async def _many(job: Job, *, waiting: bool) -> Figures:
    warm, apps = min(AT_ONCE, job.count), [_app(job) for _ in range(CONNECTIONS)]

    async def spawning(app: AsyncAbsurd, numbers: Iterator[int]) -> None:
        for number in numbers:
            await app.spawn("chain", {"number": number, "steps": job.steps})

    async def spawned(count: int) -> None:
        numbers = iter(range(count))
        await asyncio.gather(*(spawning(app, numbers) for app in apps))

    async def worked(count: int) -> float:
        each = AT_ONCE // CONNECTIONS
        serving = [asyncio.create_task(app.start_worker(concurrency=each)) for app in apps]
        ends = await _all_ended(job, count)
        for app in apps:
            app.stop_worker()
        await asyncio.gather(*serving)
        return max(ends.values())

    await spawned(warm)
    await worked(warm)
    began = time.time()
    await spawned(job.count)
    if waiting:
        began = time.time()
    seconds = await worked(warm + job.count) - began
    return {"seconds": seconds / (job.count * job.steps), "count": job.count}


async def long(job: Job) -> Figures:
    """Begin a long loop, or claim it again after a kill."""
    wire = Tripwire(job)

    async def tripping(number: int) -> int:
        wire.step(number)
        return number + 1

    async def looping(_: Any, ctx: Any) -> int:
        number = 0
        for _ in range(job.steps + 100):
            number = await ctx.step("tripping", lambda number=number: tripping(number))
        return number

    if job.workload == "go_on":
        await asyncio.sleep(CLAIM_SECONDS + 0.2)
    wire.begin()
    app = AsyncAbsurd(job.url)
    app.register_task(name="long")(looping)
    if job.workload == "begin":
        await app.spawn("long", {}, max_attempts=1_000)
    while True:
        await app.work_batch(claim_timeout=CLAIM_SECONDS)
        await asyncio.sleep(0.002)


async def worker(job: Job) -> Figures:
    """Be a worker until killed, by its default pause of a quarter of a second."""
    job.say("ready")
    await asyncio.gather(
        *(_app(job).start_worker(concurrency=AT_ONCE // CONNECTIONS) for _ in range(CONNECTIONS))
    )
    return {}


async def two_workers(job: Job) -> Figures:
    """A client spawns as fast as it can, to two workers."""
    client, submitted = AsyncAbsurd(job.url), dict[str, float]()
    with workers(job):
        idle = [await _woken(client, number) for number in range(15)]
        for number in range(job.count):
            began, params = time.time(), {"number": number, "steps": job.steps}
            spawned = await client.spawn("chain", params, queue="default")
            submitted[str(spawned["task_id"])] = began
        ended = await _all_ended(job, job.count + len(idle))
    return rush(submitted, ended, idle)


async def _woken(client: AsyncAbsurd, number: int) -> float:
    await asyncio.sleep(0.03 + number * 0.023)
    began = time.time()
    spawned = await client.spawn("when", {}, queue="default")
    done: Any = await client.await_task_result(spawned["task_id"])
    return float(done.result) - began


if __name__ == "__main__":
    main(prepare, lone, many, waiting, fork, big, long, worker, two_workers)
