"""Connections: none is leaked, none is waited for for ever, and they come back by themselves."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from sayiir.errors import StoreError, StoreUnavailable
from sayiir.stores.open import open_store
from sayiir.stores.postgres import driver, pool
from sayiir.stores.postgres.faults import Conflict
from sayiir.stores.postgres.url import parse_url
from sayiir.testing.postgres import PostgresServer
from tests.postgres.proxy import Proxy
from tests.postgres.test_database import ADD, opened, runs_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from sayiir.stores.postgres.database import Database, Session


def run(main: Coroutine[None, None, None], seconds: float = 60) -> None:
    async def patient() -> None:
        async with asyncio.timeout(seconds):
            await main

    asyncio.run(patient())


async def sessions(url: str, name: str) -> list[str]:
    """The states of the server's sessions under that name."""
    connection = await asyncpg.connect(parse_url(url).dsn)
    try:
        rows = await connection.fetch(
            "select state from pg_stat_activity where application_name = $1", name
        )
        return [row[0] for row in rows]
    finally:
        await connection.close()


async def gone(url: str, name: str) -> None:
    while await sessions(url, name):
        await asyncio.sleep(0.01)


async def adds(session: Session, run: int = 1) -> None:
    await session.fetch("select @now")
    await session.execute(ADD, b"a", os.urandom(8), run)
    session.changed.add(run)


def test_cancelled_anywhere_nothing_is_leaked(
    postgres_url: str, report_figure: Callable[[str], None]
) -> None:
    """At each turn of the loop that a verb takes; then its pool of one connection serves others."""

    async def main() -> None:
        url = f"{postgres_url}&pool=1&application_name={parse_url(postgres_url).schema}"
        database = await opened(url)
        turns = cancelled = 0
        while True:
            verbs: list[Coroutine[None, None, object]] = [
                database.run(adds),
                database.fetch("select pg_sleep(0.001)"),
            ]
            ended = 0
            for verb in verbs:
                task = asyncio.ensure_future(verb)
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                try:
                    await task
                    ended += 1
                except asyncio.CancelledError:
                    cancelled += 1
                assert await database.fetchrow("select 1") is not None
            turns += 1
            states = await sessions(postgres_url, parse_url(postgres_url).schema)
            assert len(states) <= 1
            assert "idle in transaction" not in states
            if ended == 2:
                break
        await database.close()
        await gone(postgres_url, parse_url(postgres_url).schema)
        report_figure(f"cancelled at {cancelled} points: leaked connections and transactions 0")

    run(main(), 120)


def test_who_waits_is_served_in_turn_and_cancelled_without_loss(postgres_url: str) -> None:
    async def main() -> None:
        database = await opened(f"{postgres_url}&pool=1")
        order: list[int] = []

        async def one(number: int) -> None:
            await database.fetch("select pg_sleep(0.01)")
            order.append(number)

        tasks = [asyncio.ensure_future(one(number)) for number in range(20)]
        await asyncio.sleep(0.005)
        for task in tasks[5:10]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert order == [*range(5), *range(10, 20)]
        await database.close()

    run(main())


def test_a_connection_given_to_who_is_cancelled_at_that_moment_goes_on(postgres_url: str) -> None:
    async def main() -> None:
        database = await opened(f"{postgres_url}&pool=1")
        async with database.transaction():
            waiting = asyncio.ensure_future(database.fetch("select 1"))
            await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        assert await database.fetch("select 1")
        await database.close()

    run(main(), 10)


def test_waiting_for_a_connection_ends(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "ACQUIRE_SECONDS", 0.1)

    async def main() -> None:
        database = await opened(f"{postgres_url}&pool=1")
        async with database.transaction():
            with pytest.raises(StoreUnavailable, match="raise 'pool='"):
                await database.fetch("select 1")
        assert await database.fetch("select 1")
        await database.close()

    run(main())


