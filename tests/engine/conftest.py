"""Stores, clocks and runners for the engine's tests.

``bench`` comes once for every kind of store. Its clock is moved by the tests, so no test
sleeps where time alone has to pass; leases stand still as long as the clock does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

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

ON_POSTGRES_EVERY_TIME: Final = frozenset(
    {
        "test_cancel_and_pause",
        "test_comparing",
        "test_failing",
        "test_lost_workers",
        "test_outages",
        "test_rerun",
        "test_retries",
        "test_same_everywhere",
        "test_signals_and_delays",
        "test_starting",
        "test_together",
    }
)
"""Where the engine leans on what a store promises; the other files run on PostgreSQL nightly."""

NEVER_ON_POSTGRES: Final = frozenset({"test_worker", "test_worker_leaving", "test_worker_tags"})
"""They move the clock once nothing runs any more in the loop. The answer of a server may still be
on its way then, and the worker that gets it sleeps by a clock that nobody moves again. Workers on
PostgreSQL are shown by real processes and real time, in tests/crash."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A server takes some tenths of a second a test: not all of them on every push."""
    ours = [item for item in items if _on_postgres(item)]
    never = {id(item) for item in ours if item.path.stem in NEVER_ON_POSTGRES}
    items[:] = [item for item in items if id(item) not in never]
    for item in ours:
        if item.path.stem not in ON_POSTGRES_EVERY_TIME:
            item.add_marker(pytest.mark.nightly)


def _on_postgres(item: pytest.Item) -> bool:
    here = item.path.parent.name == "engine" and isinstance(item, pytest.Function)
    return here and "postgres" in _parameters(item)


def _parameters(item: pytest.Function) -> list[object]:
    return list(item.callspec.params.values()) if hasattr(item, "callspec") else []


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
