"""The floors: a bare await, a bare durable commit, a bare row of a megabyte, a bare import,
a call of the standard library's process pool."""

from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

__all__ = [
    "bare_await_seconds",
    "bare_commit_seconds",
    "bare_import_seconds",
    "bare_row_seconds",
    "import_seconds",
    "pool_call_seconds",
]

_GROWN_WAL_BYTES = 4 * 1024 * 1024


async def _increment(number: int) -> int:
    return number + 1


async def bare_await_seconds(count: int = 50_000) -> float:
    """Seconds of one await of a coroutine that adds one."""
    number = 0
    began = time.perf_counter()
    for _ in range(count):
        number = await _increment(number)
    return (time.perf_counter() - began) / count


def _opened(folder: Path) -> sqlite3.Connection:
    """A database as durable as ours (WAL, synchronous=FULL), its WAL grown once.

    The log goes into the file after 1,000 pages, as in ours and by SQLite's default: a row of
    a megabyte has to get there too.
    """
    path = folder / f"floor-{time.monotonic_ns()}.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=full")
    connection.execute("pragma wal_autocheckpoint=1000")
    connection.execute("create table t (id integer primary key, path text, output blob)")
    filling = bytes(_GROWN_WAL_BYTES)
    connection.execute("insert into t (path, output) values ('grow', ?)", (filling,))
    connection.execute("pragma wal_checkpoint(restart)")
    return connection


def bare_commit_seconds(folder: Path, count: int = 300) -> float:
    """Seconds of one durable commit of one small row on a WAL that has grown already."""
    connection = _opened(folder)
    try:
        began = time.perf_counter()
        for number in range(count):
            connection.execute("begin immediate")
            connection.execute("insert into t (path, output) values (?, ?)", (f"p{number}", b"1"))
            connection.execute("commit")
        return (time.perf_counter() - began) / count
    finally:
        connection.close()


def bare_row_seconds(folder: Path, data: bytes, count: int = 10) -> float:
    """Seconds of one durable commit of one row that holds ``data``."""
    connection = _opened(folder)
    try:
        began = time.perf_counter()
        for number in range(count):
            connection.execute("begin immediate")
            connection.execute("insert into t (path, output) values (?, ?)", (f"p{number}", data))
            connection.execute("commit")
        return (time.perf_counter() - began) / count
    finally:
        connection.close()


def import_seconds(module: str) -> float:
    """Seconds of a whole process that imports one module."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
    return time.perf_counter() - began


def _increment_there(number: int) -> int:
    return number + 1


async def pool_call_seconds(count: int = 300) -> float:
    """Seconds of one call of the standard library's warm process pool, awaited."""
    loop = asyncio.get_running_loop()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        await loop.run_in_executor(pool, _increment_there, 0)
        began = time.perf_counter()
        for number in range(count):
            await loop.run_in_executor(pool, _increment_there, number)
        return (time.perf_counter() - began) / count


def bare_import_seconds() -> float:
    """Seconds of a whole process that imports asyncio, plus the 60 ms that are allowed."""
    return import_seconds("asyncio") + 0.060
