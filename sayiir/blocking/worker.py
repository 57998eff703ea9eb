"""The blocking form of the worker: the same methods over a portal thread."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self

from sayiir.durations import Duration
from sayiir.limits import (
    DEFAULT_GRACE_SECONDS,
    DEFAULT_LEASE_SECONDS,
    DEFAULT_POLL_SECONDS,
    WORKER_CONCURRENCY,
)
from sayiir.portal import Portal
from sayiir.worker.running import HURRIED_SECONDS, run_until_told
from sayiir.worker.service import WorkerService
from sayiir.worker.settings import WorkerSettings

if TYPE_CHECKING:
    from sayiir.clock import Clock
    from sayiir.codec.protocol import Codec
    from sayiir.events import Listener
    from sayiir.executors.protocol import Executor
    from sayiir.stores.protocols import Store
    from sayiir.workflow import Workflow

__all__ = ["PooledWorker"]


class PooledWorker:
    """Claims what is due of its workflows and runs it, until it is told to stop.

    The blocking form of ``AsyncPooledWorker``, which tells the arguments in full. ``run()`` it in
    a program of its own; in another program ``start()`` it and ``shutdown()`` it, or use it in a
    ``with`` statement.

    Args:
        store: a URL (``postgresql://…``, ``sqlite:///orders.db``) or an open store.
        workflows: what can be run here; several versions may stand side by side.
        concurrency: how many items run here at once, in each process.
        tags: what this worker has: it takes items that ask for nothing else.
        processes: how many processes to run; the workflows must then be importable.
        worker_id: unique among all workers.
        lease: how long an item is held without a sign of life; renewed every third of it.
        poll_interval: how often it looks for work where no wake-up comes.
        grace: how long tasks may go on once the worker is told to stop.
        clock: what short backoffs are slept by.
        codec: how values are stored; the same for everybody who uses the store.
        resources: what tasks ask for by ``resource(Type)``.
        on_event: told what happens here; called on the worker's own thread.
        executors: where tasks run that name one by ``run_in=``.

    Raises:
        TypeError, ValueError: an argument is none of what it should be.
        DefinitionError: tags, durations or resources aren't allowed.

    >>> import os, tempfile
    >>> from sayiir import WorkflowClient, task, workflow
    >>> @task
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> doubling = workflow("doubling", double >> double)
    >>> url = f"sqlite:///{os.path.join(tempfile.mkdtemp(), 'orders.db')}"
    >>> with PooledWorker(url, workflows=[doubling]), WorkflowClient(url) as client:
    ...     _ = client.submit(doubling, "a", 3)
    ...     client.result("a", doubling)
    12
    """

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
        self._service = WorkerService(settings)
        self._portal = Portal("PooledWorker", HURRIED_SECONDS)
        self._shutting = threading.Lock()

    @property
    def worker_id(self) -> str:
        """What its leases are held under."""
        return self._service.settings.worker_id

    def store(self) -> Store:
        """The open store; see ``AsyncPooledWorker.store``."""
        return self._portal.call(self._service.store)

    def start(self) -> None:
        """Begin to work, and return; see ``AsyncPooledWorker.start``."""
        self._portal.call(self._service.start)

    def shutdown(self) -> None:
        """Drain and go; see ``AsyncPooledWorker.shutdown``. An exception meanwhile hurries it."""
        with self._shutting:
            self._portal.close(self._service.shutdown)

    def run(self) -> None:
        """Work until SIGTERM or SIGINT comes; see ``AsyncPooledWorker.run``.

        In a notebook's cell: until the cell is interrupted.
        """
        run_until_told(self.start, self.shutdown)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.shutdown()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
