"""Fixtures: a PostgreSQL server for the whole run, and an empty schema for each test."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest

from tests.postgres.shared import SharedServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["postgres_database_url", "postgres_schemas", "postgres_server", "postgres_url"]


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server whose database the tests may use; SAYIIR_TEST_POSTGRES names another."""
    named = os.environ.get("SAYIIR_TEST_POSTGRES")
    if named:
        yield named
        return
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    server = SharedServer(Path(folder))
    yield server.join()
    server.leave()


@pytest.fixture
def postgres_schemas(postgres_server: str) -> Iterator[Callable[[], str]]:
    """``postgres_schemas()`` is the URL of a new schema, which is dropped after the test."""
    made: list[str] = []

    def make() -> str:
        made.append(f"test_{uuid4().hex[:16]}")
        return f"{postgres_server}{'&' if '?' in postgres_server else '?'}schema={made[-1]}"

    yield make
    if made:
        asyncio.run(_drop(postgres_server, made))


@pytest.fixture
def postgres_url(postgres_schemas: Callable[[], str]) -> str:
    """The URL of a new schema, which is dropped after the test."""
    return postgres_schemas()


@pytest.fixture
def postgres_database_url(postgres_server: str) -> Iterator[str]:
    """The URL of a schema in a new database, whose deadlocks are counted by themselves."""
    name = f"test_{uuid4().hex[:16]}"
    asyncio.run(_execute(postgres_server, f"create database {name}"))
    database = urlsplit(postgres_server)._replace(path=f"/{name}").geturl()
    yield f"{database}{'&' if '?' in database else '?'}schema=racing"
    asyncio.run(_execute(postgres_server, f"drop database {name}"))


async def _execute(server: str, statement: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _drop(server: str, schemas: list[str]) -> None:
    connection = await asyncpg.connect(server)
    try:
        # A test that left a transaction open fails here, instead of hanging.
        await connection.execute("set lock_timeout = '10s'; set client_min_messages = warning")
        for schema in schemas:
            await connection.execute(f'drop schema if exists "{schema}" cascade')
    finally:
        await connection.close()
