"""A join that counts more held arms than there are: it is set right, and its neighbours go on."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from sayiir import AsyncCheckpointingRunner, await_signal, workflow
from sayiir.status import Completed
from sayiir.stores.postgres.store import PostgresStore
from tests.engine.corpus import add_all, upto

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

TOO_MANY = [4, 1_000]
"""Right would be 3: of five arms two may be open at once."""
each = workflow("each", upto >> await_signal("go", int).map(max_concurrency=2) >> add_all)


async def set_held(url: str, count: int) -> None:
    """Write the counts of all joins, as an administrator's hand or a disk might."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            connection.execute("update work_item set held = ? where spawn_path = ''", (count,))
        return
    store = await PostgresStore.open(url)
    database = store._work.database
    await database.execute("update @work_item set held = $1 where spawn_path = ''", count)
    await store.close()


@pytest.mark.parametrize("count", TOO_MANY)
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_a_wrong_count_of_held_arms_hurts_nobody(
    kind: str, count: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/counts.db"
    if kind == "postgres":
        url = request.getfixturevalue("postgres_url")
    async with AsyncCheckpointingRunner(url) as runner:
        for name in "ab":
            await runner.client.submit(each, name, 5)
        await runner.resume_all([each])
        await set_held(url, count)
        for name in "ab":
            for _ in range(5):
                await runner.client.send_event(name, "go", 1)
        await asyncio.wait_for(runner.resume_all([each]), 20)
        for name in "ab":
            assert await runner.client.status(name, each) == Completed(5)
