"""``AsyncPooledWorker``: runs whatever is due of its workflows, beside any number of others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

from sayiir.durations import Duration
from sayiir.limits import (
    DEFAULT_GRACE_SECONDS,
    DEFAULT_LEASE_SECONDS,
    DEFAULT_POLL_SECONDS,
    WORKER_CONCURRENCY,
)
from sayiir.worker.service import WorkerService
from sayiir.worker.settings import WorkerSettings
from sayiir.worker.signals import StopSignals

if TYPE_CHECKING:
    from sayiir.clock import Clock
    from sayiir.codec.protocol import Codec
    from sayiir.events import Listener
    from sayiir.executors.protocol import Executor
    from sayiir.stores.protocols import Store
    from sayiir.workflow import Workflow

__all__ = ["AsyncPooledWorker"]


class AsyncPooledWorker:
    """Claims what is due of its workflows and runs it, until it is told to stop.

    Any number of them work around one store, on any number of machines: each item is run by one
    of them at a time, and the items of one worker that is lost go to the others when its leases
    end. A failed item, a store that is away for a while, a task that raises SystemExit: none of
    that ends a worker.

    Args:
        store: a URL (``postgresql://…``, ``sqlite:///orders.db``) or an open store.
        workflows: what can be run here. Several versions of one workflow may stand side by
            side; instances of other definitions are left to other workers.
        concurrency: how many items run here at once, in each process.
        tags: what this worker has. It takes items that ask for nothing else; without tags,
            items that ask for nothing.
        processes: how many processes to run; with more than one, this one only looks after
            them. The workflows must then be importable, and the store a URL.
        worker_id: unique among all workers; the machine, the process and a random part by
            default.
        lease: how long an item is held without a sign of life; renewed every third of it.
        poll_interval: how often it looks for work where no wake-up comes.
        grace: how long tasks may go on once the worker is told to stop.
        clock: what short backoffs are slept by.
        codec: how values are stored; the same for everybody who uses the store.
        resources: what tasks ask for by ``resource(Type)``; see ``AsyncCheckpointingRunner``.
        on_event: told what happens here; see ``AsyncCheckpointingRunner``.
        executors: where tasks run that name one by ``run_in=``.

    Raises:
        TypeError, ValueError: an argument is none of what it should be.
        DefinitionError: tags, durations or resources aren't allowed.

    >>> import asyncio
    >>> from sayiir import AsyncWorkflowClient, open_store, task, workflow
    >>> @task
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> doubling = workflow("doubling", double >> double)
    >>> async def main() -> int:
    ...     store = await open_store("memory://")
    ...     client = AsyncWorkflowClient(store)
    ...     async with AsyncPooledWorker(store, workflows=[doubling]):
    ...         await client.submit(doubling, "a", 3)
    ...         return await client.result("a", doubling)
    >>> asyncio.run(main())
    12
    """

    _service_type: type[WorkerService] = WorkerService

    def __init__(
        self,
        store: str | Store,
        *,
        workflows: Iterable[Workflow[Any, Any]],
        concurrency: int = WORKER_CONCURRENCY,
        tags: Iterable[str] = (),
        processes: int = 1,
        worker_id: str | None = None,
        lease: Duration = DEFAULT_LEASE_SECONDS,
        poll_interval: Duration = DEFAULT_POLL_SECONDS,
        grace: Duration = DEFAULT_GRACE_SECONDS,
        clock: Clock | None = None,
        codec: Codec | None = None,
        resources: Mapping[Any, Any] | None = None,
        on_event: Listener | None = None,
        executors: Mapping[str, Executor] | None = None,
    ) -> None:
        settings = WorkerSettings.checked(
            store,
            workflows=workflows,
            concurrency=concurrency,
            tags=tags,
            processes=processes,
            worker_id=worker_id,
            lease=lease,
            poll_interval=poll_interval,
            grace=grace,
            clock=clock,
            codec=codec,
            resources=resources,
            on_event=on_event,
            executors=executors,
        )
        self._service = self._service_type(settings)

    @property
    def worker_id(self) -> str:
        """What its leases are held under."""
        return self._service.settings.worker_id

    async def store(self) -> Store:
        """The open store.

        Raises:
            StoreError: it can't be opened.
        """
        return await self._service.store()

    async def start(self) -> None:
        """Begin to work, and return; no signal is taken. ``shutdown()`` ends it.

        Raises:
            SayiirError: it was started before.
            StoreError: the store can't be opened, or the worker was shut down.
            ExecutorMissing: a task names an executor that the worker wasn't given.
            DefinitionError: a task needs a resource that the worker wasn't given.
        """
        await self._service.start()

    async def shutdown(self) -> None:
        """Drain and go. Idempotent.

        Nothing more is claimed and nothing new starts. Tasks that run may finish within the
        grace; their results are stored, and in the same write their items are given back. What
        still runs then is cancelled and given back too.

        Raises:
            BaseException: what leaving a resource or closing the store raised, first; all the
                rest is closed all the same.
        """
        await self._service.shutdown()

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT comes, then ``shutdown()``; in the main thread only.

        A second signal leaves at once: it is raised here as KeyboardInterrupt (SIGINT) or
        SystemExit (SIGTERM).

        Raises:
            SayiirError: called in another thread than the main one, or started before.
            StoreError, ExecutorMissing, DefinitionError: as ``start()``.
        """
        told = asyncio.Event()
        signals = StopSignals(told.set, self._service.hurry, asyncio.get_running_loop())
        with signals:
            try:
                await self._service.start()
                await told.wait()
            finally:
                await self._service.shutdown()
        if (request := signals.exit_request()) is not None:
            raise request

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.shutdown()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.shutdown()
