"""SQLite without us: one small row, and one large one, each committed by itself."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

__all__ = ["row_seconds"]

_GROWN_WAL_BYTES = 4 * 1024 * 1024


def _opened(folder: Path, *, grown: bool) -> sqlite3.Connection:
    """A database as durable as ours (WAL, synchronous=FULL), its WAL grown once, or not.

    The log goes into the file after 1,000 pages, as in ours and by SQLite's default: a row of
    a megabyte has to get there too.
    """
    path = folder / f"floor-{time.monotonic_ns()}.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=full")
    connection.execute("pragma wal_autocheckpoint=1000")
    connection.execute("create table t (id integer primary key, path text, output blob)")
    if grown:
        filling = bytes(_GROWN_WAL_BYTES)
        connection.execute("insert into t (path, output) values ('grow', ?)", (filling,))
        connection.execute("pragma wal_checkpoint(restart)")
    return connection


def row_seconds(folder: Path, data: bytes, count: int, *, grown: bool = True) -> float:
    """Seconds of one durable commit of one row that holds ``data``.

    On a WAL that has been grown already; with ``grown=False`` on one that every commit lengthens.
    """
    connection = _opened(folder, grown=grown)
    try:
        began = time.perf_counter()
        for number in range(count):
            connection.execute("begin immediate")
            connection.execute("insert into t (path, output) values (?, ?)", (f"p{number}", data))
            connection.execute("commit")
        return (time.perf_counter() - began) / count
    finally:
        connection.close()
