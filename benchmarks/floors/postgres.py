"""PostgreSQL without us: one small row, and one large one, each inserted and committed."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import asyncio
import time
from typing import Any

import asyncpg

__all__ = ["row_seconds"]

_TABLE = """
create table if not exists bare (id bigint generated always as identity primary key,
    path text, output bytea);
alter table bare alter column output set storage external
"""
_INSERT = "insert into bare (path, output) values ($1, $2)"


def row_seconds(url: str, data: bytes, count: int) -> float:
    """Seconds of one row that holds ``data``, on one connection, the statement prepared."""
    return asyncio.run(_row_seconds(url, data, count))


async def _row_seconds(url: str, data: bytes, count: int) -> float:
    connection: Any = await asyncpg.connect(url)
    try:
        await connection.execute(_TABLE)
        await connection.execute(_INSERT, "warm", data)
        began = time.perf_counter()
        for number in range(count):
            await connection.execute(_INSERT, f"p{number}", data)
        return (time.perf_counter() - began) / count
    finally:
        await connection.execute("truncate bare")
        await connection.close()
