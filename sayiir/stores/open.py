"""Opening a store by its URL."""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from sayiir.clock import Clock, SystemClock
from sayiir.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sayiir.stores.protocols import Store

    Opener = Callable[[str, Clock], Awaitable[Store]]

__all__ = ["ENTRY_POINT_GROUP", "check_postgres_driver", "open_store", "sqlite_path"]

ENTRY_POINT_GROUP: Final = "sayiir.stores"
"""Third parties' stores: an entry point named by its URL scheme, which is an async function
that takes the URL and the clock and gives the open store."""

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_PASSWORD: Final = re.compile(r":[^:]*@")


async def open_store(url: str, *, clock: Clock | None = None) -> Store:
    """Open the store that a URL names; whoever opens it closes it.

    Args:
        url: ``memory://``; ``sqlite:///file.db`` (a relative path after three slashes, an
            absolute one after four); ``sqlite://`` for a private database in memory;
            ``postgresql://user:password@host:port/database``, as libpq knows it, with
            ``?schema=``, ``pool=`` and ``prepared=off`` besides; or a scheme that an installed
            package has registered.
        clock: what the store takes the time from; tests hand in one that they move.

    Raises:
        ValueError: the URL isn't one of these; the message says what is known.
        StoreError: the store can't be opened; see the store's own ``open``.

    >>> import asyncio
    >>> async def main() -> str:
    ...     store = await open_store("memory://")
    ...     await store.close()
    ...     return type(store).__name__
    >>> asyncio.run(main())
    'MemoryStore'
    """
    scheme = _scheme_of(url)
    time = SystemClock() if clock is None else clock
    match scheme:
        case "memory":
            return _memory(url, time)
        case "sqlite":
            from sayiir.stores.sqlite import SqliteStore

            return await SqliteStore.open(sqlite_path(url), time)
        case "postgresql" | "postgres":
            return await _postgres(url, time)
        case _:
            opener = _registered(scheme)
            return await opener(url, time)


def _scheme_of(url: object) -> str:
    if not isinstance(url, str):
        raise ValueError(f"a store's URL is a str, not {type(url).__name__}")  # noqa: TRY004
    match = _SCHEME.match(url)
    if match is None:
        shown = _PASSWORD.sub(":…@", url)
        raise ValueError(f"{shown!r} is no store URL; {_known()}")
    return match[1].lower()


def _memory(url: str, clock: Clock) -> Store:
    if url.partition("://")[2]:
        raise ValueError(f"{url!r}: a store in memory has no name; write 'memory://'")
    from sayiir.stores.memory import MemoryStore

    return MemoryStore(clock)


async def _postgres(url: str, clock: Clock) -> Store:
    check_postgres_driver()
    from sayiir.stores.postgres.store import PostgresStore

    return await PostgresStore.open(url, clock)


def check_postgres_driver() -> None:
    """Raise StoreError, with what to install, where the driver isn't installed."""
    if find_spec("asyncpg") is None:
        raise StoreError(
            "PostgreSQL needs the package asyncpg; install it with "
            "pip install 'sayiir-py[postgres]'"
        )


def sqlite_path(url: str) -> str | None:
    """The file that a SQLite URL names; None: a private database in memory.

    Raises:
        ValueError: it names a host, has a query, or names no file.

    >>> sqlite_path("sqlite:///orders.db"), sqlite_path("sqlite:////var/orders.db")
    ('orders.db', '/var/orders.db')
    >>> sqlite_path("sqlite://") is None
    True
    """
    parts = urlsplit(url)
    if parts.query or parts.fragment:
        raise ValueError(
            f"{url!r}: a SQLite URL takes no options; write '?' as %3F and '#' as %23 in a name"
        )
    if parts.netloc:
        raise ValueError(
            f"{url!r} names the host {parts.netloc!r}; write three slashes before a relative "
            f"path (sqlite:///{parts.netloc}{parts.path}) and four before an absolute one"
        )
    if not parts.path:
        return None
    path = unquote(parts.path[1:])
    if path in ("", ":memory:"):
        raise ValueError(f"{url!r} names no file; write 'sqlite://' for a database in memory")
    if "\0" in path:
        raise ValueError(f"{url!r}: a file's name holds no NUL")
    return path


def _registered(scheme: str) -> Opener:
    found = [point for point in _entry_points() if point.name == scheme]
    if not found:
        raise ValueError(f"{scheme!r} is no known kind of store; {_known()}")
    if len({point.value for point in found}) > 1:
        names = ", ".join(sorted(point.value for point in found))
        raise ValueError(f"several packages offer {scheme!r} stores ({names}); keep one of them")
    try:
        opener: Opener = found[0].load()
    except (ImportError, AttributeError) as error:
        raise StoreError(
            f"the store for {scheme!r} URLs ({found[0].value}) can't be loaded: {error}"
        ) from error
    return opener


def _entry_points() -> list[EntryPoint]:
    return list(entry_points(group=ENTRY_POINT_GROUP))


def _known() -> str:
    others = sorted({f"{point.name}://…" for point in _entry_points()})
    ours = ["memory://", "sqlite:///file.db", "sqlite:////absolute/file.db", "sqlite://"]
    known = [*ours, "postgresql://user@host/database", *others]
    return f"known are {', '.join(known)}"