def test_collisions_are_tried_again_and_then_told(postgres_url: str) -> None:
    """Two transactions that lock in opposite orders: one is the server's victim, both happen."""

    async def main() -> None:
        database = await opened(postgres_url)
        for number in (1, 2):
            await database.execute(ADD, b"a", b"b", number)
        met, tries = asyncio.Barrier(2), [0, 0]

        def crossing(mine: int, first: int, second: int) -> Callable[[Session], object]:
            async def verb(session: Session) -> None:
                tries[mine] += 1
                await session.execute("update @label set value = value where run = $1", first)
                if sum(tries) <= 2:
                    await met.wait()
                await session.execute("update @label set value = value where run = $1", second)

            return verb

        await asyncio.gather(
            database.run(crossing(0, 1, 2)),  # type: ignore[arg-type]
            database.run(crossing(1, 2, 1)),  # type: ignore[arg-type]
        )
        assert sum(tries) == 3

        count = 0

        async def hopeless(_: Session) -> None:
            nonlocal count
            count += 1
            raise Conflict("made up")

        with pytest.raises(StoreUnavailable):
            await database.run(hopeless)
        assert count == 8
        await database.close()

    run(main())


def test_a_cut_between_commit_and_its_answer_is_told_as_unknown(postgres_url: str) -> None:
    async def main() -> None:
        async with Proxy(postgres_url) as proxy:
            database = await opened(f"{proxy.url}&pool=1")
            await database.fetch("select 1")
            link = proxy.links[-1]

            async def verb(session: Session) -> None:
                await adds(session, 7)
                link.mute = True
                asyncio.get_running_loop().call_later(0.2, link.cut)

            with pytest.raises(StoreUnavailable, match="connection"):
                await database.run(verb)
            assert await runs_of(database) == [7]
            await database.close()

    run(main())


@pytest.mark.alone
def test_a_server_that_says_nothing_is_waited_for_so_long(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, promised: Callable[[float], float]
) -> None:
    """Then the call ends; the connection is given up soon after, and a new one serves."""
    monkeypatch.setattr(
        driver.connect,
        "__kwdefaults__",
        {
            "connect_seconds": 0.5,
            "statement_seconds": 0.3,
        },
    )
    monkeypatch.setattr(pool, "RECOVER_SECONDS", 0.3)

    async def main() -> None:
        async with Proxy(postgres_url) as proxy:
            database = await opened(f"{proxy.url}&pool=1")
            await database.fetch("select 1")
            proxy.links[-1].silent = True
            begun = time.monotonic()
            with pytest.raises(StoreUnavailable, match="no answer in time"):
                await database.fetch("select 1")
            assert time.monotonic() - begun < promised(2)
            assert await database.fetch("select 1")
            with pytest.raises(StoreUnavailable, match="no answer in time"):
                await database.run(lambda session: session.fetch("select pg_sleep(5)"))
            assert await database.fetch("select 1")
            await database.close()

    run(main())


@pytest.mark.alone
@pytest.mark.crash
def test_after_a_crash_of_the_server_the_store_goes_on(
    caplog: pytest.LogCaptureFixture,
    promised: Callable[[float], float],
    report_figure: Callable[[str], None],
) -> None:
    """While it is gone each call says so, soon; the log does once."""
    cluster = PostgresServer()
    try:
        cluster.create()
        cluster.start()
        with caplog.at_level(logging.ERROR, "sayiir"):
            run(_through_a_crash(cluster, promised, report_figure), 120)
        lines = [each for each in caplog.records if "a connection failed" in each.message]
        assert len(lines) == 1
    finally:
        cluster.remove()


async def _through_a_crash(
    cluster: PostgresServer,
    promised: Callable[[float], float],
    report_figure: Callable[[str], None],
) -> None:
    database = await opened(cluster.url)
    await asyncio.gather(*(database.run(adds) for _ in range(8)))
    cluster.stop("immediate")
    longest = 0.0
    for _ in range(6):
        begun = time.monotonic()
        # More than there are connections: who waits for one is told too.
        answers = await asyncio.gather(
            *(database.run(adds) for _ in range(20)), return_exceptions=True
        )
        longest = max(longest, time.monotonic() - begun)
        assert all(isinstance(each, StoreUnavailable) for each in answers), answers
    assert longest < promised(3)
    await asyncio.to_thread(cluster.start)
    begun = time.monotonic()
    while True:
        try:
            await database.run(adds)
            break
        except StoreUnavailable:
            continue
    took = time.monotonic() - begun
    assert took < promised(5)
    assert len(await runs_of(database)) == 9
    report_figure(f"a call of a server that is gone: {longest:.1f} s; back after {took:.1f} s")
    await database.close()


