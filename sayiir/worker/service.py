"""A worker at work: started, told to stop, gone. What both forms of it and its processes share."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from sayiir.access.host import EngineHost
from sayiir.engine.closing import outlasted
from sayiir.engine.serving import Server
from sayiir.errors import SayiirError, StoreUnavailable
from sayiir.limits import LEAVE_SECONDS
from sayiir.printable import printable
from sayiir.stores.records import ClaimRequest
from sayiir.worker.fleet import Fleet
from sayiir.worker.presence import Presence
from sayiir.worker.unserved import Unserved

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from sayiir.engine.desk import Engine
    from sayiir.stores.protocols import Store
    from sayiir.worker.settings import WorkerSettings

__all__ = ["WorkerService"]

logger = logging.getLogger("sayiir.worker")


class WorkerService:
    """One worker, or a fleet of its processes. Used once: what was shut down stays so.

    Args:
        settings: what it was told.

    Raises:
        TypeError, DefinitionError: an argument is none of what it should be.
        ValueError: it can't be run in several processes.
    """

    host_type: type[EngineHost] = EngineHost
    """What it starts; a simulation's goes by another time."""
    says_it_is_here = True
    """A simulation's is seen by nobody, and makes no calls that aren't about work."""

    tells_of_unserved = True
    """In a fleet the parent does, who never has anything else to do."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        self._host = self.host_type(
            settings.store,
            codec=settings.codec,
            lease=settings.lease_seconds,
            clock=settings.clock,
            resources=settings.resources,
            on_event=settings.on_event,
            executors=settings.executors,
            concurrency=settings.concurrency,
        )
        self._fleet = Fleet(settings) if settings.processes > 1 else None
        self._server: Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._presence: Presence | None = None
        self._unserved: Unserved | None = None
        self._begun = False
        self._hurry = asyncio.Event()
        self._closing: asyncio.Task[None] | None = None

    async def store(self) -> Store:
        """The open store."""
        return await self._host.connection.open()

    async def start(self) -> None:
        """Begin to claim; returns once it does.

        Raises:
            SayiirError: it was started before.
            StoreError: the store can't be opened.
            ExecutorMissing: a task names an executor that wasn't given.
            DefinitionError: a task needs a resource that wasn't given.
        """
        if self._closing is not None:
            raise StoreUnavailable("this worker has been shut down; make a new one")
        if self._begun:
            raise SayiirError("this worker has been started already")
        self._begun = True
        settings = self.settings
        engine, programs = await self._host.opened()
        compiled = {each.definition_hash: programs.of(each) for each in settings.workflows}
        for workflow in settings.workflows:
            self._host.check(workflow, compiled[workflow.definition_hash])
        if self._fleet is not None:
            await self._fleet.start()
            self._look_around(engine)
            logger.info(
                "worker %s runs in %d processes", printable(settings.worker_id), settings.processes
            )
            return
        request = ClaimRequest(
            holder=settings.worker_id,
            lease_us=self._host.lease_us,
            limit=settings.concurrency,
            tags=settings.tags,
        )
        self._server = Server(engine, compiled, request, settings.poll_seconds)
        self._serving = asyncio.create_task(self._server.serve(), name="sayiir-serving")
        if self.says_it_is_here:
            self._presence = Presence(engine.store, settings)
            await self._presence.start()
        self._look_around(engine)
        logger.info(
            "worker %s runs up to %d items at a time of %s",
            printable(settings.worker_id),
            settings.concurrency,
            printable(", ".join(sorted({each.name for each in settings.workflows}))),
        )

    def _look_around(self, engine: Engine) -> None:
        if self.says_it_is_here and self.tells_of_unserved:
            self._unserved = Unserved(engine.store, self.settings, lambda: bool(engine.held))
            self._unserved.start()

    def hurry(self) -> None:
        """Leave at once, whatever still runs. In the loop; without effect before ``shutdown``."""
        self._hurry.set()

    async def shutdown(self) -> None:
        """Drain within the grace, give everything back, close. Idempotent.

        Cancelled meanwhile, it leaves at once, and raises when it is gone.

        Raises:
            BaseException: what leaving a resource or closing something raised.
        """
        if self._closing is None:
            self._closing = asyncio.create_task(self._host.close(self._stop), name="sayiir-leaving")
        cancelled = await outlasted(self._closing, self._hurry.set)
        if cancelled is not None:
            raise cancelled
        self._closing.result()

    async def _stop(self) -> None:
        grace = self.settings.grace_seconds
        if self._unserved is not None:
            self._unserved.stop()
        if self._fleet is not None:
            await self._fleet.stop(grace, self._hurry)
        server, serving = self._server, self._serving
        if server is None or serving is None:
            return
        server.stop()
        logger.info(
            "worker %s takes nothing new, and waits up to %.3g s for what runs",
            printable(self.settings.worker_id),
            grace,
        )
        await self._unless_hurried(_both(serving, server), grace)
        serving.cancel()
        leaving = {asyncio.create_task(server.leave())}
        if self._presence is not None:
            leaving.add(asyncio.create_task(self._presence.end()))
        # A store that doesn't answer any more must not keep the process.
        await asyncio.wait(leaving, timeout=LEAVE_SECONDS)

    async def _unless_hurried(self, waited: Coroutine[Any, Any, None], seconds: float) -> None:
        both = {asyncio.create_task(waited), asyncio.create_task(self._hurry.wait())}
        await asyncio.wait(both, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in both:
            task.cancel()
        await asyncio.wait(both)


async def _both(serving: asyncio.Task[None], server: Server) -> None:
    await asyncio.wait({serving})
    await server.drained()
