"""The tools: what the model may call, each a task or a flow of tasks.

A tool's own mistake is told to the model, which may try it another way. What is wrong with the
world is raised, so that the task is tried again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from examples.agent_loop.arithmetic import NotComputable, computed
from examples.agent_loop.chat import Tool
from examples.agent_loop.messages import Approval, Message, Model, ToolCall
from sayiir import TaskContext, await_signal, branch, resource, task

__all__ = ["OFFERED", "Outbox", "SendMail", "ask_person", "run_call"]


class LookUp(Model):
    """Look something up in the shop's notes, as "orders of Ada" or "prices"."""

    about: str


class Calculate(Model):
    """Compute an expression of numbers, + - * / and parentheses."""

    expression: str


class SendMail(Model):
    """Send a mail to a customer. A person has to allow it."""

    to: str
    text: str


ARGUMENTS: Final[dict[str, type[Model]]] = {
    "look_up": LookUp,
    "calculate": Calculate,
    "send_mail": SendMail,
}

OFFERED: Final = tuple(
    Tool(name, arguments.__doc__ or "", arguments.model_json_schema())
    for name, arguments in ARGUMENTS.items()
)

NOTES: Final = {
    "orders of ada": "2 lamp, 1 chair",
    "orders of ben": "3 vase",
    "prices": "lamp 29.50, chair 85.00, vase 12.00",
}


@dataclass(frozen=True, slots=True)
class Outbox:
    """Where mails go: a file for each, under the name of the step that sent it."""

    folder: Path

    def send(self, key: str, mail: SendMail) -> None:
        """Sent twice under one key it is one mail."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{key}.txt").write_text(f"To: {mail.to}\n\n{mail.text}\n", encoding="utf-8")


def tool_of(call: ToolCall) -> str:
    """The key of the branch: the tool, if there is one and the arguments fit."""
    return "misfit" if _misfit(call) else call.tool


@task(idempotent=True)
def look_up(call: ToolCall) -> Message:
    """The notes are a dictionary here; elsewhere, a search."""
    about = LookUp.model_validate_json(call.arguments).about
    return _answer(call, NOTES.get(about.lower(), f"there are no notes about {about!r}"))


@task(idempotent=True)
def calculate(call: ToolCall) -> Message:
    """What can't be computed is told to the model."""
    try:
        value = computed(Calculate.model_validate_json(call.arguments).expression)
    except NotComputable as error:
        return _answer(call, f"error: {error}")
    return _answer(call, str(value))


@task
def ask_person(call: ToolCall) -> ToolCall:
    """Tell whoever decides. Here the desk lists it; elsewhere, a message in a chat."""
    return call


@task(retries=3, timeout="1m", idempotent=True)
def send_mail(
    call: ToolCall, approval: Approval | None, ctx: TaskContext, outbox: Outbox = resource(Outbox)
) -> Message:
    """``approval`` is the signal's payload, or its default: nobody has answered in time."""
    if approval is None:
        return _answer(call, "not sent, for nobody has allowed it in time")
    if not approval.allowed:
        return _answer(call, f"not sent, for {approval.by} has said no")
    outbox.send(ctx.idempotency_key, SendMail.model_validate_json(call.arguments))
    return _answer(call, f"sent, as {approval.by} has allowed")


@task
def refuse(call: ToolCall) -> Message:
    """A tool that isn't there, or arguments that don't fit: the model hears what is wrong."""
    return _answer(call, f"error: {_misfit(call)}")


allowed_mail = (
    ask_person
    >> await_signal("approval", Approval, timeout="7d", default=None, keep_input=True)
    >> send_mail
)

run_call = branch(
    tool_of,
    ("look_up", look_up),
    ("calculate", calculate),
    ("send_mail", allowed_mail),
    default=refuse,
).merge()
"""One call of the model, to its answer."""


def _answer(call: ToolCall, text: str) -> Message:
    return Message(role="tool", text=text, answers=call.call_id)


def _misfit(call: ToolCall) -> str:
    """What is wrong with a call; empty where nothing is."""
    arguments = ARGUMENTS.get(call.tool)
    if arguments is None:
        return f"there is no tool {call.tool!r}, only {', '.join(ARGUMENTS)}"
    try:
        arguments.model_validate_json(call.arguments)
    except ValidationError as error:
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc'])) or 'arguments'}: {first['msg']}"
    return ""
