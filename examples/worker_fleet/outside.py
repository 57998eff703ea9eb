"""The outside world: meters, a bank, and a journal of every task that was ever begun.

It keeps its books in a schema of its own in the same PostgreSQL, so that its times and the store's
are those of one clock. It knows nothing of workflows: what it is told by a task is written at
once, and stays, whatever becomes of the task's checkpoint.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from examples.worker_fleet import drawn
from sayiir import TaskContext
from sayiir.stores.postgres.url import parse_url

__all__ = ["BankUnreachable", "Outside", "connected"]

SCHEMA: Final = """
create schema {0};
create table {0}.begun (
    id bigint generated always as identity primary key,
    instance_id text not null, path text not null, attempt int not null, worker text not null,
    begun_at timestamptz not null default clock_timestamp(), failed_with text
);
create table {0}.charge (
    key text primary key, account int not null, cents int not null, asked int not null default 1,
    reference bigint generated always as identity
);
"""


class BankUnreachable(Exception):
    """No answer. Asking again may help."""


@asynccontextmanager
async def connected(url: str, connections: int = 8) -> AsyncGenerator[Any, None]:
    """A pool of connections to the server that a store's URL names."""
    where = parse_url(url)
    async with asyncpg.create_pool(
        where.dsn,
        min_size=1,
        max_size=connections,
        statement_cache_size=100 if where.prepared else 0,
    ) as pool:
        yield pool


class Outside:
    """What a task asks of the world.

    Args:
        pool: connections to the server.
        schema: where the books are.
        worker: who asks.
        seed: what meters say, and how well the bank's line holds, is drawn from it.
    """

    def __init__(self, pool: Any, schema: str, worker: str, seed: int) -> None:
        self._pool = pool
        self._schema = schema
        self._worker = worker
        self._seed = seed

    @staticmethod
    async def create(pool: Any, schema: str) -> None:
        """Open empty books."""
        await pool.execute(SCHEMA.format(schema))

    async def begin(self, ctx: TaskContext) -> int:
        """Write down that a task begins, and let it take its time; the entry's number."""
        entry: int = await self._pool.fetchval(
            f"insert into {self._schema}.begun (instance_id, path, attempt, worker) "
            "values ($1, $2, $3, $4) returning id",
            *(ctx.instance_id, ctx.path, ctx.attempt, self._worker),
        )
        await asyncio.sleep(random.uniform(0.005, 0.025))
        return entry

    async def read_meter(self, account: int, ctx: TaskContext) -> int:
        """What the meter says, in kWh."""
        await self.begin(ctx)
        return drawn.meter(self._seed, account)

    async def find_discount(self, account: int, ctx: TaskContext) -> int:
        """Percents that the customer is let off."""
        await self.begin(ctx)
        return drawn.discount(self._seed, account)

    async def charge(self, account: int, cents: int, ctx: TaskContext) -> str:
        """Take an amount, once for a key, however often it is asked for; the bank's reference.

        Raises:
            BankUnreachable: the line is bad.
        """
        entry = await self.begin(ctx)
        if ctx.attempt <= drawn.bad_answers(self._seed, account):
            await self._pool.execute(
                f"update {self._schema}.begun set failed_with = $2 where id = $1",
                *(entry, "BankUnreachable"),
            )
            raise BankUnreachable("no answer from the bank")
        number = await self._pool.fetchval(
            f"insert into {self._schema}.charge as old (key, account, cents) values ($1, $2, $3) "
            "on conflict (key) do update set asked = old.asked + 1 returning reference",
            *(ctx.idempotency_key, account, cents),
        )
        return f"pay-{number}"
