"""What is used of the driver, with types; and how a connection is opened."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import asyncpg

from sayiir.errors import StoreError
from sayiir.stores.postgres.array_types import tell_array_types

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sayiir.stores.postgres.url import PostgresUrl

__all__ = ["Connection", "Record", "connect"]

CONNECT_SECONDS: Final = 10.0
STATEMENT_SECONDS: Final = 30.0
"""Longer than that no statement is waited for; the driver asks the server to cancel it."""
STATEMENTS_KEPT: Final = 500
OLDEST_SERVER: Final = 13
"""The oldest major version of PostgreSQL that the tests are run on."""
PLANNING: Final = {
    "enable_seqscan": "off",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
}
"""How the server plans what it keeps.

A plan that was made while a table was young reads the whole of it, and is kept while the table
grows, until it is next analysed. Each statement of ours has an index that serves it, but for tables
of a few rows. And none is worth compiling, whatever a plan without an index seems to cost. The plan
that is kept is made at once: by default the first five executions of a statement are planned each,
on each connection, which takes longer than to execute it.
"""


class Record(Protocol):
    """A row: by position or by the column's name."""

    def __getitem__(self, key: str | int) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...

    def __len__(self) -> int: ...


class Connection(Protocol):
    """One connection."""

    async def fetch(self, query: str, *args: object) -> list[Record]:
        """All rows."""
        ...

    async def fetchrow(self, query: str, *args: object) -> Record | None:
        """The first row."""
        ...

    async def execute(self, query: str, *args: object) -> str:
        """The command's tag: ``UPDATE 3``."""
        ...

    async def close(self) -> None:
        """Say goodbye."""
        ...

    def terminate(self) -> None:
        """Hang up."""
        ...

    def is_closed(self) -> bool:
        """Whether it can't be used any more."""
        ...

    async def add_listener(self, channel: str, callback: Callable[..., None]) -> None:
        """LISTEN."""
        ...

    def add_termination_listener(self, callback: Callable[..., None]) -> None:
        """Have it called when the connection is lost."""
        ...

    def get_server_pid(self) -> int:
        """The server's process at the other end."""
        ...

    def get_server_version(self) -> Any:
        """The server's version."""
        ...


async def connect(
    url: PostgresUrl,
    *,
    connect_seconds: float = CONNECT_SECONDS,
    statement_seconds: float = STATEMENT_SECONDS,
) -> Connection:
    """A new connection. Whatever the driver raises comes as it is.

    Raises:
        StoreError: the server is older than ``OLDEST_SERVER``.
    """
    # Typed by what is used of it: the driver has no types that a strict checker can read.
    opened: Any = asyncpg.connect
    connection = await opened(
        url.dsn,
        timeout=connect_seconds,
        command_timeout=statement_seconds,
        # Poolers that give each transaction another session know no named statements.
        statement_cache_size=STATEMENTS_KEPT if url.prepared else 0,
        max_cached_statement_lifetime=0,
        max_cacheable_statement_size=0,
        server_settings=PLANNING if url.prepared else None,
    )
    version = connection.get_server_version()
    if version.major < OLDEST_SERVER:
        connection.terminate()
        raise StoreError(
            f"{url.where}: the server is PostgreSQL {version.major}, and sayiir needs "
            f"{OLDEST_SERVER} or later; update the server, or name another one in the URL"
        )
    tell_array_types(connection)
    typed: Connection = connection
    return typed
