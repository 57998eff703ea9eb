"""What a runner and a worker start and close alike: the store, the engine, the keeper of leases."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sayiir.access.arguments import lasting_seconds
from sayiir.access.connection import StoreConnection
from sayiir.access.programs import Programs
from sayiir.clock import SystemClock
from sayiir.engine.claims import Releaser
from sayiir.engine.closing import close_all
from sayiir.engine.committer import StoreCommitter
from sayiir.engine.desk import Engine
from sayiir.engine.executing import Executors
from sayiir.engine.leases import LeaseKeeper
from sayiir.engine.listening import teller_of
from sayiir.engine.resources import ResourcePool, Resources
from sayiir.engine.slots import Slots
from sayiir.engine.threads import TaskThreads
from sayiir.run_options import check_clock, check_executors, check_listener

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from sayiir.clock import Clock
    from sayiir.codec.protocol import Codec
    from sayiir.durations import Duration
    from sayiir.engine.program import Program
    from sayiir.engine.work import Work
    from sayiir.events import Listener
    from sayiir.executors.protocol import Executor
    from sayiir.stores.protocols import Store
    from sayiir.workflow import Workflow

__all__ = ["EngineHost"]


class EngineHost:
    """An engine on a store: started on first use, closed in order.

    Args:
        store: a URL or an open store.
        codec: how values are stored.
        lease: how long an item is held without a sign of life.
        clock: what short backoffs are slept by.
        resources: what tasks ask for by ``resource(Type)``.
        on_event: told what happens here.
        executors: where tasks run that name one by ``run_in=``.
        concurrency: how many items run at once.

    Raises:
        TypeError: an argument is none of what it should be.
        ValueError: the lease is 0 s.
        DefinitionError: the lease is no duration, or what was given as resources is none.
        SayiirError: an executor has the name ``"loop"`` or ``"thread"``.
    """

    def __init__(
        self,
        store: str | Store,
        *,
        codec: Codec | None,
        lease: Duration,
        clock: Clock | None,
        resources: Mapping[Any, Any] | None,
        on_event: Listener | None,
        executors: Mapping[str, Executor] | None,
        concurrency: int,
    ) -> None:
        check_executors(executors)
        check_listener(on_event)
        check_clock(clock)
        self.executors = Executors(executors)
        self._resources = Resources(resources)
        self.connection = StoreConnection(store, codec)
        self.codec = self.connection.codec
        self.lease_us = round(lasting_seconds(lease, "lease") * 1e6)
        self.clock: Clock = clock or SystemClock()
        self.teller = teller_of(on_event, self.clock)
        self.concurrency = concurrency
        self._started: tuple[Engine, Programs] | None = None
        self._keeper: LeaseKeeper | None = None
        self._opening = asyncio.Lock()

    async def opened(self) -> tuple[Engine, Programs]:
        """The engine and the programs, made when they are first asked for.

        Raises:
            StoreError: the store can't be opened, or was closed here.
        """
        async with self._opening:
            if self._started is None:
                self._started = await self._start()
            return self._started

    async def _start(self) -> tuple[Engine, Programs]:
        store = await self.connection.open()
        threads = self.make_threads()
        held: set[Work] = set()
        releaser = Releaser(store)
        engine = Engine(
            store=store,
            releaser=releaser,
            committer=StoreCommitter(store, releaser, held),
            threads=threads,
            clock=self.clock,
            held=held,
            slots=Slots(self.concurrency),
            executors=self.executors,
            resources=ResourcePool(self._resources, threads.run),
            teller=self.teller,
        )
        self._keeper = self.make_keeper(store, held, releaser)
        self._keeper.start()
        return engine, self.make_programs(store)

    # -- what a simulation makes otherwise

    def make_threads(self) -> TaskThreads:
        """The threads that sync tasks run on."""
        return TaskThreads()

    def make_keeper(self, store: Store, held: set[Work], releaser: Releaser) -> LeaseKeeper:
        """What renews the leases of the work that is held."""
        return LeaseKeeper(store, held, releaser, self.lease_us, asyncio.get_running_loop())

    def make_programs(self, store: Store) -> Programs:
        """What workflows are compiled to, and what is told of definitions."""
        return Programs(store, self.codec)

    def check(self, workflow: Workflow[Any, Any], program: Program) -> None:
        """Refuse a workflow that names an executor or a resource which isn't here.

        Raises:
            ExecutorMissing: a task names an executor that wasn't given.
            DefinitionError: a task needs a resource that wasn't given.
        """
        self.executors.check(workflow.name, program.executor_names)
        self._resources.check(workflow.name, program.needs)

    async def close(self, stop_running: Callable[[], Awaitable[object]]) -> None:
        """Stop what runs, leave the resources, close the store if it was opened here.

        Idempotent. All is closed, whatever one of the parts says to that.

        Args:
            stop_running: gives back what runs, while all of it is still there.

        Raises:
            BaseException: what leaving or closing something raised first.
        """
        engine = None if self._started is None else self._started[0]
        await close_all(
            stop_running,
            *([] if engine is None else [engine.resources.close]),
            *([] if self._keeper is None else [self._keeper.close]),
            *([] if engine is None else [engine.threads.close]),
            self.executors.close,
            *([] if self.teller is None else [self.teller.close]),
            self.connection.close,
        )
