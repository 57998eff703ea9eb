"""Wake-ups: a flag for each watcher, set by whoever changes something."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sayiir.errors import StoreUnavailable

if TYPE_CHECKING:
    from sayiir.clock import Clock

__all__ = ["MemoryWatch", "Watchers"]


class Watchers:
    """Everybody who watches one store."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.closed = False
        self._watches: set[MemoryWatch] = set()

    def add(self) -> MemoryWatch:
        """A new watch, which sees what changes from now on."""
        watch = MemoryWatch(self)
        self._watches.add(watch)
        return watch

    def discard(self, watch: MemoryWatch) -> None:
        """The watch sees no more."""
        self._watches.discard(watch)

    def wake(self) -> None:
        """Something has changed."""
        for watch in self._watches:
            watch.notice()


class MemoryWatch:
    """Sees every change of a memory store since it was made."""

    def __init__(self, watchers: Watchers) -> None:
        self._watchers = watchers
        self._noticed = asyncio.Event()

    def notice(self) -> None:
        """There was a change."""
        self._noticed.set()

    async def changed(self, timeout_seconds: float) -> bool:
        """Wait for a change since the last return; False after the timeout, by the store's clock.

        Raises:
            StoreUnavailable: the store was closed.
        """
        if not self._noticed.is_set() and not self._watchers.closed and timeout_seconds > 0:
            await self._wait(timeout_seconds)
        if self._watchers.closed:
            raise StoreUnavailable("the memory store is closed")
        noticed = self._noticed.is_set()
        self._noticed.clear()
        return noticed

    async def _wait(self, timeout_seconds: float) -> None:
        tasks = [
            asyncio.ensure_future(self._noticed.wait()),
            asyncio.ensure_future(self._watchers.clock.sleep(timeout_seconds)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()

    def close(self) -> None:
        """Stop watching."""
        self._watchers.discard(self)
