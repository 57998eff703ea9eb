"""``DurableEngine`` and ``WorkflowEngine``: what ``run_workflow`` and its kin stand on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from sayiir.compat.backends import Backend
from sayiir.compat.calls import plain_value
from sayiir.compat.compiled import Workflow
from sayiir.compat.errors import told_as_compat
from sayiir.compat.models import dumped
from sayiir.compat.names import escaped
from sayiir.compat.status import WorkflowStatus, compat_status
from sayiir.compat.tracing import task_spans
from sayiir.policy import ConflictPolicy

__all__ = ["DurableEngine", "WorkflowEngine"]

Registry: TypeAlias = Mapping[str, Callable[..., Any]]


class WorkflowEngine:
    """Runs workflows in memory.

    >>> WorkflowEngine()
    WorkflowEngine()
    """

    def run(self, workflow: Workflow, input: Any, task_registry: Registry | None = None) -> Any:  # noqa: A002
        """The workflow's output.

        Args:
            workflow: what to run.
            input: for the first task.
            task_registry: functions for the task ids; the workflow's own by default.

        Raises:
            TaskError: a task failed; ``__cause__`` is its own exception.
            WorkflowError: a signal is waited for without a timeout, which nothing can send here.
        """
        with told_as_compat():
            native = workflow.with_functions(task_registry).native
            return plain_value(native.run(dumped(input), on_event=task_spans()))

    def __repr__(self) -> str:
        return "WorkflowEngine()"


class DurableEngine:
    """Runs workflows with a checkpoint after each task.

    Args:
        backend: where instances are kept.
        conflict_policy: what ``run`` does where the instance id is taken: ``"fail"``,
            ``"use_existing"`` or ``"terminate_existing"``.

    Raises:
        ValueError: there is no such policy.

    >>> from sayiir.compat import Flow, InMemoryBackend
    >>> workflow = Flow("doubling").then(lambda n: 2 * n).build()
    >>> DurableEngine(InMemoryBackend()).run(workflow, "a", 4).output
    8
    """

    def __init__(self, backend: Backend, conflict_policy: str | None = None) -> None:
        if conflict_policy is not None:
            ConflictPolicy(conflict_policy)
        self._backend = backend
        self._policy = conflict_policy

    def run(
        self,
        workflow: Workflow,
        instance_id: str,
        input: Any,  # noqa: A002
        task_registry: Registry | None = None,
    ) -> WorkflowStatus:
        """Create the instance and work on it until nothing of it is due.

        Raises:
            InstanceAlreadyExistsError: the id is taken, and the policy is ``"fail"``.
            WorkflowError: the id isn't allowed, or is taken by another definition.
        """
        native = workflow.with_functions(task_registry).native
        return compat_status(
            self._backend.run(
                self._policy, lambda runner: runner.run(native, instance_id, dumped(input))
            )
        )

    def resume(
        self, workflow: Workflow, instance_id: str, task_registry: Registry | None = None
    ) -> WorkflowStatus:
        """Work on an instance that exists until nothing of it is due.

        Raises:
            BackendError: there is none.
            WorkflowError: it was created by another definition.
        """
        native = workflow.with_functions(task_registry).native
        return compat_status(
            self._backend.run(None, lambda runner: runner.resume(native, instance_id))
        )

    def cancel(
        self, instance_id: str, reason: str | None = None, cancelled_by: str | None = None
    ) -> None:
        """Cancel an unfinished instance; harmless on a cancelled one.

        Raises:
            BackendError: there is none, or it is completed or failed.
        """
        self._backend.ask(lambda client: client.cancel(instance_id, reason, cancelled_by))

    def pause(
        self, instance_id: str, reason: str | None = None, paused_by: str | None = None
    ) -> None:
        """Let nothing new of an instance start.

        Raises:
            BackendError: there is none, or it is finished.
        """
        self._backend.ask(lambda client: client.pause(instance_id, reason, paused_by))

    def unpause(self, instance_id: str) -> None:
        """Let a paused instance go on when it is resumed, or when a worker finds it.

        Raises:
            BackendError: there is none, or it isn't paused.
        """
        self._backend.ask(lambda client: client.unpause(instance_id))

    def send_signal(self, instance_id: str, signal_name: str, payload: Any) -> None:
        """Send a message to a signal; it is kept until a wait takes it, first in, first out.

        Raises:
            BackendError: there is no such instance, or it is finished.
            WorkflowError: its workflow waits for no such signal.
        """
        name = escaped(signal_name)
        self._backend.ask(lambda client: client.send_event(instance_id, name, dumped(payload)))

    def __repr__(self) -> str:
        return "DurableEngine(...)"
