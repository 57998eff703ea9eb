"""Stores, clocks and runners for the engine's tests.

``bench`` comes once for every kind of store. Its clock is moved by the tests, so no test
sleeps where time alone has to pass; leases stand still as long as the clock does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sayiir.stores.memory import MemoryStore
from sayiir.stores.postgres.store import PostgresStore
from sayiir.stores.sqlite import SqliteStore
from sayiir.testing.clock import MovedClock
from tests.engine.bench import Bench

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from sayiir.clock import Clock
    from sayiir.stores.protocols import Store


STORES = ["memory", "sqlite", "postgres"]


async def make_store(kind: str, folder: Path, clock: Clock, new_url: Callable[[], str]) -> Store:
    """An empty store of this kind, on this clock.

    Args:
        kind: one of ``STORES``.
        folder: where a file may be made.
        clock: what it takes the time from.
        new_url: asked for the URL of an empty schema.
    """
    if kind == "memory":
        return MemoryStore(clock)
    if kind == "sqlite":
        return await SqliteStore.open(folder / "engine.db", clock=clock)
    return await PostgresStore.open(new_url(), clock)


@pytest.fixture
def anyio_backend() -> str:
    """asyncio is the one promised loop."""
    return "asyncio"


@pytest.fixture
def clock() -> MovedClock:
    """Stands still until the test moves it."""
    return MovedClock()


@pytest.fixture(params=STORES)
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, clock: MovedClock, anyio_backend: str
) -> AsyncIterator[Store]:
    """An empty store of each kind, on the moved clock."""

    def new_url() -> str:
        url: str = request.getfixturevalue("postgres_url")
        return url

    opened = await make_store(request.param, tmp_path, clock, new_url)
    yield opened
    await opened.close()


@pytest.fixture
async def bench(store: Store, clock: MovedClock) -> AsyncIterator[Bench]:
    """A store, its clock, and a runner and a client on them."""
    made = Bench(store, clock)
    yield made
    await made.close()
