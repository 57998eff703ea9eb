"""Sayiir 1.0, the compiled reference: the distribution ``sayiir`` 1.0.0."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

import psycopg

from benchmarks.race.adapter import (
    Figures,
    Job,
    Tripwire,
    main,
    repeated,
    rush,
    wait_until,
    workers,
)

sayiir: Any = import_module("sayiir")
"""In its environment that is 1.0; a checker that reads this file knows only ours."""
AT_ONCE = 16
POLL_SECONDS = 0.02
MEGABYTE = "x" * 1_000_000
ENDS = """
select instance_id, extract(epoch from coalesce(completed_at, updated_at))::float
from sayiir_workflow_snapshots where status = 'Completed'
"""
# Its migrations want an extension that the server here lacks, for one function that they use on
# empty tables; nothing that is measured calls it.
PGCRYPTO = """
create function digest(text, text) returns bytea language sql immutable strict
    as $$ select sha256(convert_to($1, 'UTF8')) $$;
insert into pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
    select 99999, 'pgcrypto', 10, oid, true, '1.3' from pg_namespace where nspname = 'public'
"""


def increment(number: int) -> int:
    return number + 1


def _backend(job: Job) -> Any:
    """The backend, whose driver wants a host in the URL even where a socket's folder is named."""
    return sayiir.PostgresBackend(job.url.replace("@/", "@localhost/"))


def _chain(name: str, steps: int, step: Any = increment) -> Any:
    flow = sayiir.Flow(name)
    for number in range(steps):
        flow = flow.then(step, name=f"step_{number}")
    return flow.build()


def prepare(job: Job) -> Figures:
    """Make the tables: connecting does."""
    with psycopg.connect(job.url) as connection:
        connection.execute(PGCRYPTO)
    _backend(job)
    return {}


def call(job: Job) -> Figures:
    """``run_workflow`` in memory; it is what 1.0 has in a running loop too."""
    chain = _chain("chain", job.steps)
    return repeated(lambda number: sayiir.run_workflow(chain, number), job)


def awaited(job: Job) -> Figures:
    """The same, by the step."""
    taken = call(job)
    return taken | {"seconds": taken["seconds"] / job.steps}


def lone(job: Job) -> Figures:
    """One instance after the other."""
    chain, backend = _chain("chain", job.steps), _backend(job)
    return repeated(
        lambda number: sayiir.run_durable_workflow(chain, f"lone-{number}", number, backend), job
    )


def many(job: Job) -> Figures:
    """Instances on sixteen threads: a run blocks its own, and releases the interpreter's lock."""
    chain, backend = _chain("chain", job.steps), _backend(job)

    def one(name: str) -> None:
        assert sayiir.run_durable_workflow(chain, name, 0, backend).is_completed()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, (f"warm-{n}" for n in range(AT_ONCE))))
        began = time.perf_counter()
        list(pool.map(one, (f"many-{n}" for n in range(job.count))))
        seconds = time.perf_counter() - began
    return {"seconds": seconds / (job.count * job.steps), "count": job.count}


def fork(job: Job) -> Figures:
    """A fork of a hundred arms and its join."""
    forking = sayiir.Flow("fork").fork()
    for number in range(job.steps):
        forking = forking.branch(increment, name=f"arm_{number}")
    flow = forking.join(lambda given: sum(given.values())).build()
    backend = _backend(job)
    return repeated(
        lambda number: sayiir.run_durable_workflow(flow, f"fork-{number}", number, backend),
        job,
        warm=1,
    )


def big(job: Job) -> Figures:
    """A chain whose every step returns a string of a megabyte; by the step."""
    texts = _chain("texts", job.steps, lambda text: text + "x")
    backend = _backend(job)
    return repeated(
        lambda number: sayiir.run_durable_workflow(texts, f"big-{number}", MEGABYTE, backend),
        job,
        warm=1,
        parts=job.steps,
    )


def long(job: Job) -> Figures:
    """Begin a long chain, or resume it after a kill: a loop of it would begin at step 0 again."""
    wire = Tripwire(job)

    def tripping(number: int) -> int:
        wire.step(number)
        return number + 1

    chain = _chain("long", job.steps + 100, tripping)
    wire.begin()
    backend = _backend(job)
    if job.workload == "begin":
        sayiir.run_durable_workflow(chain, "long", 0, backend)
    else:
        sayiir.resume_workflow(chain, "long", backend)
    raise RuntimeError("the chain ended before it was killed")


def clock_time(number: float) -> float:
    return time.time()


def _when() -> Any:
    return sayiir.Flow("when").then(clock_time, name="clock_time").then(clock_time).build()


def worker(job: Job) -> Figures:
    """Be a worker until killed."""
    backend = _backend(job)
    working = sayiir.Worker(f"w-{time.monotonic_ns()}", backend, poll_interval=POLL_SECONDS)
    handle = working.start([_chain("three", job.steps), _when()])
    job.say("ready")
    handle.join()
    return {}


def two_workers(job: Job) -> Figures:
    """A client submits as fast as it can, to two workers."""
    backend = _backend(job)
    client, three, when = sayiir.WorkflowClient(backend), _chain("three", job.steps), _when()
    with workers(job), psycopg.connect(job.url, autocommit=True) as connection:
        idle = [_woken(client, when, number) for number in range(10)]
        submitted = dict[str, float]()
        for number in range(job.count):
            submitted[f"rush-{number}"] = time.time()
            client.submit(three, f"rush-{number}", number)

        def ended() -> dict[str, float]:
            return {n: at for n, at in connection.execute(ENDS).fetchall() if n in submitted}

        wait_until(lambda: len(ended()) == job.count, job.seconds, 0.2)
        return rush(submitted, ended(), idle)


def _woken(client: Any, when: Any, number: int) -> float:
    time.sleep(0.03 + number % 7 * 0.023)
    began, name = time.time(), f"when-{number}"
    client.submit(when, name, 0)
    wait_until(lambda: bool(client.status(name).is_completed()), 30)
    return float(client.get_task_result(name, "clock_time")) - began


if __name__ == "__main__":
    main(prepare, call, awaited, lone, many, fork, big, long, worker, two_workers)
