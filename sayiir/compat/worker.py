"""``Worker``: runs what a client has submitted, beside any number of others."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable

from sayiir.blocking.worker import PooledWorker
from sayiir.compat.backends import Backend
from sayiir.compat.compiled import Workflow
from sayiir.compat.errors import told_as_compat
from sayiir.compat.tracing import task_spans

__all__ = ["Worker", "WorkerHandle"]


class WorkerHandle:
    """A worker that runs. Made by ``Worker.start()``."""

    def __init__(self, worker: PooledWorker, backend: Backend) -> None:
        self._worker = worker
        self._backend = backend  # as long as the worker runs, somebody has to hold its store
        self._told = threading.Event()
        self._thread = threading.Thread(
            target=self._leave, name="sayiir-compat-worker", daemon=True
        )
        self._thread.start()

    @property
    def worker_id(self) -> str:
        """What its leases are held under: the name that was given, and what was drawn."""
        return self._worker.worker_id

    def shutdown(self) -> None:
        """Ask it to finish what runs and to go, and don't wait for that. Idempotent."""
        self._told.set()

    def join(self) -> None:
        """Wait until it is gone; somebody has to call ``shutdown()``."""
        self._thread.join()

    def _leave(self) -> None:
        self._told.wait()
        self._worker.shutdown()


class Worker:
    """Runs the due tasks of its workflows, whoever submitted them.

    Args:
        worker_id: for people: a part is drawn to it, so that two may be called alike.
        backend: where instances are kept.
        poll_interval: seconds between two looks for work where no wake-up comes.
        claim_ttl: seconds after which the tasks of a lost worker go to others. While a worker
            lives it keeps what it has, however long that runs.

    >>> from sayiir.compat import Flow, InMemoryBackend, WorkflowClient
    >>> backend, workflow = InMemoryBackend(), Flow("doubling").then(lambda n: 2 * n).build()
    >>> handle = Worker("worker-1", backend).start([workflow])
    >>> _ = WorkflowClient(backend).submit(workflow, "a", 4)
    >>> handle.shutdown()
    >>> handle.join()
    """

    def __init__(
        self,
        worker_id: str,
        backend: Backend,
        *,
        poll_interval: float = 5.0,
        claim_ttl: float = 300.0,
    ) -> None:
        self._worker_id = worker_id
        self._backend = backend
        self._poll_interval = poll_interval
        self._claim_ttl = claim_ttl

    def start(self, workflows: Iterable[Workflow]) -> WorkerHandle:
        """Begin to work, and return.

        Raises:
            ValueError: there are no workflows, or an argument is out of its bounds.
            BackendError: the store can't be opened.
        """
        with told_as_compat():
            worker = PooledWorker(
                self._backend.store(),
                workflows=[workflow.native for workflow in workflows],
                worker_id=f"{self._worker_id}:{uuid.uuid4().hex[:12]}",
                lease=self._claim_ttl,
                poll_interval=self._poll_interval,
                on_event=task_spans(),
            )
            worker.start()
        return WorkerHandle(worker, self._backend)
