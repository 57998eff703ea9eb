"""DBOS Transact, on its SQLite and PostgreSQL system databases."""

from __future__ import annotations

import asyncio
import time

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSConfig, SetWorkflowID

from benchmarks.race.adapter import (
    Figures,
    Job,
    Tripwire,
    main,
    repeated_async,
    rush,
    wait_until,
    workers,
)

MEGABYTE = "x" * 1_000_000
QUEUE = "race"
ENDS = """
select workflow_uuid, completed_at / 1000.0 from dbos.workflow_status where status = 'SUCCESS'
"""


def _launched(job: Job) -> None:
    DBOS(config=_config(job))
    DBOS.launch()


def _config(job: Job) -> DBOSConfig:
    """The default one: a pool of 20 connections, LISTEN and NOTIFY, a thread pool of its own."""
    url = job.url.replace("postgresql://", "postgresql+psycopg://", 1)
    return {
        "name": "race",
        "system_database_url": url,
        "application_version": "1",
        "log_level": "ERROR",
    }


@DBOS.step()
async def increment(number: int) -> int:
    return number + 1


@DBOS.step()
async def longer(text: str) -> str:
    return text + "x"


@DBOS.step()
async def clock_time() -> float:
    return time.time()


@DBOS.workflow()
async def chain(number: int, steps: int) -> int:
    for _ in range(steps):
        number = await increment(number)
    return number


@DBOS.workflow()
async def forked(number: int, arms: int) -> int:
    return sum(await asyncio.gather(*(increment(number) for _ in range(arms))))


@DBOS.workflow()
async def texts(text: str, steps: int) -> int:
    for _ in range(steps):
        text = await longer(text)
    return len(text)


@DBOS.workflow()
async def when() -> float:
    return float(await clock_time())


def prepare(job: Job) -> Figures:
    """Launching makes the tables."""
    _launched(job)
    DBOS.register_queue(QUEUE)
    DBOS.destroy()
    return {}


async def lone(job: Job) -> Figures:
    """One workflow after the other, awaited."""
    _launched(job)
    return await repeated_async(lambda number: chain(number, job.steps), job)


async def many(job: Job) -> Figures:
    """All of them started at once, as background workflows."""
    _launched(job)

    async def all_of(count: int) -> None:
        starting = (DBOS.start_workflow_async(chain, 0, job.steps) for _ in range(count))
        handles = await asyncio.gather(*starting)
        await asyncio.gather(*(handle.get_result() for handle in handles))

    await all_of(min(20, job.count))
    began = time.perf_counter()
    await all_of(job.count)
    seconds = time.perf_counter() - began
    return {"seconds": seconds / (job.count * job.steps), "count": job.count}


async def fork(job: Job) -> Figures:
    """A hundred steps of one workflow, in a gather."""
    _launched(job)
    return await repeated_async(lambda number: forked(number, job.steps), job, warm=1)


async def big(job: Job) -> Figures:
    """A chain whose every step returns a string of a megabyte; by the step."""
    _launched(job)
    return await repeated_async(lambda _: texts(MEGABYTE, job.steps), job, warm=1, parts=job.steps)


async def long(job: Job) -> Figures:
    """Begin a long loop, or launch again after a kill: launching recovers what was running."""
    wire = Tripwire(job)

    @DBOS.step()
    async def tripping(number: int) -> int:
        wire.step(number)
        return number + 1

    @DBOS.workflow(max_recovery_attempts=None)
    async def looping(number: int) -> int:
        for _ in range(job.steps + 100):
            number = await tripping(number)
        return number

    wire.begin()
    _launched(job)
    if job.workload == "begin":
        with SetWorkflowID("long"):
            await DBOS.start_workflow_async(looping, 0)
    await asyncio.sleep(job.seconds + 10)
    raise RuntimeError("the loop ended before it was killed")


async def worker(job: Job) -> Figures:
    """Be a worker until killed: whoever launches with the queue works on it."""
    DBOS(config=_config(job))
    DBOS.listen_queues([QUEUE])
    DBOS.launch()
    job.say("ready")
    await asyncio.sleep(3600)
    return {}


def two_workers(job: Job) -> Figures:
    """A client enqueues as fast as it can, to two workers."""
    url = job.url.replace("postgresql://", "postgresql+psycopg://", 1)
    client = DBOSClient(system_database_url=url)
    engine = sa.create_engine(url)

    def ended(names: dict[str, float]) -> dict[str, float]:
        with engine.connect() as connection:
            found = connection.execute(sa.text(ENDS)).all()
        return {name: float(at) for name, at in found if name in names}

    submitted = dict[str, float]()
    with workers(job):
        idle = [_woken(client, number) for number in range(5)]
        for number in range(job.count):
            submitted[f"rush-{number}"] = time.time()
            _enqueue(client, "chain", f"rush-{number}", number, job.steps)
        wait_until(lambda: len(ended(submitted)) == job.count, job.seconds, 0.2)
    return rush(submitted, ended(submitted), idle)


def _enqueue(client: DBOSClient, workflow: str, name: str, *arguments: int) -> None:
    options = {
        "workflow_name": workflow,
        "queue_name": QUEUE,
        "workflow_id": name,
        "app_version": "1",
    }
    client.enqueue(options, *arguments)


def _woken(client: DBOSClient, number: int) -> float:
    time.sleep(0.1 + number * 0.13)
    began = time.time()
    _enqueue(client, "when", f"when-{number}")
    return float(client.retrieve_workflow(f"when-{number}").get_result()) - began


if __name__ == "__main__":
    main(prepare, lone, many, fork, big, long, worker, two_workers)
