"""A runner for simulated loops: leases by the loop's time, threads that are waited for."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from sayiir.access.host import EngineHost
from sayiir.access.programs import Programs
from sayiir.engine.leases import LeaseKeeper, look_after, told
from sayiir.engine.threads import TaskThreads
from sayiir.limits import LEASE_RENEWALS_PER_LEASE
from sayiir.runner import AsyncCheckpointingRunner
from sayiir.testing.simulation.loop import SimulatedLoop

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir.clock import Clock
    from sayiir.engine.claims import Releaser
    from sayiir.engine.program import Program
    from sayiir.engine.work import Work
    from sayiir.stores.protocols import Store
    from sayiir.workflow import Workflow

__all__ = ["SimulatedHost", "SimulatedRunner", "SimulatedThreads", "drop_everything"]


class SimulatedThreads(TaskThreads):
    """Runs each call on a thread, and waits for it in place: its end has a place in the order."""

    async def run(self, call: Callable[[], Any]) -> Any:
        """The result of ``call()``, in a copy of the caller's context.

        Raises:
            BaseException: whatever the call raised.
        """
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedLoop)
        future = loop.patiently(partial(copy_context().run, call))
        if not future.done():
            return await asyncio.wrap_future(future)
        await asyncio.sleep(0)
        return future.result()


class SimulatedKeeper(LeaseKeeper):
    """In place of the thread that renews leases: the same, in the loop and by its time."""

    def __init__(
        self, store: Store, held: set[Work], releaser: Releaser, lease_us: int, clock: Clock
    ) -> None:
        self._loop = asyncio.get_running_loop()
        super().__init__(store, held, releaser, lease_us, self._loop)
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to keep."""
        self._task = self._loop.create_task(self._keep())

    async def close(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()

    async def _keep(self) -> None:
        while True:
            await self._clock.sleep(self._lease_us / 1e6 / LEASE_RENEWALS_PER_LEASE)
            await look_after(self._store, lambda: tuple(self._held), self._lease_us, told)


class _SharedPrograms(Programs):
    """What a workflow is compiled to is pure: thousands of processes share it."""

    def of(self, workflow: Workflow[Any, Any]) -> Program:
        return workflow._program()  # pyright: ignore[reportPrivateUsage]


class SimulatedHost(EngineHost):
    """What a runner or worker starts, by the time and on the threads of a simulation."""

    def make_threads(self) -> TaskThreads:
        """Threads that are waited for in place."""
        return SimulatedThreads()

    def make_keeper(self, store: Store, held: set[Work], releaser: Releaser) -> LeaseKeeper:
        """A keeper in the loop, by its time."""
        return SimulatedKeeper(store, held, releaser, self.lease_us, self.clock)

    def make_programs(self, store: Store) -> Programs:
        """Programs that all processes of a simulation share."""
        return _SharedPrograms(store, self.codec)


class SimulatedRunner(AsyncCheckpointingRunner):
    """The embedded runner as one process of a simulation."""

    _host_type = SimulatedHost


async def drop_everything() -> None:
    """End all tasks of the process; its store answers nothing they still ask."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimulatedLoop)
    loop.on_stuck = None
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others)
        for task in others:
            if not task.cancelled():
                task.exception()  # it was looked at: nobody else will
