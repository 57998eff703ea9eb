"""The blocking form of the runner: the same methods over a portal thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar

from sayiir.callers import called_from_here
from sayiir.limits import DEFAULT_LEASE_SECONDS
from sayiir.policy import ConflictPolicy
from sayiir.portal import Portal
from sayiir.runner import AsyncCheckpointingRunner

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sayiir.blocking.client import WorkflowClient
    from sayiir.clock import Clock
    from sayiir.codec.protocol import Codec
    from sayiir.dsl.flow import Flow
    from sayiir.durations import Duration
    from sayiir.events import Listener
    from sayiir.executors.protocol import Executor
    from sayiir.status import WorkflowStatus
    from sayiir.stores.protocols import Store
    from sayiir.workflow import Workflow

__all__ = ["CheckpointingRunner"]

A = TypeVar("A")
B = TypeVar("B")


class CheckpointingRunner:
    """Runs instances here, with a checkpoint after every task; survives ``kill -9``.

    The blocking form of ``AsyncCheckpointingRunner``. Use it in a ``with`` statement, or
    ``close()`` it.

    Args:
        store: a URL (``sqlite:///orders.db``, ``memory://``, …) or an open store.
        conflict_policy: what ``run`` does where the instance id is taken.
        codec: how values are stored; the same for everybody who uses the store.
        lease: how long an item is held without a sign of life; renewed every third of it.
        clock: what short backoffs are slept by.
        resources: what tasks ask for by ``resource(Type)``; see ``AsyncCheckpointingRunner``.
        on_event: told what happens here, as values of ``sayiir.events``; called on the runner's
            own thread. See ``AsyncCheckpointingRunner``.
        executors: where tasks run that name one by ``run_in=``; see the async twin.
        live: in a notebook: whether what runs is shown as a picture; see the async twin.

    Raises:
        TypeError: the store, the codec, the clock, the listener or an executor is none.
        ValueError: there is no such conflict policy, or the lease is 0 s.
        DefinitionError: the lease is no duration, or what was given as resources is none.
        SayiirError: an executor has the name ``"loop"`` or ``"thread"``.

    >>> from sayiir import task, workflow
    >>> @task
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> with CheckpointingRunner("memory://") as runner:
    ...     runner.run(workflow("doubling", double >> double), "a", 3)
    Completed(output=12)
    """

    def __init__(
        self,
        store: str | Store,
        *,
        conflict_policy: ConflictPolicy = ConflictPolicy.FAIL,
        codec: Codec | None = None,
        lease: Duration = DEFAULT_LEASE_SECONDS,
        clock: Clock | None = None,
        resources: Mapping[Any, Any] | None = None,
        on_event: Listener | None = None,
        executors: Mapping[str, Executor] | None = None,
        live: bool = True,
    ) -> None:
        self._twin = AsyncCheckpointingRunner(
            store,
            conflict_policy=conflict_policy,
            codec=codec,
            lease=lease,
            clock=clock,
            resources=resources,
            on_event=on_event,
            executors=executors,
            live=live,
        )
        self._portal = Portal("CheckpointingRunner")

    def store(self) -> Store:
        """The open store; see ``AsyncCheckpointingRunner.store``."""
        return self._portal.call(self._twin.store)

    @property
    def client(self) -> WorkflowClient:
        """A client on the runner's store and thread."""
        from sayiir.blocking.client import WorkflowClient

        return WorkflowClient.sharing(self._twin.client, self._portal)

    def close(self) -> None:
        """Leave the resources, close the store, if it was opened here, and end the thread.

        Idempotent; see ``AsyncCheckpointingRunner.close``.
        """
        self._portal.close(self._twin.close)

    def __enter__(self) -> Self:
        self.store()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(
        self,
        workflow: Workflow[A, B],
        instance_id: str,
        input: A,  # noqa: A002
        *,
        wait: bool = False,
        priority: int | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> WorkflowStatus[B]:
        """Create the instance and work on it; see ``AsyncCheckpointingRunner.run``."""
        with called_from_here():
            return self._portal.call(
                self._twin.run,
                workflow,
                instance_id,
                input,
                wait=wait,
                priority=priority,
                labels=labels,
            )

    def resume(
        self, workflow: Workflow[Any, B], instance_id: str, *, wait: bool = False
    ) -> WorkflowStatus[B]:
        """Work on an instance that exists; see ``AsyncCheckpointingRunner.resume``."""
        with called_from_here():
            return self._portal.call(self._twin.resume, workflow, instance_id, wait=wait)

    def ensure(
        self,
        workflow: Workflow[A, B],
        instance_id: str,
        input: A,  # noqa: A002
        *,
        wait: bool = False,
        labels: Mapping[str, str] | None = None,
    ) -> WorkflowStatus[B]:
        """Start the instance, or continue it; see ``AsyncCheckpointingRunner.ensure``."""
        with called_from_here():
            return self._portal.call(
                self._twin.ensure, workflow, instance_id, input, wait=wait, labels=labels
            )

    def rerun(
        self,
        workflow: Workflow[Any, B],
        source_id: str,
        instance_id: str,
        *,
        start: str | Flow[Any, Any],
        wait: bool = False,
        priority: int | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> WorkflowStatus[B]:
        """Start again from a node, earlier results kept; see ``AsyncCheckpointingRunner.rerun``."""
        with called_from_here():
            return self._portal.call(
                self._twin.rerun,
                workflow,
                source_id,
                instance_id,
                start=start,
                wait=wait,
                priority=priority,
                labels=labels,
            )

    def resume_all(
        self, workflows: Iterable[Workflow[Any, Any]], *, limit: int | None = None
    ) -> int:
        """Continue whatever is due and return; see ``AsyncCheckpointingRunner.resume_all``."""
        return self._portal.call(self._twin.resume_all, workflows, limit=limit)
