"""Where a person decides: which mails wait for a yes, and the answer to one of them."""

from __future__ import annotations

from dataclasses import dataclass

from examples.agent_loop.messages import Approval, Conversation, Outcome
from examples.agent_loop.tools import SendMail, ask_person
from examples.agent_loop.workflow import agent, think
from sayiir import (
    AwaitingSignal,
    Cancelled,
    Completed,
    Failed,
    SayiirError,
    Waiting,
    WorkflowClient,
    WorkflowStatus,
)

__all__ = ["Asked", "asked_of", "decide", "said_in", "told"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A mail that waits for a yes or a no; ``path`` is the wait, of which there may be several."""

    path: str
    mail: SendMail


def asked_of(client: WorkflowClient, instance_id: str) -> list[Asked]:
    """All mails of an agent that wait.

    Raises:
        InstanceNotFound: there is no such agent.
    """
    waiting: list[Asked] = []
    for item in client.describe(instance_id).open_items:
        if item.signal_name != "approval":
            continue
        asked = f"{item.path.removesuffix('approval')}ask_person"
        call = client.get_task_result_of(instance_id, ask_person, path=asked)
        if call is not None:
            waiting.append(Asked(item.path, SendMail.model_validate_json(call.arguments)))
    return waiting


def decide(client: WorkflowClient, instance_id: str, approval: Approval) -> Asked:
    """Answer the first that waits, and no other: the event goes to that path alone.

    Raises:
        InstanceNotFound: there is no such agent.
        SayiirError: nothing waits.
    """
    waiting = asked_of(client, instance_id)
    if not waiting:
        raise SayiirError(f"{instance_id}: no mail waits for an answer")
    first = waiting[0]
    client.send_event(instance_id, "approval", approval, path=first.path, workflow=agent)
    return first


def said_in(client: WorkflowClient, instance_id: str) -> Conversation | None:
    """The conversation as of the model's last answer; None: it has not said anything yet."""
    return client.get_task_result_of(instance_id, think)


def told(status: WorkflowStatus[Outcome]) -> str:
    """A status in a few words."""
    match status:
        case Completed(outcome):
            return outcome.answer
        case AwaitingSignal():
            return "waits for a person"
        case Waiting(wake_at, path):
            return f"waits at {path} until {wake_at:%H:%M:%S} UTC; the same command goes on then"
        case Failed(error):
            return f"{error.task or error.path} failed: {error.type_name}: {error.message}"
        case Cancelled(reason, by):
            return f"cancelled by {by}: {reason}"
        case _:
            return type(status).__name__
