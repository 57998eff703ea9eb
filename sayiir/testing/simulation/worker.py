"""A worker as one process of a simulation, with the real keeper of leases."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from sayiir.engine.leases import LeaseKeeper
from sayiir.testing.simulation.runner import SimulatedHost
from sayiir.worker.pooled import AsyncPooledWorker
from sayiir.worker.service import WorkerService

if TYPE_CHECKING:
    from sayiir.engine.claims import Releaser
    from sayiir.engine.work import Work
    from sayiir.stores.protocols import Store

__all__ = ["SimulatedWorker"]


class LoopKeeper(LeaseKeeper):
    """The keeper of leases as it is, as a task of the simulated loop instead of a thread."""

    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to keep."""
        self._task = self._loop.create_task(self._keep())

    async def close(self) -> None:
        """End, and give back what is owed."""
        self.stop()
        if self._task is not None:
            with suppress(asyncio.CancelledError):
                await self._task


class WorkerHost(SimulatedHost):
    """As of a runner; but its leases are kept by the real rounds."""

    def make_keeper(self, store: Store, held: set[Work], releaser: Releaser) -> LeaseKeeper:
        """A keeper in the loop."""
        loop = asyncio.get_running_loop()
        return LoopKeeper(store, held, releaser, self.lease_us, loop)


class _Service(WorkerService):
    host_type = WorkerHost
    says_it_is_here = False


class SimulatedWorker(AsyncPooledWorker):
    """The worker as one process of a simulation."""

    _service_type = _Service
