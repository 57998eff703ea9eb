"""Keeping leases alive, apart from user code; what tasks say goes out, what is asked comes in.

The keeper runs on a thread with a loop of its own: a task that blocks the event loop, or a
process busy with a long computation, must not lose its other work.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from typing import TYPE_CHECKING

from sayiir.engine.progress import ProgressGatherer
from sayiir.errors import StoreError
from sayiir.limits import CONTROL_POLL_SECONDS, LEASE_RENEWALS_PER_LEASE
from sayiir.stores.records import Control

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir.engine.work import Work
    from sayiir.stores.protocols import Store
    from sayiir.stores.records import LeaseState

__all__ = ["LeaseKeeper", "look_after"]

logger = logging.getLogger("sayiir.engine")


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

    What running tasks have said meanwhile is written on the same rounds.

    Args:
        store: where the leases are.
        held: the work whose leases are in use; read from the keeper's thread.
        lease_us: how long a renewed lease lasts.
        loop: the loop that drives the work; it is told there.
    """

    def __init__(
        self,
        store: Store,
        held: set[Work],
        lease_us: int,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._store = store
        self._held = held
        self._lease_us = lease_us
        self._loop = loop
        self._progress = ProgressGatherer(store)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._main, name="sayiir-leases", daemon=True)

    def start(self) -> None:
        """Begin to keep."""
        self._thread.start()

    def stop(self) -> None:
        """End; leases that are still held run out by themselves."""
        self._stop.set()

    def _main(self) -> None:
        asyncio.run(self._keep())

    async def _keep(self) -> None:
        renew_every = self._lease_us / 1e6 / LEASE_RENEWALS_PER_LEASE
        step = min(CONTROL_POLL_SECONDS, renew_every)
        renewed_at = time.monotonic()
        while not self._stop.is_set():
            # The event is polled in short steps of the loop, so that stop() never has to wait.
            await asyncio.sleep(step)
            due = time.monotonic() - renewed_at >= renew_every - step / 2
            try:
                lease_us = self._lease_us if due else None
                await look_after(self._store, self._works, lease_us, self._tell)
                await self._progress.write(self._works())
            except StoreError:
                # Tried again at the next step; a lease outlives two failed renewals.
                logger.warning("could not look after leases", exc_info=True)
                continue
            if due:
                renewed_at = time.monotonic()

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
