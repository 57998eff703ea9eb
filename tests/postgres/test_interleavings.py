"""Two verbs, the first stopped before each of its statements in turn while the second runs.

Where the second needs what the first has locked it waits, which the server says, and the first
goes on. So each place where one could come between the other's statements is met for sure.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from sayiir.stores.postgres.store import PostgresStore
from tests.postgres import test_races
from tests.postgres.racing import Track

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_SIDE: ContextVar[int] = ContextVar("side", default=1)
_BLOCKED = "select cardinality(pg_blocking_pids($1)) > 0"
PAIRS = (
    test_races.cancel_and_spawn,
    test_races.cancel_and_end,
    test_races.pause_and_park,
    test_races.pause_and_step,
    test_races.event_and_wait,
    test_races.the_last_two_arms,
    test_races.stale_commit_and_claim,
    test_races.two_failures,
    test_races.two_replace,
    test_races.reporting_and_replacing,
    test_races.release_and_cancel,
    test_races.lost_lease_and_cancel,
    test_races.two_batches_of_ends,
    test_races.pause_and_ends_of_arms,
    test_races.cancel_and_ends_below_an_arm,
)


class Stopping:
    """A connection that waits before one of its statements, while ``left`` counts down to it."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.left: int | None = None
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)

    async def _stop(self) -> None:
        if self.left is None:
            return
        self.left -= 1
        if self.left < 0:
            self.left = None
            self.reached.set()
            await self.go_on.wait()

    async def fetch(self, *values: Any, **named: Any) -> Any:
        await self._stop()
        return await self.connection.fetch(*values, **named)

    async def fetchrow(self, *values: Any, **named: Any) -> Any:
        await self._stop()
        return await self.connection.fetchrow(*values, **named)

    async def execute(self, *values: Any, **named: Any) -> Any:
        await self._stop()
        return await self.connection.execute(*values, **named)


class Either:
    """Whichever store the running call is to use: chosen when it runs, not where it is written."""

    def __init__(self, stores: list[PostgresStore]) -> None:
        self.stores = stores

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(*values: Any, **named: Any) -> Any:
            return await getattr(self.stores[_SIDE.get()], name)(*values, **named)

        return call


class SteppedTrack(Track):
    """A track whose races run as told: the first (or the second) call stopped at a statement."""

    def __init__(self, stores: list[PostgresStore], observer: Any) -> None:
        super().__init__(stores, 1)
        self.observer = observer
        self.stop_at = 0
        self.swapped = False
        self.was_stopped = False
        self.stopping: Stopping
        self.other_process_id = 0

    @property
    def store(self) -> Any:
        return Either(self.stores)

    async def begin(self) -> None:
        """One connection each, the first store's one that can be stopped."""
        for store in self.stores:
            await store.describe("nobody")
        pool = self.stores[0]._database.pool()
        [connection] = pool._idle
        self.stopping = Stopping(connection)
        pool._idle = [self.stopping]  # type: ignore[list-item]
        pool._all = {self.stopping}  # type: ignore[arg-type]
        [other] = self.stores[1]._database.pool()._idle
        self.other_process_id = other.get_server_pid()  # type: ignore[attr-defined]

    async def race(self, *calls: Awaitable[Any]) -> list[Any]:
        first, second = reversed(calls) if self.swapped else calls
        stopping = self.stopping
        stopping.left = self.stop_at
        stopping.reached, stopping.go_on = asyncio.Event(), asyncio.Event()
        stopped = asyncio.create_task(stopping.reached.wait())
        one = asyncio.create_task(self._on(0, first))
        await asyncio.wait([one, stopped], return_when=asyncio.FIRST_COMPLETED)
        self.was_stopped = stopping.reached.is_set()
        stopping.left = None
        stopped.cancel()
        two = asyncio.create_task(self._on(1, second))
        waits = False
        while not two.done() and not waits:
            waits = await self.observer.fetchval(_BLOCKED, self.other_process_id)
            await asyncio.sleep(0.001)
        self.first_waited = waits and self.swapped
        stopping.go_on.set()
        answers = [await one, await two]
        return answers[::-1] if self.swapped else answers

    async def _on(self, side: int, call: Awaitable[Any]) -> Any:
        _SIDE.set(side)
        [answer] = await super().race(call)
        return answer


@pytest.mark.parametrize("swapped", [False, True], ids=["in order", "swapped"])
@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.__name__)
def test_one_comes_between_the_statements_of_the_other(
    pair: Callable[[Track], Awaitable[None]],
    swapped: bool,
    postgres_url: str,
    report_figure: Callable[[str], None],
) -> None:
    """Before each statement of the first, its BEGIN and COMMIT included."""

    async def run() -> int:
        url = postgres_url + "&pool=1"
        stores = [await PostgresStore.open(url), await PostgresStore.open(url)]
        observer = await asyncpg.connect(postgres_url.partition("schema=")[0].rstrip("?&"))
        track = SteppedTrack(stores, observer)
        track.swapped = swapped
        try:
            await track.begin()
            await pair(track)  # whatever is read once was read
            track.stop_at = 0
            while True:
                await pair(track)
                await track.check()
                if not track.was_stopped:
                    return track.stop_at
                track.stop_at += 1
        finally:
            for store in stores:
                await store.close()
            await observer.close()

    stops = asyncio.run(run())
    assert stops > 0
    report_figure(f"{pair.__name__}: stopped before {stops} statements")
