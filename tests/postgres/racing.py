"""What races are written with: several stores on one schema, and calls that start together."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg

from sayiir.errors import SayiirError
from sayiir.stores.postgres.store import PostgresStore
from sayiir.stores.records import (
    Answer,
    Checkpoint,
    Claimed,
    ClaimRequest,
    Effect,
    InstanceRecord,
    NewInstance,
    NewItem,
    Result,
    Spawn,
)
from tests.postgres.invariants import broken

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

__all__ = ["SECOND_US", "Track", "racing"]

SECOND_US = 1_000_000


class Track:
    """Two stores on one schema, and dice."""

    def __init__(self, stores: list[PostgresStore], seed: int) -> None:
        self.stores = stores
        self.dice = random.Random(seed)
        self.count = 0
        self.first_waited = False
        """Whether the first call of the last race had to wait for the other one to commit."""

    @property
    def store(self) -> PostgresStore:
        """One of the stores."""
        return self.dice.choice(self.stores)

    async def start(
        self, name: str | None = None, *, lease: float = 30.0, replace: bool = False
    ) -> Claimed:
        """A new instance with its root claimed."""
        self.count += 1
        new = NewInstance(
            instance_id=name or f"i{self.count}",
            run_id=f"run-{self.count}",
            workflow_name="races",
            workflow_version="1",
            definition_hash="hash",
            definition=b"definition",
            input=b"input",
            root_path="a",
            root_input="i",
            labels=(("team", "blue"),),
        )
        request = ClaimRequest(holder="w", lease_us=round(lease * SECOND_US))
        answer = await self.store.create(new, replace=replace, claim=request)
        assert answer.claimed is not None, answer
        return answer.claimed

    async def write(self, by: Claimed, effect: Effect, result: str | None = None) -> Answer:
        """One checkpoint, on any of the stores."""
        told = None
        if result is not None:
            told = Result(path=result, node_path=result, ordinal=b"", output=b"1")
        [answer] = await self.store.commit([Checkpoint(fence=by.fence, effect=effect, result=told)])
        return answer

    async def arms(
        self, by: Claimed, count: int, *, path: str = "f", limit: int | None = None
    ) -> tuple[Claimed, ...]:
        """Spawn arms, all of them claimed that may run."""
        answer = await self.write(by, spawn(count, path=path, limit=limit))
        assert answer.accepted
        return answer.claimed

    async def race(self, *calls: Awaitable[Any]) -> list[Any]:
        """All at once, each after a moment of its own; answers, or the errors of ours."""

        async def later(call: Awaitable[Any], seconds: float) -> Any:
            if seconds > 0:
                await asyncio.sleep(seconds)
            try:
                return await call
            except SayiirError as error:
                return error

        # Most of the time within what a transaction takes, so that their statements interleave.
        waits = [self.dice.choice((0.0, self.dice.uniform(0, 0.006))) for _ in calls]
        return await asyncio.gather(*map(later, calls, waits))

    async def record(self, name: str) -> InstanceRecord:
        """The instance, which must exist."""
        found = await self.store.describe(name)
        assert found is not None
        return found

    async def claim(self, limit: int = 100, name: str | None = None) -> tuple[Claimed, ...]:
        """Claim on one of the stores."""
        request = ClaimRequest(holder="c", lease_us=30 * SECOND_US, limit=limit, instance_id=name)
        return (await self.store.claim(request)).items

    async def check(self) -> None:
        """Fail unless all invariants hold."""
        found = await broken(self.stores[0]._database)
        assert not found, found


def spawn(count: int, *, path: str = "f", limit: int | None = None) -> Spawn:
    """Arms 0 to ``count``, kept."""
    items = tuple(NewItem(index=i, path=f"{path}[{i}]/t", input="i") for i in range(count))
    return Spawn(path=path, input="join", items=items, total=count, limit=limit, keep=count)


@asynccontextmanager
async def racing(url: str, seed: int) -> AsyncIterator[Track]:
    """A track whose races mustn't have met a deadlock, in a database that nobody else uses."""
    stores = [await PostgresStore.open(url), await PostgresStore.open(url)]
    before = await _deadlocks(url)
    try:
        yield Track(stores, seed)
    finally:
        for store in stores:
            await store.close()
    # What a connection has counted is told when it is closed.
    assert await _deadlocks(url) == before, "deadlocks"


async def _deadlocks(url: str) -> int:
    connection = await asyncpg.connect(url.partition("schema=")[0].rstrip("?&"))
    try:
        value = await connection.fetchval(
            "select deadlocks from pg_stat_database where datname = current_database()"
        )
        return int(value)
    finally:
        await connection.close()
