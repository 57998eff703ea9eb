"""Who watches hears of what others do, soon; and when the connection for it dies or is silent."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from sayiir.stores.postgres.notices import Channel
from sayiir.stores.postgres.url import parse_url
from tests.postgres.proxy import Link, Proxy
from tests.postgres.test_database import ADD, opened

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sayiir.stores.postgres.database import Database, Session

ROOT = Path(__file__).resolve().parents[2]

TELLER = """
import asyncio, json, sys, time
from tests.postgres.test_database import opened
from tests.postgres.test_notices import change

async def main():
    database = await opened(sys.argv[1])
    await change(database, 0)
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        await change(database, int(line))
        print(json.dumps(time.time()), flush=True)
    await database.close()

asyncio.run(main())
"""


async def change(database: Database, run: int) -> None:
    """What a verb does: write, commit, tell."""

    async def verb(session: Session) -> None:
        await session.execute(ADD, b"name", os.urandom(8), run)
        session.changed.add(run)

    await database.run(verb)


async def heard(database: Database) -> int:
    """Wait until the listener is known to hear; the server's process at its other end."""
    async with asyncio.timeout(30):
        while database.listener.process_id is None:
            await asyncio.sleep(0.01)
    return database.listener.process_id


async def quiet(database: Database) -> None:
    watch = database.watch(None)
    while await watch.changed(0.1):
        pass
    watch.close()


def test_two_stores_hear_each_other_and_not_themselves(
    postgres_url: str, report_figure: Callable[[str], None]
) -> None:
    async def main() -> list[float]:
        one, two = await opened(postgres_url), await opened(postgres_url)
        watch, own = two.watch(7), one.watch(None)
        await heard(one)
        await heard(two)
        echoes: list[object] = []
        real_wake, one.watchers.wake = one.watchers.wake, echoes.append  # type: ignore[method-assign,assignment]
        took: list[float] = []
        for _ in range(100):
            await quiet(two)
            while await watch.changed(0):
                pass
            begun = time.perf_counter()
            waiting = asyncio.ensure_future(watch.changed(10))
            await change(one, 7)
            assert await waiting
            took.append(time.perf_counter() - begun)
            if len(took) == 10:
                await change(one, 8)
                assert not await watch.changed(0.05)  # another run than is watched
        assert all(each == {7} or each == {8} for each in echoes)
        assert len(echoes) == 101  # each change once: none came back as a notice
        one.watchers.wake = real_wake  # type: ignore[method-assign]
        own.close()
        await one.close()
        await two.close()
        return took

    async def patient() -> list[float]:
        async with asyncio.timeout(120):
            return await main()

    took = asyncio.run(patient())
    report_figure(f"change to wake-up in another store: p50 {statistics.median(took) * 1e3:.2f} ms")


