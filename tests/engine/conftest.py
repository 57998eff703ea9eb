"""Stores, clocks and runners for the engine's tests.

``bench`` comes once for every kind of store. Its clock is moved by the tests, so no test
sleeps where time alone has to pass; leases stand still as long as the clock does.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pytest

from sayiir.stores.memory import MemoryStore
from sayiir.testing.clock import MovedClock
from tests.engine.bench import Bench

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sayiir.clock import Clock
    from sayiir.stores.protocols import Store


def _has_sqlite() -> bool:
    return importlib.util.find_spec("sayiir.stores.open") is not None


STORES = ["memory", *(["sqlite"] if _has_sqlite() else [])]


async def make_store(kind: str, folder: Path, clock: Clock) -> Store:
    """An empty store of this kind, on this clock."""
    if kind == "memory":
        return MemoryStore(clock)
    from sayiir.stores.sqlite import SqliteStore

    return await SqliteStore.open(folder / "engine.db", clock=clock)


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
    opened = await make_store(request.param, tmp_path, clock)
    yield opened
    await opened.close()


@pytest.fixture
async def bench(store: Store, clock: MovedClock) -> AsyncIterator[Bench]:
    """A store, its clock, and a runner and a client on them."""
    made = Bench(store, clock)
    yield made
    await made.close()
