"""What the server would do, and did, for the statements of a verb."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sayiir.stores.postgres.database import Database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import asyncpg

    from sayiir.clock import Clock
    from sayiir.stores.postgres.url import PostgresUrl

__all__ = ["Explained", "nodes", "rows_read"]


class Explained(Database):
    """A database whose statements are explained as they run, planned as the server does later.

    After some executions it plans without the values. So all are planned here, which is the
    harder case; ``plans`` has the topmost node of each.
    """

    def __init__(self, connection: asyncpg.Connection[Any], url: PostgresUrl, clock: Clock) -> None:
        super().__init__(url, clock)
        self.connection = connection
        self.plans: list[tuple[str, dict[str, Any]]] = []
        self.changed_runs: set[int] = set()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:  # type: ignore[override]
        async with self.connection.transaction():
            yield _Session(self)

    async def fetch(self, template: str, *values: object) -> list[Any]:
        text = self.templates.render(template)
        given = f"({', '.join(map(_literal, values))})" if values else ""
        undone = self.connection.transaction()
        await undone.start()
        try:
            await self.connection.execute("set local plan_cache_mode = force_generic_plan")
            await self.connection.execute(f"prepare explained as {text}")
            [(found,)] = await self.connection.fetch(
                f"explain (analyze, format json) execute explained{given}"
            )
            await self.connection.execute("deallocate explained")
        finally:
            await undone.rollback()  # what it has written, to write it again
        self.plans.append((text, json.loads(found)[0]["Plan"]))
        return list(await self.connection.fetch(text, *values))

    async def fetchrow(self, template: str, *values: object) -> Any:
        rows = await self.fetch(template, *values)
        return rows[0] if rows else None

    async def execute(self, template: str, *values: object) -> str:
        if values:
            await self.fetch(template, *values)
            return ""
        return await self.connection.execute(self.templates.render(template))


class _Session:
    def __init__(self, database: Explained) -> None:
        self.database = database
        self.changed = database.changed_runs
        self.fetch, self.fetchrow, self.execute = (
            database.fetch,
            database.fetchrow,
            database.execute,
        )

    async def now(self) -> int:
        [(now,)] = await self.database.fetch("select @now")
        return int(now)


def _literal(value: object) -> str:
    match value:
        case bytes():
            return f"'\\x{value.hex()}'::bytea"
        case None:
            return "null"
        case list() | tuple() if all(each is None for each in value):
            # Of no type of its own, as an array of nulls would have one.
            return f"'{{{', '.join('null' for _ in value)}}}'"
        case list() | tuple():
            return f"array[{', '.join(map(_literal, value))}]"
        case str():
            return "'" + value.replace("'", "''") + "'"
        case _:
            return str(value)


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The plan's nodes, topmost first."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def rows_read(plan: dict[str, Any]) -> int:
    """How many rows were read of tables and indexes, those filtered out included."""
    return sum(
        round((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
        for node in nodes(plan)
        if "Relation Name" in node
    )
