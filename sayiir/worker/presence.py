"""Saying that a worker is here, so that people see it while it has nothing to do."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from sayiir.errors import StoreError
from sayiir.stores.presence import WorkerNotice, presence_of

if TYPE_CHECKING:
    from sayiir.stores.presence import PresenceStore
    from sayiir.stores.protocols import Store
    from sayiir.worker.settings import WorkerSettings

__all__ = ["Presence"]

FIRST_SECONDS: Final = 1.0


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

    async def start(self) -> None:
        """Say it, and go on saying it. A store that doesn't answer is waited for a second."""
        if self._store is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(FIRST_SECONDS):
                    await self._say(self._store)
            self._saying = asyncio.create_task(self._repeat(self._store), name="sayiir-presence")

    async def _repeat(self, store: PresenceStore) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), self._lease_seconds / 3)
                return
            await self._say(store)

    async def _say(self, store: PresenceStore) -> None:
        with suppress(StoreError):
            await store.present(self._notice, round(self._lease_seconds * 1e6))

    async def end(self) -> None:
        """Take it back; if the store doesn't answer, the worker's time is over soon by itself."""
        if self._store is None or self._saying is None:
            return
        self._leaving.set()
        with suppress(StoreError):
            await self._saying  # what it says just now must not come after what follows
            await self._store.absent(self._notice.worker_id)
