"""Behind a pooler that gives each transaction another session: what is right, what is told."""

from __future__ import annotations

import asyncio
from collections.abc import Container
from typing import Any

import pytest

from sayiir import (
    AsyncPooledWorker,
    AsyncWorkflowClient,
    await_signal,
    fork,
    loop,
    open_store,
    workflow,
)
from sayiir.errors import StoreError
from sayiir.stores.postgres import driver
from tests.engine.corpus import add, add_all, climb, double, inc, upto
from tests.postgres.pooler import Pooler

pytestmark = pytest.mark.anyio

INSTANCES = 20
FLOW = workflow(
    "flow",
    fork(inc, double >> inc)
    >> add
    >> upto
    >> inc.map(max_concurrency=2)
    >> add_all
    >> await_signal("go", int, keep_input=True)
    >> add
    >> loop(climb)
    >> len,
)
"""A fork, a map, an event and a loop."""


@pytest.fixture
def anyio_backend() -> str:
    """asyncio is the one promised loop."""
    return "asyncio"


async def test_without_prepared_statements_two_stores_run_everything(postgres_url: str) -> None:
    """A few sessions for two workers and a client; whoever is next has another one."""
    async with Pooler(postgres_url) as pooler:
        url = f"{pooler.url}&prepared=off"
        stores = [await open_store(url) for _ in range(2)]
        client = AsyncWorkflowClient(url)
        workers = [
            AsyncPooledWorker(store, workflows=[FLOW], poll_interval="50ms") for store in stores
        ]
        for worker in workers:
            await worker.start()
        names = [f"i{number}" for number in range(INSTANCES)]
        await asyncio.gather(*(client.submit(FLOW, name, 1) for name in names))
        await asyncio.gather(*(client.send_event(name, "go", 1) for name in names))
        ends = await asyncio.gather(*(client.result(name, FLOW, timeout=60) for name in names))
        for worker in workers:
            await worker.shutdown()
        await client.close()
        for store in stores:
            await store.close()
    assert ends == [16] * INSTANCES
    assert pooler.transactions > INSTANCES


@pytest.mark.parametrize(
    ("ignored", "told"),
    [((), "unsupported startup parameter"), (tuple(driver.PLANNING), "prepared statement")],
    ids=["refused", "ignored"],
)
async def test_with_prepared_statements_it_is_told_what_to_write(
    ignored: Container[str], told: str, postgres_url: str
) -> None:
    """Once, where it is met, and nothing of the driver's own settings."""
    async with Pooler(postgres_url, ignored=ignored) as pooler:
        with pytest.raises(StoreError, match=f"{told}.*'prepared=off'") as caught:
            await _used(pooler.url)
    assert "statement_cache_size" not in str(caught.value)


async def _used(url: str) -> Any:
    async with AsyncWorkflowClient(url) as client:
        await asyncio.gather(*(client.submit(FLOW, f"i{number}", 1) for number in range(INSTANCES)))


async def test_an_older_server_is_told_of_when_the_store_is_opened(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here it is this one, for a version of sayiir that needs a newer one."""
    monkeypatch.setattr(driver, "OLDEST_SERVER", 99)
    with pytest.raises(StoreError, match=r"the server is PostgreSQL \d+, and sayiir needs 99"):
        await open_store(postgres_url)
