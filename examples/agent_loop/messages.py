"""What is said between person, model and tools: frozen pydantic models, stored at every step."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

__all__ = ["Approval", "Conversation", "Goal", "Message", "Model", "Outcome", "ToolCall"]


class Model(BaseModel):
    """Frozen; unknown fields are errors, so that no model is taken for another."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Goal(Model):
    """The input of the workflow.

    Attributes:
        text: what is to be done.
        budget_tokens: once the model has used so many, it is asked no more.
    """

    text: str
    budget_tokens: int


class ToolCall(Model):
    """The model wants a tool called; ``arguments`` is JSON as the model wrote it, maybe wrong."""

    call_id: str
    tool: str
    arguments: str


class Message(Model):
    """One turn: the person's goal, what the model says or wants, or what a tool answers."""

    role: Literal["user", "assistant", "tool"]
    text: str
    calls: tuple[ToolCall, ...] = ()
    answers: str | None = None
    """Of a tool's message: the id of the call that it answers."""


class Conversation(Model):
    """All that was said, and what it has cost: what goes round in the loop."""

    messages: tuple[Message, ...]
    model_calls: int = 0
    tokens: int = 0

    def with_messages(self, *messages: Message) -> Conversation:
        """More was said."""
        return self.model_copy(update={"messages": (*self.messages, *messages)})


class Approval(Model):
    """The payload of the signal ``approval``: may this mail go out?"""

    allowed: bool
    by: str


class Outcome(Model):
    """The output of the workflow."""

    answer: str
    model_calls: int
    tokens: int
