"""Wake-ups: a flag for each watcher, set by whoever changes something, from any thread."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from sayiir.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Collection

    from sayiir.clock import Clock

__all__ = ["MemoryWatch", "Watchers"]


class Watchers:
    """Everybody who watches one store."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.closed = False
        # In the order in which they came: a simulation has to wake them in the same one again.
        self._watches: dict[MemoryWatch, None] = {}

    def add(self, run: int | None) -> MemoryWatch:
        """A new watch, which sees what changes from now on, in all runs or in one."""
        watch = MemoryWatch(self, run)
        self._watches[watch] = None
        return watch

    def discard(self, watch: MemoryWatch) -> None:
        """The watch sees no more."""
        self._watches.pop(watch, None)

    def wake(self, runs: Collection[int] | None = None) -> None:
        """Something has changed in these runs; None: in any of them."""
        for watch in tuple(self._watches):
            if runs is None or watch.run is None or watch.run in runs:
                watch.notice()


class MemoryWatch:
    """Sees every change of a memory store since it was made. One task waits on it at a time.

    ``run``: of this run only; None: of all.
    """

    def __init__(self, watchers: Watchers, run: int | None) -> None:
        self.run = run
        self._watchers = watchers
        self._noticed = False
        self._waiter: asyncio.Future[None] | None = None

    def notice(self) -> None:
        """There was a change. Called from any thread."""
        # The flag first: who begins to wait shows its waiter before it looks at the flag, so
        # one of the two sees the other.
        self._noticed = True
        waiter = self._waiter
        if waiter is not None:
            # A loop that is closed has nobody left who waits.
            with contextlib.suppress(RuntimeError):
                waiter.get_loop().call_soon_threadsafe(_finish, waiter)

    def wake(self) -> None:
        """Have ``changed`` return as after a change. In its loop."""
        self._noticed = True
        if self._waiter is not None:
            _finish(self._waiter)

    async def changed(self, timeout_seconds: float) -> bool:
        """Wait for a change since the last return; False after the timeout, by the store's clock.

        Raises:
            StoreUnavailable: the store was closed.
        """
        if not self._noticed and not self._watchers.closed and timeout_seconds > 0:
            await self._wait(timeout_seconds)
        if self._watchers.closed:
            raise StoreUnavailable("the memory store is closed")
        noticed, self._noticed = self._noticed, False
        return noticed

    async def _wait(self, timeout_seconds: float) -> None:
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        sleep = asyncio.ensure_future(self._watchers.clock.sleep(timeout_seconds))
        sleep.add_done_callback(lambda _: _finish(waiter))
        try:
            if not self._noticed:
                await waiter
        finally:
            self._waiter = None
            sleep.cancel()

    def close(self) -> None:
        """Stop watching."""
        self._watchers.discard(self)


def _finish(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
