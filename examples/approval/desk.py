"""What the other terminal does: decide, withdraw, look. A client runs nothing of the workflow."""

from __future__ import annotations

from examples.approval.workflow import Decision, Outcome, approval, register
from sayiir import (
    AwaitingSignal,
    Cancelled,
    Completed,
    Failed,
    SayiirError,
    WorkflowClient,
    WorkflowStatus,
)

__all__ = ["decide", "list_requests", "outcome_of", "show", "withdraw"]


def decide(client: WorkflowClient, instance_id: str, decision: Decision) -> None:
    """Send the decision: acknowledged means stored, whether or not anybody waits just now.

    Raises:
        InstanceNotFound: there is no such request.
        InvalidTransition: it is decided already.
        SayiirError: a decision is stored that the request has not had yet.
    """
    seen = client.describe(instance_id, approval())
    # An event that comes before its wait is kept; one that met its wait makes it ready to go on.
    met = any(item.phase == "ready" and item.path.endswith("/decision") for item in seen.open_items)
    if seen.pending_events or met:
        # Of two that are sent at the same moment the first counts; here it is known before.
        raise SayiirError(f"{instance_id}: a decision is stored already, and the first one counts")
    client.send_event(instance_id, "decision", decision, workflow=approval())
    print(f"{instance_id}: your decision is stored")


def withdraw(client: WorkflowClient, instance_id: str, by: str) -> None:
    """Cancel the request.

    Raises:
        InstanceNotFound: there is no such request.
        InvalidTransition: it is decided already.
    """
    client.cancel(instance_id, reason="withdrawn", cancelled_by=by)
    print(f"{instance_id}: withdrawn")


def list_requests(client: WorkflowClient) -> None:
    """All requests, newest first."""
    for info in client.list(approval()):
        # Typed by the task that is asked for: a Question, or None where it hasn't run yet.
        question = client.get_task_result_of(info.instance_id, register)
        about = ""
        if question is not None:
            request = question.request
            about = f"{request.who}, {request.amount} for {request.purpose}"
        print(f"{info.instance_id}  {info.created_at:%Y-%m-%d %H:%M}  {info.status:<14}  {about}")


def show(client: WorkflowClient, instance_id: str) -> None:
    """One request: how it stands, and every step that is stored.

    Raises:
        InstanceNotFound: there is no such request.
    """
    print(outcome_of(client.status(instance_id, approval())))
    for step in client.task_results(instance_id, approval()):
        print(f"  {step.finished_at:%H:%M:%S}  {step.path}  {step.output}")


def outcome_of(status: WorkflowStatus[Outcome]) -> str:
    """A status in a few words."""
    match status:
        case Completed(outcome):
            return outcome.why
        case AwaitingSignal(wake_at=at) if at is not None:
            return f"waits for a decision; reminds at {at:%H:%M:%S} UTC"
        case Cancelled(reason, by):
            return f"{reason} by {by}"
        case Failed(error):
            return f"failed at {error.path}: {error.message}"
        case _:
            return type(status).__name__
