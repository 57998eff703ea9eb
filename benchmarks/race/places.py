"""Stores to race on: everybody gets a copy of a store that its own adapter has set up."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Self

from sayiir.testing.postgres import PostgresServer

__all__ = ["Places"]

Prepare = Callable[[str, str], None]
"""Sets a store up: its kind and its URL."""


class Places:
    """A folder for SQLite files and a PostgreSQL server of our own, as durable as by default.

    The server is started for the first who wants it.
    """

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="race-"))
        self._server: PostgresServer | None = None
        self._numbers = itertools.count()
        self._templates = dict[tuple[str, str], str]()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.remove()
        shutil.rmtree(self._folder, ignore_errors=True)

    def fresh(self, system: str, store: str, prepare: Prepare) -> str:
        """The URL of a store that nobody has used; empty in memory."""
        if store == "memory":
            return ""
        if (system, store) not in self._templates:
            name = f"of_{system}"
            self._create(name, store)
            prepare(store, self._url(name, store))
            self._wait_until_left(name, store)
            self._templates[system, store] = name
        name = f"{system}_{next(self._numbers)}"
        self._create(name, store, self._templates[system, store])
        return self._url(name, store)

    def drop(self, store: str, url: str) -> None:
        """Take a store away, with whoever is still connected to it."""
        if store == "sqlite":
            shutil.rmtree(Path(url.removeprefix("sqlite:///")).parent, ignore_errors=True)
        elif store == "postgres":
            name = url.partition("@/")[2].partition("?")[0]
            self._execute(f'drop database "{name}" with (force)')

    def version(self) -> str:
        """The server's."""
        rows: Any = self._execute("show server_version")
        return str(rows[0][0])

    def _url(self, name: str, store: str) -> str:
        if store == "sqlite":
            return f"sqlite:///{self._folder / name / 'race.db'}"
        return self._started().url.replace("@/postgres?", f"@/{name}?")

    def _create(self, name: str, store: str, template: str | None = None) -> None:
        if store == "postgres":
            copied = f' template "{template}"' if template is not None else ""
            self._execute(f'create database "{name}"{copied}')
        elif template is None:
            (self._folder / name).mkdir()
        else:
            shutil.copytree(self._folder / template, self._folder / name)

    def _wait_until_left(self, name: str, store: str) -> None:
        """A database is copied only where nobody is connected: who has ended leaves a bit later."""
        if store == "postgres":
            for _ in range(1_000):
                if not self._execute(f"select pid from pg_stat_activity where datname = '{name}'"):
                    return
                time.sleep(0.01)
            raise RuntimeError(f"somebody is still connected to the database {name}")

    def _started(self) -> PostgresServer:
        if self._server is None:
            self._server = PostgresServer()
            self._server.create()
            self._server.start()
        return self._server

    def _execute(self, statement: str) -> object:
        return asyncio.run(_fetched(self._started().url, statement))


async def _fetched(url: str, statement: str) -> object:
    connection: Any = await import_module("asyncpg").connect(url)
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()