def test_as_many_as_the_server_allows_are_made_do_with() -> None:
    cluster = PostgresServer()
    try:
        cluster.create()
        cluster.start(max_connections="8", superuser_reserved_connections="0")
        run(_crowded(cluster.url))
    finally:
        cluster.remove()


async def _crowded(url: str) -> None:
    database = await opened(f"{url}&pool=50")
    answers = await asyncio.gather(*(database.fetch("select pg_sleep(0.02)") for _ in range(50)))
    assert len(answers) == 50
    other = await opened_by(database)
    hold = asyncio.gather(*(database.fetch("select pg_sleep(0.5)") for _ in range(50)))
    await asyncio.sleep(0.1)
    with pytest.raises(StoreUnavailable, match="max_connections"):
        await other.fetch("select 1")
    await hold
    await database.close()
    await other.close()


async def opened_by(database: Database) -> Database:
    """Another store of the same schema."""
    return type(database)(database.url, database.clock)


def test_connections_end_with_their_loop_or_their_store(postgres_url: str) -> None:
    """Loops that come and go leave none; a store that is closed elsewhere neither."""
    name = parse_url(postgres_url).schema
    database = asyncio.run(opened(f"{postgres_url}&application_name={name}"))

    async def use() -> None:
        await asyncio.gather(*(database.run(adds) for _ in range(5)))
        assert len(await sessions(postgres_url, name)) == 5

    for _ in range(3):
        run(use())
        run(gone(postgres_url, name))
    assert len(database._pools) <= 1

    async def close_from_another_loop() -> None:
        await use()
        await asyncio.to_thread(lambda: run(database.close()))
        await gone(postgres_url, name)
        with pytest.raises(StoreUnavailable, match="closed"):
            await database.fetch("select 1")
        await database.close()

    run(close_from_another_loop())


def test_a_forked_child_is_refused(postgres_url: str) -> None:
    """With a clear error; its parent's connections go on."""

    async def main() -> None:
        database = await opened(postgres_url)
        await database.fetch("select 1")
        child = os.fork()
        if child == 0:
            code = 1
            try:
                for verb in (database.fetch("select 1"), database.run(adds), database.close()):
                    try:
                        verb.send(None)
                    except StoreError as error:
                        code = 0 if "forked child" in str(error) else 3
                    else:
                        code = 2
                    if code:
                        break
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert await database.fetch("select 1")
        await database.close()

    run(main())


def test_the_driver_asks_for_no_array_type(postgres_url: str) -> None:
    """It would ask once on each connection, for longer than a step takes."""

    async def main() -> None:
        asked: list[str] = []
        connection: Any = await driver.connect(parse_url(postgres_url))
        try:
            connection.add_query_logger(lambda record: asked.append(record.query))
            given = [[True, None], [b"\0a"], [-7], [2**31 - 1], [2**63 - 1, None], [0.1]]
            row = await connection.fetchrow(
                "select $1::boolean[], $2::bytea[], $3::smallint[], $4::integer[], $5::bigint[], "
                "$6::double precision[]",
                *given,
            )
            assert row is not None
            assert list(row) == given
            await asyncio.sleep(0)  # the driver tells of queries in the next turn of the loop
            types = [query for query in asked if "pg_type" in query]
            assert len(asked) == 1, (
                f"asyncpg {asyncpg.__version__} asks the server for the types of arrays, on each "
                "connection anew. It takes them in otherwise than its releases up to 0.32 did: "
                f"see tell_array_types in sayiir/stores/postgres/array_types.py. Asked: {types}"
            )
        finally:
            connection.terminate()

    run(main())


def test_opening_takes_one_connection_which_is_kept(postgres_url: str) -> None:
    async def main() -> None:
        name = f"opening{os.urandom(4).hex()}"
        url = f"{postgres_url}&application_name={name}"
        store = await open_store(url)
        try:
            states = await sessions(postgres_url, name)
            await store.describe("nobody")
            assert states == ["idle"] == await sessions(postgres_url, name)
        finally:
            await store.close()

    run(main())
