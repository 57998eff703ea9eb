"""A store that is opened on first use, once, and what all who share it know of workflows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sayiir.access.arguments import check_codec, check_store
from sayiir.access.programs import Programs
from sayiir.errors import StoreUnavailable

if TYPE_CHECKING:
    from sayiir.codec.protocol import Codec
    from sayiir.stores.protocols import Store

__all__ = ["StoreConnection", "codec_or_default", "place_of"]


def place_of(store: Store) -> str:
    """What to call a store in a message: its ``where``, if it has one, which holds no password."""
    where = getattr(store, "where", None)
    return where if isinstance(where, str) else f"this {type(store).__name__}"


def codec_or_default(codec: Codec | None) -> Codec:
    """The codec given, else JSON by declared types; imported when needed: pydantic is slow.

    Raises:
        TypeError: what was given is no codec.
    """
    if codec is not None:
        check_codec(codec)
        return codec
    from sayiir.codec import JsonCodec

    return JsonCodec()


class StoreConnection:
    """A URL or an open store, behind one door.

    Args:
        store: a URL, which is opened on first use and closed by ``close()``, or a store that
            somebody else opened, which is left open.
        codec: how values are stored; JSON by declared types where it is None.

    Raises:
        TypeError: it is neither, or the codec is none.
    """

    def __init__(self, store: str | Store, codec: Codec | None = None) -> None:
        check_store(store)
        self.codec = codec_or_default(codec)
        self._url = store if isinstance(store, str) else None
        self._store = None if isinstance(store, str) else store
        self._opening = asyncio.Lock()
        self._closed = False
        self._programs: Programs | None = None

    async def open(self) -> Store:
        """The open store.

        Raises:
            ValueError: the URL is none that is known.
            StoreError: it can't be opened, or was closed here.
        """
        if self._store is not None and not self._closed:
            return self._store
        async with self._opening:
            if self._store is None and self._url is not None and not self._closed:
                from sayiir.stores.open import open_store

                self._store = await open_store(self._url)
            if self._store is None or self._closed:
                raise StoreUnavailable("this client or runner has been closed")
            return self._store

    async def opened(self) -> tuple[Store, Programs]:
        """The open store, and what workflows are compiled to for it, each of them once.

        Raises:
            ValueError, StoreError: as ``open``.
        """
        store, programs = self._store, self._programs
        if programs is None or store is None or self._closed:
            store = await self.open()
            programs = self._programs = self._programs or Programs(store, self.codec)
        return store, programs

    async def close(self) -> None:
        """Close the store, if it was opened here. Idempotent."""
        if self._url is None or self._closed:
            return
        self._closed = True
        store, self._store = self._store, None
        if store is not None:
            await store.close()
