"""Wake-ups: a flag for each watcher, set after commits, by whichever thread."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from sayiir.clock import SystemClock
from sayiir.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from sayiir.clock import Clock

__all__ = ["StoreWatch", "Watchers"]

_LONGEST_TIMER_SECONDS: Final = 86_400
"""Beyond that a timer of the loop may overflow."""


class Watchers:
    """Everybody who watches one store. Woken from any thread."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.begin_waiting: Callable[[], None] = lambda: None
        """Called when somebody begins to wait, in its loop: what others do must be heard of."""
        self.closed = False
        self._watches: tuple[StoreWatch, ...] = ()

    @property
    def waiting(self) -> bool:
        """Whether anybody waits at this moment."""
        return any(watch.waiting for watch in self._watches)

    def add(self, run: int | None) -> StoreWatch:
        """A new watch, which sees what changes from now on, in all runs or in one."""
        watch = StoreWatch(self, run)
        # A new tuple each time: the writer may be going through the old one.
        self._watches = (*self._watches, watch)
        return watch

    def discard(self, watch: StoreWatch) -> None:
        """The watch sees no more."""
        self._watches = tuple(each for each in self._watches if each is not watch)

    def wake(self, runs: Collection[int] | None = None) -> None:
        """Something has changed in these runs; None: in any of them."""
        for watch in self.of(runs):
            watch.notice()

    def of(self, runs: Collection[int] | None) -> tuple[StoreWatch, ...]:
        """Who watches these runs at this moment; None: any of them."""
        return tuple(
            watch
            for watch in self._watches
            if runs is None or watch.run is None or watch.run in runs
        )

    def doubt(self) -> None:
        """Something may have changed that was not heard of.

        Who waits is woken to look, and who waits next looks before it does.
        """
        for watch in self._watches:
            watch.doubt()


class StoreWatch:
    """Sees every change of the store since it was made, by whichever process.

    ``run``: of this run only, and maybe of others by another process; None: of all.
    """

    def __init__(self, watchers: Watchers, run: int | None) -> None:
        self.run = run
        self.closed = False
        self._watchers = watchers
        self._loop = asyncio.get_running_loop()
        self._noticed = False
        self._doubted = False
        self._waiter: asyncio.Future[None] | None = None

    @property
    def waiting(self) -> bool:
        """Whether somebody waits on it at this moment."""
        return self._waiter is not None

    def notice(self) -> None:
        """There was a change. From any thread."""
        if self._noticed:
            return  # nobody has looked since the last one
        self._noticed = True
        if _running_loop() is self._loop:
            self._loop.call_soon(self._wake)  # without the selector that other threads wake
            return
        try:
            self._loop.call_soon_threadsafe(self._wake)
        except RuntimeError:
            # Its loop was closed with the watch still there: nobody waits any more.
            self._watchers.discard(self)

    def doubt(self) -> None:
        """There may have been a change. From any thread."""
        self._doubted = True
        if self.waiting:
            self.notice()

    def wake(self) -> None:
        """Have ``changed`` return as after a change. In its loop."""
        self._noticed = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None:
            _finish(self._waiter)

    async def changed(self, timeout_seconds: float) -> bool:
        """Wait for a change since the last return; False after the timeout, by the store's clock.

        Raises:
            StoreUnavailable: the store was closed.
        """
        if timeout_seconds > 0 and not (self._noticed or self._doubted or self._watchers.closed):
            await self._wait(timeout_seconds)
        if self._watchers.closed:
            raise StoreUnavailable("the store is closed")
        # A doubt ends a wait, but is no change for who only asks whether there was one.
        noticed = self._noticed or (self._doubted and timeout_seconds > 0)
        if noticed:
            self._noticed = self._doubted = False
        return noticed

    async def _wait(self, timeout_seconds: float) -> None:
        waiter = self._waiter = self._loop.create_future()
        alarm = self._alarm(waiter, timeout_seconds)
        self._watchers.begin_waiting()
        try:
            # Looked at again: a change may have come between the first look and the waiter.
            if not (self._noticed or self._doubted):
                await waiter
        finally:
            self._waiter = None
            alarm.cancel()

    def _alarm(
        self, waiter: asyncio.Future[None], timeout_seconds: float
    ) -> asyncio.TimerHandle | asyncio.Future[None]:
        """What ends the wait when its time is over."""
        if type(self._watchers.clock) is SystemClock and timeout_seconds <= _LONGEST_TIMER_SECONDS:
            # No task, whose first turn would be one more thing that is due in the loop.
            return self._loop.call_later(timeout_seconds, _finish, waiter)
        sleep = asyncio.ensure_future(self._watchers.clock.sleep(timeout_seconds))
        sleep.add_done_callback(lambda _: _finish(waiter))
        return sleep

    def close(self) -> None:
        """Stop watching."""
        self.closed = True
        self._watchers.discard(self)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _finish(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
