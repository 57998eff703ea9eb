"""``WorkflowEnvironment``: the blocking form of the environment, over a portal thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from sayiir.blocking.client import WorkflowClient
from sayiir.portal import Portal
from sayiir.testing.environment import AsyncWorkflowEnvironment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sayiir.codec.protocol import Codec
    from sayiir.dsl.task import Task
    from sayiir.durations import Duration
    from sayiir.events import Listener
    from sayiir.status import WorkflowStatus
    from sayiir.testing.environment import TaskCall
    from sayiir.testing.fakes import Fakes
    from sayiir.testing.skipping import SkippingClock
    from sayiir.workflow import Workflow

__all__ = ["WorkflowEnvironment"]

A = TypeVar("A")
B = TypeVar("B")


class WorkflowEnvironment:
    """Runs workflows durably, in memory, in a time that goes as fast as they do.

    The blocking form of ``AsyncWorkflowEnvironment``, which tells what it does; it works in
    every test, also where an event loop runs. Use it in a ``with`` statement, or ``close()`` it.

    Args:
        workflows: what can be run here.
        fakes: what tasks give instead of running; see ``fake``.
        resources: what tasks ask for by ``resource(Type)``; see ``AsyncCheckpointingRunner``.
        codec: how values are stored.
        on_event: told what happens; see ``sayiir.events``.
        start: the time at which it begins, an aware datetime; a fixed date by default.

    Raises:
        DefinitionError: a fake is for a task that no workflow has; no workflow was given.

    >>> from sayiir import await_signal, task, workflow
    >>> @task
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> asking = workflow("asking", await_signal("number", int, timeout="3d") >> double)
    >>> with WorkflowEnvironment(asking) as environment:
    ...     waiting = environment.run(asking, "a", None)
    ...     environment.send_event("a", "number", 21)
    ...     environment.result("a", asking)
    42
    """

    def __init__(
        self,
        *workflows: Workflow[Any, Any],
        fakes: Fakes | None = None,
        resources: Mapping[Any, Any] | None = None,
        codec: Codec | None = None,
        on_event: Listener | None = None,
        start: datetime | None = None,
    ) -> None:
        self._twin = AsyncWorkflowEnvironment(
            *workflows,
            fakes=fakes,
            resources=resources,
            codec=codec,
            on_event=on_event,
            start=start,
        )
        self._portal = Portal("WorkflowEnvironment")

    @property
    def clock(self) -> SkippingClock:
        """The time in there."""
        return self._twin.clock

    @property
    def calls(self) -> list[TaskCall]:
        """What was called so far, in order."""
        return self._twin.calls

    @property
    def now(self) -> datetime:
        """The time in there (aware, UTC)."""
        return self._twin.now

    @property
    def client(self) -> WorkflowClient:
        """A client on the store in there: whatever a client can do."""
        return WorkflowClient.sharing(self._twin.client, self._portal)

    def close(self) -> None:
        """Leave the resources and forget everything. Idempotent."""
        self._portal.close(self._twin.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(
        self,
        workflow: Workflow[A, B],
        instance_id: str,
        input: A,  # noqa: A002
    ) -> WorkflowStatus[B]:
        """Submit and work until nothing is due; see ``AsyncWorkflowEnvironment.run``."""
        return self._portal.call(self._twin.run, workflow, instance_id, input)

    def work(self) -> None:
        """Run whatever is due; see ``AsyncWorkflowEnvironment.work``."""
        self._portal.call(self._twin.work)

    def advance(self, duration: Duration) -> None:
        """Let this much time pass; see ``AsyncWorkflowEnvironment.advance``."""
        self._portal.call(self._twin.advance, duration)

    def result(self, instance_id: str, workflow: Workflow[Any, B]) -> B:
        """The output, however long it takes; see ``AsyncWorkflowEnvironment.result``."""
        return self._portal.call(self._twin.result, instance_id, workflow)

    def send_event(
        self, instance_id: str, signal_name: str, payload: Any = None, *, path: str | None = None
    ) -> None:
        """Send an event and work; see ``AsyncWorkflowEnvironment.send_event``."""
        self._portal.call(self._twin.send_event, instance_id, signal_name, payload, path=path)

    def cancel(
        self, instance_id: str, reason: str | None = None, cancelled_by: str | None = None
    ) -> None:
        """Cancel an instance; see ``client.cancel``."""
        self._portal.call(self._twin.cancel, instance_id, reason, cancelled_by)

    def pause(
        self, instance_id: str, reason: str | None = None, paused_by: str | None = None
    ) -> None:
        """Pause an instance; see ``client.pause``."""
        self._portal.call(self._twin.pause, instance_id, reason, paused_by)

    def unpause(self, instance_id: str) -> None:
        """Let a paused instance go on; see ``client.unpause``."""
        self._portal.call(self._twin.unpause, instance_id)

    def retry(self, instance_id: str) -> None:
        """Let a failed instance go on; see ``client.retry``."""
        self._portal.call(self._twin.retry, instance_id)

    @overload
    def status(self, instance_id: str, workflow: None = None) -> WorkflowStatus[Any]: ...
    @overload
    def status(self, instance_id: str, workflow: Workflow[Any, B]) -> WorkflowStatus[B]: ...
    def status(
        self, instance_id: str, workflow: Workflow[Any, Any] | None = None
    ) -> WorkflowStatus[Any]:
        """How the instance stands; see ``AsyncWorkflowEnvironment.status``."""
        # Which overload it is, is only known at run time.
        twin: Any = self._twin
        status: WorkflowStatus[Any] = self._portal.call(twin.status, instance_id, workflow)
        return status

    def calls_of(self, task: Task[Any, Any] | str) -> list[TaskCall]:
        """The calls of a task so far, or those at a path."""
        return self._twin.calls_of(task)
