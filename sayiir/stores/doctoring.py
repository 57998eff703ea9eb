"""Choosing who looks at a store, by its URL."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final

from sayiir.errors import StoreError
from sayiir.stores.open import check_postgres_driver, open_store, sqlite_path

if TYPE_CHECKING:
    from sayiir.stores.facts import StoreDoctor, StoreFacts

__all__ = ["DOCTOR_GROUP", "migrate_store", "store_facts"]

DOCTOR_GROUP: Final = "sayiir.store_doctors"
"""Third parties' doctors: an entry point named by its URL scheme, which is a ``StoreDoctor``."""


async def store_facts(url: str) -> StoreFacts:
    """The store that a URL names as it stands; changes nothing, makes nothing.

    Raises:
        ValueError: the URL names no known kind of store.
        StoreError: the store can't be reached, isn't sayiir's, can't be used by this version, or
            is of a kind that tells nothing of itself.

    >>> import asyncio
    >>> asyncio.run(store_facts("sqlite:///none-yet.db")).schema_version is None
    True
    """
    return await (await _doctor_of(url)).facts(url)


async def migrate_store(url: str) -> tuple[str, ...]:
    """Bring the store to the newest version; the names of the migrations that it had now.

    Raises:
        ValueError: the URL names no known kind of store.
        StoreError: as with ``store_facts``.
    """
    return await (await _doctor_of(url)).migrate(url)


async def _doctor_of(url: str) -> StoreDoctor:
    scheme = url.partition("://")[0].lower()
    if scheme == "sqlite":
        from sayiir.stores.sqlite.doctor import SqliteDoctor

        return SqliteDoctor(sqlite_path)
    if scheme in ("postgresql", "postgres"):
        check_postgres_driver()
        from sayiir.stores.postgres.doctor import PostgresDoctor

        return PostgresDoctor()
    for point in entry_points(group=DOCTOR_GROUP):
        if point.name == scheme:
            try:
                doctor: StoreDoctor = point.load()
            except (ImportError, AttributeError) as error:
                raise StoreError(
                    f"the doctor for {scheme!r} stores ({point.value}) can't be loaded: {error}"
                ) from error
            return doctor
    # An unknown scheme is told as everywhere else; a known one has nobody to look at it.
    store = await open_store(url)
    await store.close()
    raise StoreError(f"{scheme!r} stores can be opened, but tell nothing of themselves")
