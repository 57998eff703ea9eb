"""``WorkflowClient``: submits, asks and steers; a worker runs."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sayiir.compat.backends import Backend
from sayiir.compat.calls import plain_value
from sayiir.compat.compiled import Workflow
from sayiir.compat.engines import DurableEngine
from sayiir.compat.models import dumped
from sayiir.compat.names import escaped
from sayiir.compat.status import WorkflowStatus, compat_status
from sayiir.dsl.spec import Signature, TaskSpec
from sayiir.dsl.task import FunctionTask

if TYPE_CHECKING:
    from sayiir.client import AsyncWorkflowClient

__all__ = ["WorkflowClient"]


class WorkflowClient:
    """Talks to a backend about instances, and runs none.

    Args:
        backend: where instances are kept.
        conflict_policy: what ``submit`` does where the instance id is taken.

    Raises:
        ValueError: there is no such policy.

    >>> from sayiir.compat import Flow, InMemoryBackend
    >>> client = WorkflowClient(InMemoryBackend())
    >>> client.submit(Flow("doubling").then(lambda n: 2 * n).build(), "a", 4).status
    'in_progress'
    """

    def __init__(self, backend: Backend, *, conflict_policy: str | None = None) -> None:
        self._engine = DurableEngine(backend, conflict_policy)
        self._backend = backend
        self._policy = conflict_policy

    def submit(self, workflow: Workflow, instance_id: str, input: Any) -> WorkflowStatus:  # noqa: A002
        """Create an instance for workers to run.

        Raises:
            InstanceAlreadyExistsError: the id is taken, and the policy is ``"fail"``.
            WorkflowError: the id isn't allowed, or is taken by another definition.
        """
        native = workflow.native
        return compat_status(
            self._backend.ask(
                lambda client: client.submit(native, instance_id, dumped(input)), self._policy
            )
        )

    def status(self, instance_id: str) -> WorkflowStatus:
        """How the instance stands.

        Raises:
            BackendError: there is none.
        """
        return compat_status(self._backend.ask(lambda client: client.status(instance_id)))

    def get_task_result(self, instance_id: str, task_id: str) -> Any | None:
        """The last result of a task, or None if it has none.

        Raises:
            BackendError: there is no such instance.
        """
        name = escaped(task_id)
        return plain_value(self._backend.ask(lambda client: _result(client, instance_id, name)))

    def cancel(
        self, instance_id: str, *, reason: str | None = None, cancelled_by: str | None = None
    ) -> None:
        """Cancel an unfinished instance; see ``cancel_workflow``."""
        self._engine.cancel(instance_id, reason, cancelled_by)

    def pause(
        self, instance_id: str, *, reason: str | None = None, paused_by: str | None = None
    ) -> None:
        """Let nothing new of an instance start; see ``pause_workflow``."""
        self._engine.pause(instance_id, reason, paused_by)

    def unpause(self, instance_id: str) -> None:
        """Let a paused instance go on; see ``unpause_workflow``."""
        self._engine.unpause(instance_id)

    def send_signal(self, instance_id: str, signal_name: str, payload: Any) -> None:
        """Send a message to a signal; see ``send_signal``."""
        self._engine.send_signal(instance_id, signal_name, payload)


async def _result(client: AsyncWorkflowClient, instance_id: str, name: str) -> Any:
    """By the name of a task; else by the id of another node, such as a wait for a signal."""
    await client.status(instance_id)  # an instance that isn't there is told as such
    task = FunctionTask[Any, Any, ..., Any](
        TaskSpec(name=name, function=plain_value, known_signature=Signature())
    )
    try:
        return await client.get_task_result_of(instance_id, task)
    except ValueError:
        with suppress(ValueError):  # asked for what the flow doesn't have, it has none
            return await client.get_task_result(instance_id, name)
        return None
