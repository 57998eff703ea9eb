"""What ``sayiir doctor`` and ``sayiir migrate`` ask of a kind of store.

Each kind of store answers with a ``StoreDoctor`` of its own; ``stores/doctoring.py`` chooses it
by the URL. A third party's is an entry point of the group ``sayiir.store_doctors``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["Advice", "StoreDoctor", "StoreFacts"]


@dataclass(frozen=True, slots=True)
class Advice:
    """Something to know of a store.

    Attributes:
        text: what it is, and what to do.
        wrong: it has to be mended before the store can be relied on.
    """

    text: str
    wrong: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFacts:
    """A store as it stands. Asking changes nothing in it.

    Attributes:
        kind: as ``"SQLite"``.
        place: the file, or host and database; never a password.
        server: name and version of what keeps the data, as ``"PostgreSQL 16.2"``.
        schema_version: the newest migration that it has had; None: it isn't set up yet.
        newest_version: the newest migration that this version of sayiir knows.
        pending: names of the migrations that it hasn't had, oldest first.
        clock_ahead_us: how far its clock is ahead of this machine's, in microseconds; None where
            it is the same clock.
        round_trip_us: how long a statement that does nothing takes, or None.
        advice: what else is to be known.
    """

    kind: str
    place: str
    server: str
    schema_version: int | None
    newest_version: int
    pending: tuple[str, ...] = ()
    clock_ahead_us: int | None = None
    round_trip_us: int | None = None
    advice: tuple[Advice, ...] = ()


class StoreDoctor(Protocol):
    """Looks at one kind of store, and migrates it."""

    async def facts(self, url: str) -> StoreFacts:
        """The store as it stands; changes nothing, makes nothing.

        Raises:
            ValueError: the URL isn't one of this kind.
            StoreError: it can't be reached, isn't sayiir's, or can't be used by this version.
        """
        ...

    async def migrate(self, url: str) -> tuple[str, ...]:
        """Bring the store to the newest version; the names of the migrations that it had now.

        Raises:
            ValueError: the URL isn't one of this kind.
            StoreError: as with ``facts``; what was begun is undone or can be done again.
        """
        ...
