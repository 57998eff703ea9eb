"""Statements and transactions: committed, rolled back, retried, and nothing left over."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sayiir.clock import SystemClock
from sayiir.errors import StoreError, StoreUnavailable
from sayiir.stores.postgres import migrations
from sayiir.stores.postgres.database import Database, Session
from sayiir.stores.postgres.url import parse_url
from sayiir.testing import MovedClock

if TYPE_CHECKING:
    from sayiir.clock import Clock


async def opened(url: str, clock: Clock | None = None) -> Database:
    parsed = parse_url(url)
    (await migrations.prepared(parsed)).terminate()
    return Database(parsed, clock or SystemClock())


ADD = "insert into @label (name, value, run) values ($1, $2, $3)"
ALL = "select run from @label order by run"


async def runs_of(database: Database) -> list[int]:
    return [row[0] for row in await database.fetch(ALL)]


def test_a_transaction_is_committed_or_rolled_back(postgres_url: str) -> None:
    async def main() -> None:
        database = await opened(postgres_url)
        told: list[object] = []
        database.watchers.wake = told.append  # type: ignore[method-assign,assignment]

        async def adds(session: Session) -> str:
            session.changed.add(1)
            return await session.execute(ADD, b"a", b"b", 1)

        assert await database.run(adds) == "INSERT 0 1"
        assert told == [{1}]

        async def fails(session: Session) -> None:
            session.changed.add(2)
            await session.execute(ADD, b"a", b"b", 2)
            raise KeyError

        with pytest.raises(KeyError):
            await database.run(fails)
        assert await runs_of(database) == [1]
        assert told == [{1}]
        del database.watchers.wake
        await database.close()
        with pytest.raises(StoreUnavailable, match="closed"):
            await database.fetch(ALL)

    asyncio.run(main())


def test_an_overlooked_error_is_no_commit(postgres_url: str) -> None:
    async def main() -> None:
        database = await opened(postgres_url)

        async def overlooks(session: Session) -> None:
            with pytest.raises(StoreError):
                await session.execute("select 1 / 0")

        with pytest.raises(StoreError, match="overlooked"):
            await database.run(overlooks)
        await database.close()

    asyncio.run(main())


@pytest.mark.parametrize("prepared", ["on", "off"])
def test_now_is_the_clock_of_the_store(postgres_url: str, prepared: str) -> None:
    async def main() -> None:
        url = f"{postgres_url}&prepared={prepared}"
        clock = MovedClock()
        moved, real = await opened(url, clock), await opened(url)
        row = await moved.fetchrow("select @now + 1")
        assert row is not None
        assert row[0] == clock.now_us() + 1
        async with real.transaction() as session:
            now = await session.now()
            assert abs(now - SystemClock().now_us()) < 60_000_000
            assert await session.now() == now
        await moved.close()
        await real.close()

    asyncio.run(main())
