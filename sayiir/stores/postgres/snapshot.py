"""Several statements that see one state of the database."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from sayiir.stores.postgres.database import Database, Session

__all__ = ["snapshot"]

# Without the compiler: all that is read here is read by index, a little at a time, but the
# planner's guesses may be so far off that it takes half a second to compile what runs for five
# milliseconds.
_BEGIN: Final = "set transaction isolation level repeatable read, read only; set local jit = off"


@asynccontextmanager
async def snapshot(db: Database) -> AsyncGenerator[Session, None]:
    """A transaction that only reads, all of it as of one moment."""
    async with db.transaction() as session:
        await session.execute(_BEGIN)
        yield session
