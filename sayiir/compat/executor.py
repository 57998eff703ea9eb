"""Functions that run, continue and steer workflows."""

from __future__ import annotations

from typing import Any

from sayiir.compat.backends import Backend, InMemoryBackend
from sayiir.compat.compiled import Workflow
from sayiir.compat.engines import DurableEngine, WorkflowEngine
from sayiir.compat.errors import WorkflowError
from sayiir.compat.status import WorkflowStatus

__all__ = [
    "cancel_workflow",
    "pause_workflow",
    "resume_workflow",
    "run_durable_workflow",
    "run_workflow",
    "send_signal",
    "unpause_workflow",
]


def run_workflow(
    workflow: Workflow,
    input_data: Any,
    *,
    instance_id: str | None = None,
    backend: Backend | None = None,
    conflict_policy: str | None = None,
) -> Any:
    """Run a workflow and give its output: in memory, or durably where an instance id is given.

    Args:
        workflow: what to run.
        input_data: for the first task.
        instance_id: the name of a durable run.
        backend: where that is kept; in memory by default.
        conflict_policy: what happens where the id is taken: ``"fail"``, ``"use_existing"`` or
            ``"terminate_existing"``.

    Raises:
        TaskError: a task of a run in memory failed; ``__cause__`` is its own exception.
        WorkflowError: a durable run did not complete: it failed, waits, or was stopped.
        InstanceAlreadyExistsError: the id is taken, and the policy is ``"fail"``.

    >>> from sayiir.compat import Flow
    >>> run_workflow(Flow("doubling").then(lambda n: 2 * n).build(), 21)
    42
    """
    if instance_id is None:
        return WorkflowEngine().run(workflow, input_data)
    status = run_durable_workflow(workflow, instance_id, input_data, backend, conflict_policy)
    if not status.is_completed():
        why = f": {status.error}" if status.error else ""
        raise WorkflowError(
            f"instance {instance_id!r} did not complete, it is {status.status}{why}; "
            "run_durable_workflow() gives the whole status"
        )
    return status.output


def run_durable_workflow(
    workflow: Workflow,
    instance_id: str,
    input_data: Any,
    backend: Backend | None = None,
    conflict_policy: str | None = None,
) -> WorkflowStatus:
    """Run a workflow with a checkpoint after each task, until nothing of it is due.

    Args:
        workflow: what to run.
        instance_id: the instance's name.
        input_data: for the first task.
        backend: where it is kept; without one in memory, for this call.
        conflict_policy: what happens where the id is taken.

    Raises:
        InstanceAlreadyExistsError: the id is taken, and the policy is ``"fail"``.
        WorkflowError: the id isn't allowed, or is taken by another definition.

    >>> from sayiir.compat import Flow
    >>> run_durable_workflow(Flow("doubling").then(lambda n: 2 * n).build(), "a", 21).output
    42
    """
    if backend is not None:
        return DurableEngine(backend, conflict_policy).run(workflow, instance_id, input_data)
    with InMemoryBackend() as own:
        return DurableEngine(own, conflict_policy).run(workflow, instance_id, input_data)


def resume_workflow(workflow: Workflow, instance_id: str, backend: Backend) -> WorkflowStatus:
    """Continue an instance at its last checkpoint, until nothing of it is due.

    Raises:
        BackendError: there is none.
        WorkflowError: it was created by another definition.
    """
    return DurableEngine(backend).resume(workflow, instance_id)


def cancel_workflow(
    instance_id: str,
    backend: Backend,
    reason: str | None = None,
    cancelled_by: str | None = None,
) -> None:
    """Cancel an unfinished instance.

    Raises:
        BackendError: there is none, or it is completed or failed.
    """
    DurableEngine(backend).cancel(instance_id, reason, cancelled_by)


def pause_workflow(
    instance_id: str, backend: Backend, reason: str | None = None, paused_by: str | None = None
) -> None:
    """Let nothing new of an instance start; what runs finishes.

    Raises:
        BackendError: there is none, or it is finished.
    """
    DurableEngine(backend).pause(instance_id, reason, paused_by)


def unpause_workflow(instance_id: str, backend: Backend) -> None:
    """Let a paused instance be resumed.

    Raises:
        BackendError: there is none, or it isn't paused.
    """
    DurableEngine(backend).unpause(instance_id)


def send_signal(instance_id: str, signal_name: str, payload: Any, backend: Backend) -> None:
    """Send a message to a signal; it is kept until a wait takes it, first in, first out.

    Raises:
        BackendError: there is no such instance, or it is finished.
        WorkflowError: its workflow waits for no such signal.
    """
    DurableEngine(backend).send_signal(instance_id, signal_name, payload)
