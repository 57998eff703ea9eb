"""What nothing can be quicker than: the disk, bare commits, a bare await."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.floors import machine, sqlite
from benchmarks.race.adapter import Figures, Job, main

SMALL = b"x" * 50
CONNECTIONS = 16
INSERT = "insert into bare (path, output) values ($1, $2)"


async def awaited(job: Job) -> Figures:
    """One await of a coroutine that adds one."""
    return {"seconds": await machine.bare_await_seconds(), "count": 50_000}


def disk(job: Job) -> Figures:
    """Write a page behind the last one and wait until it is on disk."""
    page, times = b"x" * 4096, list[float]()
    with tempfile.TemporaryFile(dir=_folder(job)) as file:
        for _ in range(job.count):
            began = time.perf_counter()
            os.write(file.fileno(), page)
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    return {"seconds": sorted(times)[len(times) // 2], "count": len(times)}


def _folder(job: Job) -> Path:
    """Of the store's file; of the temporary files where there is none."""
    return Path(job.url.removeprefix("sqlite:///") or tempfile.mkdtemp()).parent


def commit_grown(job: Job) -> Figures:
    """SQLite: a row inserted and committed, where the log has its size already."""
    return {"seconds": sqlite.row_seconds(_folder(job), SMALL, job.count), "count": job.count}


def commit_growing(job: Job) -> Figures:
    """The same where the log's file grows with every commit."""
    return {"seconds": sqlite.row_seconds(_folder(job), SMALL, job.count, grown=False)} | {
        "count": float(job.count)
    }


async def commit_one(job: Job) -> Figures:
    """PostgreSQL: a row inserted and committed, on one connection."""
    return await _commits(job, 1)


async def commit_sixteen(job: Job) -> Figures:
    """The same on sixteen connections at once."""
    return await _commits(job, CONNECTIONS)


async def _commits(job: Job, connections: int) -> Figures:
    import asyncpg

    opened: list[Any] = [await asyncpg.connect(job.url) for _ in range(connections)]
    await opened[0].execute(
        "create table bare (id bigint generated always as identity primary key, "
        "path text, output bytea)"
    )
    numbers = iter(range(job.count))

    async def inserting(connection: Any) -> None:
        for number in numbers:
            await connection.execute(INSERT, f"p{number}", SMALL)

    for connection in opened:
        await connection.execute(INSERT, "warm", SMALL)
    began = time.perf_counter()
    await asyncio.gather(*(inserting(connection) for connection in opened))
    return {"seconds": (time.perf_counter() - began) / job.count, "count": job.count}


def prepare(_: Job) -> Figures:
    return {}


if __name__ == "__main__":
    main(prepare, awaited, disk, commit_grown, commit_growing, commit_one, commit_sixteen)
