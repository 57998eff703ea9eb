"""The store behind its URL: opened, used by a runner, looked at, closed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg

from sayiir import CheckpointingRunner, Flow, fork, open_store, task, workflow
from sayiir.stores.postgres.facts import facts
from sayiir.stores.postgres.migrations import newest_version
from sayiir.stores.postgres.store import PostgresStore, migrate
from sayiir.stores.postgres.url import parse_url
from tests.postgres.test_connections import gone, run

if TYPE_CHECKING:
    from collections.abc import Callable


@task
def double(number: int) -> int:
    return 2 * number


@task
def add(numbers: tuple[int, int]) -> int:
    return sum(numbers)


@workflow
def arithmetic() -> Flow[int, int]:
    return double >> fork(double.named("left"), double.named("right")) >> add


def test_both_schemes_open_it_and_closing_is_idempotent(
    postgres_schemas: Callable[[], str],
) -> None:
    async def main() -> None:
        for scheme in ("postgresql", "postgres", "PostgreSQL"):
            url = postgres_schemas()
            store = await open_store(f"{scheme}{url[url.index(':') :]}")
            assert isinstance(store, PostgresStore)
            assert await store.describe("order-42") is None
            await store.close()
            await store.close()

    run(main())


def test_a_runner_leaves_no_connection(postgres_url: str) -> None:
    name = parse_url(postgres_url).schema
    with CheckpointingRunner(f"{postgres_url}&application_name={name}") as runner:
        status = runner.run(arithmetic, "a", 3)
        assert status.output == 24  # type: ignore[union-attr]
    run(gone(postgres_url, name))


async def _fsync(url: str) -> object:
    connection = await asyncpg.connect(url.partition("&schema=")[0].partition("?schema=")[0])
    try:
        return await connection.fetchval("show fsync")
    finally:
        await connection.close()


def test_facts_tell_what_is_there(postgres_url: str) -> None:
    before = asyncio.run(facts(postgres_url))
    assert (before.schema_version, before.newest_version) == (0, newest_version())
    assert len(before.pending) == newest_version()
    assert asyncio.run(migrate(postgres_url)) >= 1
    after = asyncio.run(facts(postgres_url))
    assert (after.schema_version, after.pending) == (newest_version(), ())
    assert after.encoding == "UTF8"
    assert after.durable is (asyncio.run(_fsync(postgres_url)) == "on")
    assert not after.read_only
    assert after.connections_left > 0
    assert 0 < after.round_trip_ms < 1_000
    assert abs(after.clock_difference_ms) < 1_000
