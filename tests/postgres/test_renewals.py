"""Renewals take rows as they are free, and hold none while they wait for another."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg

from sayiir.stores.postgres.url import parse_url
from sayiir.stores.records import End, LeaseState
from tests.postgres.racing import SECOND_US, Track, racing

if TYPE_CHECKING:
    from sayiir.stores.records import Claimed

LOCK = "select 1 from {}.work_item where run = $1 for update"


def test_a_renewal_is_in_nobodys_deadlock(postgres_database_url: str) -> None:
    """Another has the second row and asks for the first: it gets it, though the renewal waits."""

    async def main() -> None:
        async with racing(postgres_database_url, 1) as track:
            items = [await track.start() for _ in range(3)]
            states = await renewed_beside(postgres_database_url, track, items)
            assert states == [LeaseState(held=True)] * 3

    asyncio.run(main())


def test_what_is_lost_is_told_from_what_is_locked(postgres_database_url: str) -> None:
    async def main() -> None:
        async with racing(postgres_database_url, 1) as track:
            items = [await track.start() for _ in range(3)]
            await track.write(items[2], End(output="r"))
            states = await renewed_beside(postgres_database_url, track, items)
            assert [state.held for state in states] == [True, True, False]

    asyncio.run(main())


async def renewed_beside(url: str, track: Track, items: list[Claimed]) -> list[LeaseState]:
    """Renew while another transaction has all rows but the first, and then wants the first too."""
    where = parse_url(url)
    other = await asyncpg.connect(where.dsn)
    look = await asyncpg.connect(where.dsn)
    lock = LOCK.format(where.schema)
    try:
        transaction = other.transaction()
        await transaction.start()
        for item in reversed(items[1:]):
            await other.fetch(lock, item.fence.run)
        fences = [item.fence for item in items]
        renewal = asyncio.create_task(track.stores[0].renew(fences, 30 * SECOND_US))
        while not await look.fetchval(
            "select count(*) from pg_stat_activity where $1 = any (pg_blocking_pids(pid))",
            other.get_server_pid(),
        ):
            await asyncio.sleep(0)
        await other.fetch(lock, items[0].fence.run)
        await transaction.commit()
        return await renewal
    finally:
        await other.close()
        await look.close()
