"""Keeping leases alive, apart from user code; what tasks say goes out, what is asked comes in.

The keeper runs on a thread with a loop of its own: a task that blocks the event loop, or a
process busy with a long computation, must not lose its other work.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from sayiir.engine.progress import ProgressGatherer
from sayiir.limits import CONTROL_POLL_SECONDS, LEASE_RENEWALS_PER_LEASE
from sayiir.outages import OutageLog
from sayiir.stores.records import Control

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir.engine.claims import Releaser
    from sayiir.engine.work import Work
    from sayiir.stores.protocols import Store
    from sayiir.stores.records import LeaseState

__all__ = ["LeaseKeeper", "look_after"]

logger = logging.getLogger("sayiir.engine")

_LONGEST_GOODBYE_SECONDS = 1.0


async def look_after(
    store: Store,
    held: Callable[[], tuple[Work, ...]],
    lease_us: int | None,
    tell: Callable[[Work, LeaseState], None],
) -> None:
    """Renew the leases of all held work (or only look, where ``lease_us`` is None).

    ``tell`` gets every item that was lost, or whose instance somebody asked something of.
    """
    works = held()
    if not works:
        return
    fences = [work.fence for work in works]
    states = await (store.check(fences) if lease_us is None else store.renew(fences, lease_us))
    for work, state in zip(works, states, strict=True):
        if not state.held or state.control is not Control.NONE:
            tell(work, state)


class LeaseKeeper:
    """A daemon thread that renews every third of a lease and looks for requests every second.

    Whatever goes wrong is logged, once a minute at most, and tried again: a lease outlives two
    failed renewals.
    What running tasks have said meanwhile is written on the same rounds.

    Args:
        store: where the leases are.
        held: the work whose leases are in use; read from the keeper's thread.
        releaser: what it could not give back is tried again here.
        lease_us: how long a renewed lease lasts.
        loop: the loop that drives the work; it is told there.
    """

    def __init__(
        self,
        store: Store,
        held: set[Work],
        releaser: Releaser,
        lease_us: int,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._store = store
        self._held = held
        self._releaser = releaser
        self._lease_us = lease_us
        self._loop = loop
        self._progress = ProgressGatherer(store)
        self._stop = threading.Event()
        self._wake: Callable[[], object] | None = None
        self._renewals = OutageLog(logger, "the renewal of leases")
        self._releases = OutageLog(logger, "giving leases back")
        self._thread = threading.Thread(target=self._main, name="sayiir-leases", daemon=True)

    def start(self) -> None:
        """Begin to keep."""
        self._thread.start()

    def stop(self) -> None:
        """End soon; leases that are still held run out by themselves. From any thread."""
        self._stop.set()
        wake = self._wake
        if wake is not None:
            with suppress(RuntimeError):  # its loop has ended already
                wake()

    async def close(self) -> None:
        """End, and give back what is owed; returns once the thread is gone, or after a second."""
        self.stop()
        await asyncio.to_thread(self._thread.join, _LONGEST_GOODBYE_SECONDS)

    def _main(self) -> None:
        asyncio.run(self._keep())

    async def _keep(self) -> None:
        woken, loop = asyncio.Event(), asyncio.get_running_loop()
        self._wake = partial(loop.call_soon_threadsafe, woken.set)
        renew_every = self._lease_us / 1e6 / LEASE_RENEWALS_PER_LEASE
        step = min(CONTROL_POLL_SECONDS, renew_every)
        renewed_at = loop.time()
        while not self._stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), step)
            if self._stop.is_set():
                break
            due = loop.time() - renewed_at >= renew_every - step / 2
            if await self._look(self._lease_us if due else None) and due:
                renewed_at = loop.time()
            await self._catch_up()
        await self._catch_up()

    async def _look(self, lease_us: int | None) -> bool:
        """Renew or only look; False: tried again at the next step."""
        try:
            await look_after(self._store, self._works, lease_us, self._tell)
            await self._progress.write(self._works())
        except Exception as error:  # nothing that a store raises may end the keeping
            self._renewals.note(error)
            return False
        return True

    async def _catch_up(self) -> None:
        try:
            await self._releaser.catch_up()
        except Exception as error:  # as above
            self._releases.note(error)

    def _works(self) -> tuple[Work, ...]:
        return tuple(self._held)

    def _tell(self, work: Work, state: LeaseState) -> None:
        try:
            self._loop.call_soon_threadsafe(told, work, state)
        except RuntimeError:  # the driving loop is closed; so is everything it held
            self._stop.set()


def told(work: Work, state: LeaseState) -> None:
    """Hand a lease's state to the work, in the loop that drives it."""
    work.interrupt(state.control, lost=not state.held)
