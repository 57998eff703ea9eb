"""Saying that a worker is here, so that people see it while it has nothing to do."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from sayiir.errors import StoreError
from sayiir.stores.presence import WorkerNotice, presence_of

if TYPE_CHECKING:
    from sayiir.stores.presence import PresenceStore
    from sayiir.stores.protocols import Store
    from sayiir.worker.settings import WorkerSettings

__all__ = ["Presence"]


class Presence:
    """Says it at the start and at every third of the lease; takes it back at the end.

    Nothing of a worker's work depends on it, and no trouble with it ends a worker: a store that is
    away is told of where work is claimed.

    Args:
        store: where to say it; one that doesn't offer it is left alone.
        settings: what the worker was told.
    """

    def __init__(self, store: Store, settings: WorkerSettings) -> None:
        self._store = presence_of(store)
        self._notice = WorkerNotice(
            worker_id=settings.worker_id,
            workflows=tuple(sorted({each.name for each in settings.workflows})),
            tags=tuple(sorted(settings.tags)),
            concurrency=settings.concurrency,
        )
        self._lease_seconds = settings.lease_seconds
        self._saying: asyncio.Task[None] | None = None
        self._leaving = asyncio.Event()

    def start(self) -> None:
        """Begin to say it."""
        if self._store is not None:
            self._saying = asyncio.create_task(self._say(self._store), name="sayiir-presence")

    async def _say(self, store: PresenceStore) -> None:
        while not self._leaving.is_set():
            with suppress(StoreError):
                await store.present(self._notice, round(self._lease_seconds * 1e6))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), self._lease_seconds / 3)

    async def end(self) -> None:
        """Take it back; if the store doesn't answer, the worker's time is over soon by itself."""
        if self._store is None or self._saying is None:
            return
        self._leaving.set()
        with suppress(StoreError):
            await self._saying  # what it says just now must not come after what follows
            await self._store.absent(self._notice.worker_id)
