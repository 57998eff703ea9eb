"""The blocking form of the client: the same methods over a portal thread."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from sayiir.callers import called_from_here
from sayiir.client import AsyncWorkflowClient
from sayiir.policy import ConflictPolicy
from sayiir.portal import Portal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sayiir.codec.protocol import Codec
    from sayiir.comparison import Comparison
    from sayiir.description import InstanceDescription, WorkerInfo
    from sayiir.dsl.flow import Flow
    from sayiir.durations import Duration
    from sayiir.render.picture import Picture
    from sayiir.status import InstancePage, TaskResult, WorkflowStatus
    from sayiir.stores.protocols import Store
    from sayiir.workflow import Workflow

__all__ = ["WorkflowClient"]

A = TypeVar("A")
B = TypeVar("B")
D = TypeVar("D")


class WorkflowClient:
    """Talks to a store about instances; the blocking form of ``AsyncWorkflowClient``.

    Use it in a ``with`` statement, or ``close()`` it.

    Args:
        store: a URL (``sqlite:///orders.db``, ``memory://``, …) or an open store.
        conflict_policy: what ``submit`` does where the instance id is taken.
        codec: how values are stored; the same for everybody who uses the store.

    Raises:
        TypeError: the store or the codec is none.
        ValueError: there is no such conflict policy.

    >>> from sayiir import task, workflow
    >>> @task
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> with WorkflowClient("memory://") as client:
    ...     client.submit(workflow("doubling", double >> double), "a", 3)
    InProgress(parked=())
    """

    def __init__(
        self,
        store: str | Store,
        *,
        conflict_policy: ConflictPolicy = ConflictPolicy.FAIL,
        codec: Codec | None = None,
    ) -> None:
        twin = AsyncWorkflowClient(store, conflict_policy=conflict_policy, codec=codec)
        self._twin = twin
        self._portal = Portal("WorkflowClient")
        self._owns_portal = True

    @classmethod
    def from_shared(
        cls,
        store: Store,
        *,
        conflict_policy: ConflictPolicy = ConflictPolicy.FAIL,
        codec: Codec | None = None,
    ) -> WorkflowClient:
        """A client on a store that somebody else opened and closes."""
        return cls(store, conflict_policy=conflict_policy, codec=codec)

    @classmethod
    def sharing(cls, twin: AsyncWorkflowClient, portal: Portal) -> WorkflowClient:
        """A client over an async one whose thread somebody else owns and closes."""
        client = cls.__new__(cls)
        client._twin, client._portal = twin, portal
        client._owns_portal = False
        return client

    def with_conflict_policy(self, policy: ConflictPolicy) -> WorkflowClient:
        """A client on the same store and thread with another conflict policy."""
        return self.sharing(self._twin.with_conflict_policy(policy), self._portal)

    def store(self) -> Store:
        """The open store; see ``AsyncWorkflowClient.store``."""
        return self._portal.call(self._twin.store)

    def close(self) -> None:
        """Close the store, if this client opened it, and end the thread. Idempotent.

        A client that came from a runner or from another client closes nothing.
        """
        if self._owns_portal:
            self._portal.close(self._twin.close)

    def __enter__(self) -> Self:
        self.store()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(
        self,
        workflow: Workflow[A, B],
        instance_id: str,
        input: A,  # noqa: A002
        *,
        priority: int | None = None,
        traceparent: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> WorkflowStatus[B]:
        """Create an instance; see ``AsyncWorkflowClient.submit``."""
        with called_from_here():
            return self._portal.call(
                self._twin.submit,
                workflow,
                instance_id,
                input,
                priority=priority,
                traceparent=traceparent,
                labels=labels,
            )

    def rerun(
        self,
        workflow: Workflow[Any, B],
        source_id: str,
        instance_id: str,
        *,
        start: str | Flow[Any, Any],
        priority: int | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> WorkflowStatus[B]:
        """Start again from a node, earlier results kept; see ``AsyncWorkflowClient.rerun``."""
        with called_from_here():
            return self._portal.call(
                self._twin.rerun,
                workflow,
                source_id,
                instance_id,
                start=start,
                priority=priority,
                labels=labels,
            )

    @overload
    def status(self, instance_id: str, workflow: None = None) -> WorkflowStatus[Any]: ...
    @overload
    def status(self, instance_id: str, workflow: Workflow[Any, B]) -> WorkflowStatus[B]: ...
    def status(
        self, instance_id: str, workflow: Workflow[Any, Any] | None = None
    ) -> WorkflowStatus[Any]:
        """How the instance stands; see ``AsyncWorkflowClient.status``."""
        # Which overload it is, is only known at run time.
        twin: Any = self._twin
        status: WorkflowStatus[Any] = self._portal.call(twin.status, instance_id, workflow)
        return status

    def describe(
        self, instance_id: str, workflow: Workflow[Any, Any] | None = None
    ) -> InstanceDescription:
        """All there is to see of an instance; see ``AsyncWorkflowClient.describe``."""
        return self._portal.call(self._twin.describe, instance_id, workflow)

    def workers(self) -> tuple[WorkerInfo, ...]:
        """The workers that are here, busy or idle; see ``AsyncWorkflowClient.workers``."""
        return self._portal.call(self._twin.workers)

    def picture(self, instance_id: str) -> Picture:
        """The graph of an instance with states; see ``AsyncWorkflowClient.picture``."""
        return self._portal.call(self._twin.picture, instance_id)

    def result(
        self,
        instance_id: str,
        workflow: Workflow[Any, B] | None = None,
        timeout: Duration | None = None,
    ) -> B:
        """Wait for the end and give the output; see ``AsyncWorkflowClient.result``."""
        return self._portal.call(self._twin.result, instance_id, workflow, timeout)

    def get_task_result(
        self,
        instance_id: str,
        path: str,
        workflow: Workflow[Any, Any] | None = None,
        default: Any = None,
    ) -> Any:
        """The result at a path; see ``AsyncWorkflowClient.get_task_result``."""
        return self._portal.call(self._twin.get_task_result, instance_id, path, workflow, default)

    @overload
    def get_task_result_of(
        self, instance_id: str, task: Flow[Any, B], *, path: str | None = None
    ) -> B | None: ...
    @overload
    def get_task_result_of(
        self, instance_id: str, task: Flow[Any, B], *, path: str | None = None, default: D
    ) -> B | D: ...
    def get_task_result_of(
        self,
        instance_id: str,
        task: Flow[Any, Any],
        *,
        path: str | None = None,
        default: Any = None,
    ) -> Any:
        """The result of a task; see ``AsyncWorkflowClient.get_task_result_of``."""
        return self._portal.call(
            self._twin.get_task_result_of, instance_id, task, path=path, default=default
        )

    def task_results(
        self, instance_id: str, workflow: Workflow[Any, Any] | None = None
    ) -> builtins.list[TaskResult]:
        """Everything that was executed; see ``AsyncWorkflowClient.task_results``."""
        return self._portal.call(self._twin.task_results, instance_id, workflow)

    def compare(
        self,
        first_id: str,
        second_id: str,
        workflow: Workflow[Any, Any] | None = None,
    ) -> Comparison:
        """Two instances node by node; see ``AsyncWorkflowClient.compare``."""
        return self._portal.call(self._twin.compare, first_id, second_id, workflow)

    def count_task_results(self, instance_id: str, node_path: str) -> int:
        """Results of a node path; see ``AsyncWorkflowClient.count_task_results``."""
        return self._portal.call(self._twin.count_task_results, instance_id, node_path)

    def list(
        self,
        workflow: Workflow[Any, Any] | str | None = None,
        status: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> InstancePage:
        """A page of instances, newest first; see ``AsyncWorkflowClient.list``."""
        return self._portal.call(self._twin.list, workflow, status, limit, cursor, labels)

    def send_event(
        self,
        instance_id: str,
        signal_name: str,
        payload: Any = None,
        *,
        path: str | None = None,
        workflow: Workflow[Any, Any] | None = None,
    ) -> None:
        """Send a message to a signal; see ``AsyncWorkflowClient.send_event``."""
        self._portal.call(
            self._twin.send_event, instance_id, signal_name, payload, path=path, workflow=workflow
        )

    def cancel(
        self, instance_id: str, reason: str | None = None, cancelled_by: str | None = None
    ) -> None:
        """Cancel an unfinished instance; see ``AsyncWorkflowClient.cancel``."""
        self._portal.call(self._twin.cancel, instance_id, reason, cancelled_by)

    def pause(
        self, instance_id: str, reason: str | None = None, paused_by: str | None = None
    ) -> None:
        """Let nothing new start; see ``AsyncWorkflowClient.pause``."""
        self._portal.call(self._twin.pause, instance_id, reason, paused_by)

    def unpause(self, instance_id: str) -> None:
        """Let a paused instance go on; see ``AsyncWorkflowClient.unpause``."""
        self._portal.call(self._twin.unpause, instance_id)

    def retry(self, instance_id: str) -> None:
        """Let a failed instance continue; see ``AsyncWorkflowClient.retry``."""
        self._portal.call(self._twin.retry, instance_id)

    def delete(self, instance_id: str) -> None:
        """Remove a finished instance; see ``AsyncWorkflowClient.delete``."""
        self._portal.call(self._twin.delete, instance_id)

    def delete_finished(
        self,
        older_than: Duration,
        *,
        limit: int | None = None,
        workflow: Workflow[Any, Any] | str | None = None,
        status: str | None = None,
    ) -> int:
        """Remove what ended long ago; see ``AsyncWorkflowClient.delete_finished``."""
        return self._portal.call(
            self._twin.delete_finished, older_than, limit=limit, workflow=workflow, status=status
        )
