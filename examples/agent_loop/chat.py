"""The seam to a language model: one method. The stub and the real client stand behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from examples.agent_loop.messages import Message

__all__ = ["Chat", "ModelBusy", "ModelError", "ModelRefused", "Reply", "Tool"]


class ModelError(Exception):
    """The model gave no answer."""


class ModelBusy(ModelError):
    """No answer this time: too many requests, an overloaded server, a broken line."""


class ModelRefused(ModelError):
    """The request itself is wrong: its key, its model, its form. Asking again can't help."""


@dataclass(frozen=True, slots=True)
class Tool:
    """What the model is told of a tool; ``parameters`` is the JSON schema of its arguments."""

    name: str
    description: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model says next, and how many tokens that took, those read included."""

    message: Message
    tokens: int


class Chat(Protocol):
    """A language model."""

    async def reply(self, messages: Sequence[Message], tools: Sequence[Tool], key: str) -> Reply:
        """What comes after these messages.

        Args:
            messages: all that was said.
            tools: what it may call.
            key: equal whenever the same call is made again, after a crash for one.

        Raises:
            ModelBusy: asking again may help.
            ModelRefused: it can't.
        """
        ...
