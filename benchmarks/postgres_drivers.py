"""One step and a hundred by asyncpg and by psycopg 3, beside a bare insert and commit.

``python -m benchmarks.postgres_drivers postgresql://…`` (``pip install asyncpg psycopg[binary]``).
It makes the schema ``drivers`` in that database and drops it. All statements of a round take
turns; what is told are medians over the rounds, of times and of ratios to the round's bare one.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import psycopg

from sayiir.outages import OutageLog
from sayiir.stores.postgres.database import LOGGER
from sayiir.stores.postgres.migrations import prepared
from sayiir.stores.postgres.notices import Channel
from sayiir.stores.postgres.pool import Pool
from sayiir.stores.postgres.url import parse_url

ROUNDS, STEPS, BATCHES, BATCH = 15, 200, 20, 100

BARE = "insert into drivers.bare (path, output) values ($1, $2)"
ONE = """
with moved as (
    update drivers.work_item set path = $3, input = $4, failures = 0
    where run = $1 and spawn_path = '' and idx = 0 and epoch = $2 and control = 0 and phase = 0
    returning run
)
insert into drivers.task_result
    (run, path, node_path, ordinal, attempts, duration, finished_at, output)
select run, $4, $4, '', 1, 5, 6, $5 from moved returning run
"""
MANY = """
with step as (
    select * from unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::bytea[])
    as t (run, epoch, path, input, output)
), moved as (
    update drivers.work_item i set path = s.path, input = s.input, failures = 0 from step s
    where i.run = s.run and i.spawn_path = '' and i.idx = 0 and i.epoch = s.epoch
    and i.control = 0 and i.phase = 0
    returning i.run
)
insert into drivers.task_result
    (run, path, node_path, ordinal, attempts, duration, finished_at, output)
select s.run, s.input, s.input, '', 1, 5, 6, s.output from moved m join step s using (run)
returning run
"""
Values = tuple[Any, ...]
Run = Callable[[str, Values], Awaitable[object]]


def _psycopg_text(statement: str) -> str:
    for number in range(1, 6):
        statement = statement.replace(f"${number}", f"%(p{number})b")
    return statement


PSYCOPG = {text: _psycopg_text(text) for text in (BARE, ONE, MANY)}


class Counter:
    """Fresh paths, so that no result is there already."""

    def __init__(self) -> None:
        self.number = 0

    def one(self) -> Values:
        self.number += 1
        return 1, 0, f"next{self.number}", f"step{self.number}", b"x" * 50

    def many(self) -> Values:
        self.number += 1
        return (
            list(range(1, BATCH + 1)),
            [0] * BATCH,
            [f"next{self.number}"] * BATCH,
            [f"step{self.number}"] * BATCH,
            [b"x" * 50] * BATCH,
        )


async def _seconds(run: Run, text: str, values: Callable[[], Values], count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        await run(text, values())
    return (time.perf_counter() - began) / count


async def _prepared(url: str) -> None:
    (await prepared(parse_url(f"{url}{'&' if '?' in url else '?'}schema=drivers"))).terminate()
    connection: Any = await asyncpg.connect(url)
    await connection.execute(
        "create table drivers.bare (id bigint generated always as identity primary key, "
        "path text, output bytea)"
    )
    await connection.execute(
        "insert into drivers.work_item (run, spawn_path, idx, queue, path, input, prio, own_prio, "
        "phase, ready_at) "
        f"select n, '', 0, 1, 'a', '', 3, 3, 0, 0 from generate_series(1, {BATCH}) n"
    )
    await connection.close()


async def _rounds(url: str) -> dict[str, list[float]]:
    ours: Any = await asyncpg.connect(url)
    theirs = await psycopg.AsyncConnection.connect(url, autocommit=True)
    cursor = theirs.cursor(binary=True)

    async def by_asyncpg(text: str, values: Values) -> object:
        return await ours.fetch(text, *values)

    async def by_psycopg(text: str, values: Values) -> object:
        named = {f"p{number}": value for number, value in enumerate(values, 1)}
        await cursor.execute(PSYCOPG[text].encode(), named, prepare=True)
        return await cursor.fetchall()

    counter, found = Counter(), dict[str, list[float]]()
    for number in range(ROUNDS + 1):
        times = {
            "bare": await _seconds(by_asyncpg, BARE, lambda: ("a", b"x" * 50), STEPS),
            "one, asyncpg": await _seconds(by_asyncpg, ONE, counter.one, STEPS),
            "one, psycopg": await _seconds(by_psycopg, ONE, counter.one, STEPS),
            "hundred, asyncpg": await _seconds(by_asyncpg, MANY, counter.many, BATCHES),
            "hundred, psycopg": await _seconds(by_psycopg, MANY, counter.many, BATCHES),
        }
        for name, value in times.items() if number else ():
            found.setdefault(name, []).append(value)
    await ours.close()
    await theirs.close()
    return found


async def _handing_over(url: str, count: int = 20_000) -> tuple[float, float]:
    """Seconds of taking a connection and giving it back: the driver's pool and ours."""

    async def no_reset(_: object) -> None: ...

    theirs: Any = await asyncpg.create_pool(url, min_size=1, max_size=8, reset=no_reset)
    ours = Pool(parse_url(url), Channel("drivers"), OutageLog(LOGGER, url))
    ours.release(await ours.acquire())
    began = time.perf_counter()
    for _ in range(count):
        await theirs.release(await theirs.acquire())
    between = time.perf_counter()
    for _ in range(count):
        ours.release(ours.take() or await ours.acquire())
    ended = time.perf_counter()
    await theirs.close()
    await ours.close()
    return (between - began) / count, (ended - between) / count


def _import_ms(module: str) -> float:
    """Milliseconds that an import takes beyond a bare start of Python with asyncio."""

    def start(code: str) -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return (time.perf_counter() - began) * 1e3

    pairs = [
        (start(f"import asyncio, ssl, {module}"), start("import asyncio, ssl")) for _ in range(7)
    ]
    return statistics.median(value - base for value, base in pairs)


async def main(url: str) -> None:
    await _prepared(url)
    try:
        found = await _rounds(url)
        theirs, ours = await _handing_over(url)
    finally:
        connection: Any = await asyncpg.connect(url)
        await connection.execute("drop schema drivers cascade")
        await connection.close()
    for name, times in found.items():
        ratio = statistics.median(
            value / bare for value, bare in zip(times, found["bare"], strict=True)
        )
        print(f"{name:18} {statistics.median(times) * 1e3:7.3f} ms  {ratio:5.2f} x bare")
    print(f"take and release: asyncpg's pool {theirs * 1e6:.1f} µs, ours {ours * 1e6:.2f} µs")
    for module in ("asyncpg", "psycopg"):
        print(f"import {module}: {_import_ms(module):.0f} ms")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