def test_another_process_is_heard(postgres_url: str, report_figure: Callable[[str], None]) -> None:
    async def main() -> list[float]:
        database = await opened(postgres_url)
        watch = database.watch(5)
        await heard(database)
        teller = subprocess.Popen(
            [sys.executable, "-c", TELLER, postgres_url],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        took: list[float] = []
        try:
            assert teller.stdin is not None
            assert teller.stdout is not None
            assert teller.stdout.readline() == "ready\n"
            for _ in range(50):
                while await watch.changed(0.03):
                    pass
                teller.stdin.write("5\n")
                teller.stdin.flush()
                assert await watch.changed(10)
                now = time.time()
                took.append(now - json.loads(teller.stdout.readline()))
        finally:
            teller.communicate()
        await database.close()
        return took

    took = asyncio.run(main())
    report_figure(
        f"commit answered to wake-up in another process: p50 {statistics.median(took) * 1e3:.2f} ms"
    )


def test_changes_gather_into_few_notices(postgres_url: str) -> None:
    async def main() -> None:
        one, two = await opened(postgres_url), await opened(postgres_url)
        seen: list[set[int] | None] = []
        two.watchers.wake = lambda runs=None: seen.append(runs)  # type: ignore[method-assign,assignment]
        two.listener.ensure()
        await heard(two)
        seen.clear()
        for run in range(1, 301):
            one.changed([run])
        one.changed(range(10_000, 14_000))
        async with asyncio.timeout(10):
            while None not in seen:
                await asyncio.sleep(0.01)
        assert len(seen) <= 2  # 4,300 numbers don't fit: the notice says "any"
        await one.fetch("select 1")
        one.changed([1, 2])
        # What has gathered is sent before the store closes.
        await one.close()
        async with asyncio.timeout(10):
            while {1, 2} not in seen:
                await asyncio.sleep(0.01)
        del two.watchers.wake
        await two.close()

    asyncio.run(main())


def test_a_notice_says_any_where_its_runs_dont_fit() -> None:
    one, two = Channel("a"), Channel("a")
    assert one.name == two.name != Channel("b").name
    assert len(one.heartbeat) < 64
    assert two.read(one.written({1, 23})) == {1, 23}
    assert one.read(one.written({1, 23})) == set()
    few, many = range(10**18, 10**18 + 398), range(10**18, 10**18 + 400)
    assert two.read(one.written(few)) == set(few)
    assert len(one.written(few)) <= 7_999
    assert two.read(one.written(many)) is None
    assert two.read("other something new") is None


async def _restored_after(
    database: Database, other: Database, strike: Callable[[int], Awaitable[None]]
) -> float:
    """Seconds until a change of the other is heard again."""
    watch = database.watch(None)
    was = await heard(database)
    while await watch.changed(0.1):
        pass
    await strike(was)
    begun = time.monotonic()
    async with asyncio.timeout(30):
        while database.listener.process_id in {None, was}:
            await asyncio.sleep(0.02)
    took = time.monotonic() - begun
    assert not await watch.changed(0)
    assert await watch.changed(0.01)  # what came while nobody listened: who waits looks
    while await watch.changed(0.1):
        pass
    await change(other, 3)
    assert await watch.changed(5)
    watch.close()
    return took


def test_a_killed_listener_is_replaced(
    postgres_url: str, report_figure: Callable[[str], None]
) -> None:
    async def main() -> float:
        database, other = await opened(postgres_url), await opened(postgres_url)

        async def strike(process: int) -> None:
            connection = await asyncpg.connect(parse_url(postgres_url).dsn)
            await connection.fetchval("select pg_terminate_backend($1)", process)
            await connection.close()

        took = await _restored_after(database, other, strike)
        await database.close()
        await other.close()
        return took

    took = asyncio.run(main())
    assert took <= 15
    report_figure(f"listener's session ended: wake-ups restored after {took:.1f} s")


def test_a_silent_listener_is_replaced(
    postgres_url: str, report_figure: Callable[[str], None]
) -> None:
    """Its connection stays open and carries nothing, which nobody is told."""

    async def main() -> float:
        async with Proxy(postgres_url) as proxy:
            database, other = await opened(proxy.url), await opened(postgres_url)

            async def strike(_: int) -> None:
                _only(proxy.listening()).silent = True

            took = await _restored_after(database, other, strike)
            await database.close()
            await other.close()
            return took

    took = asyncio.run(main())
    assert took <= 15
    report_figure(f"listener's connection silent: wake-ups restored after {took:.1f} s")


def _only(links: list[Link]) -> Link:
    assert len(links) == 1
    return links[0]


def test_the_listener_moves_when_its_loop_ends(postgres_url: str) -> None:
    """Who watches next, on another loop, has it there."""
    database = asyncio.run(opened(postgres_url))

    async def listens() -> None:
        watch = database.watch(None)
        other = await opened(postgres_url)
        await heard(database)
        await quiet(database)
        while await watch.changed(0.05):
            pass
        await change(other, 1)
        assert await watch.changed(10)
        watch.close()
        await other.close()

    asyncio.run(listens())
    asyncio.run(listens())
    asyncio.run(database.close())


def test_behind_a_pooler_polling_is_told_of_once(
    postgres_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LISTEN is answered, but what is sent arrives at nobody's."""
    from sayiir.stores.postgres import notices

    monkeypatch.setattr(notices, "HEAR_SECONDS", 0.3)
    monkeypatch.setattr(notices, "DEAF_PAUSE_SECONDS", 0.05)

    async def main() -> None:
        database = await opened(postgres_url)
        real = notices.connect

        async def connect_deaf(*args: object, **options: object) -> object:
            return _Deaf(await real(*args, **options))  # type: ignore[arg-type]

        monkeypatch.setattr(notices, "connect", connect_deaf)
        watch = database.watch(None)
        async with asyncio.timeout(20):
            while database.listener._deaf < 4:
                await asyncio.sleep(0.01)
        await change(database, 1)
        assert await watch.changed(5)
        watch.close()
        await database.close()

    with caplog.at_level(logging.WARNING, "sayiir"):
        asyncio.run(main())
    assert [record.message.count("polling alone") for record in caplog.records] == [1]


class _Deaf:
    """A connection that listens for nothing."""

    def __init__(self, real: object) -> None:
        self._real = real

    async def add_listener(self, *_: object) -> None: ...

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)
