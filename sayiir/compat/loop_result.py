"""What the body of a loop returns, and what happens at its last iteration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Literal, TypeVar, cast

from sayiir.values import Again, Done

__all__ = ["LoopResult", "OnMax", "loop_value"]

T = TypeVar("T")


class OnMax(StrEnum):
    """What another ``again`` does after ``max_iterations``.

    >>> OnMax.EXIT_WITH_LAST == "exit_with_last"
    True
    """

    FAIL = "fail"
    """Fail the workflow."""

    EXIT_WITH_LAST = "exit_with_last"
    """Leave the loop with the last value."""


@dataclass(frozen=True, slots=True, repr=False)
class LoopResult(Generic[T]):
    """What a loop's body returns: once more with a value, or done with one.

    Attributes:
        tag: which of the two.
        value: the next input, or the loop's output.

    >>> LoopResult.done(3), LoopResult.again(3).to_dict()
    (LoopResult.done(3), {'_loop': 'again', 'value': 3})
    """

    tag: Literal["again", "done"]
    value: T

    @classmethod
    def again(cls, value: T) -> LoopResult[T]:
        """Run the body once more, with ``value`` as its input."""
        return cls("again", value)

    @classmethod
    def done(cls, value: T) -> LoopResult[T]:
        """Leave the loop with ``value``."""
        return cls("done", value)

    @property
    def is_again(self) -> bool:
        """Whether the body runs once more."""
        return self.tag == "again"

    @property
    def is_done(self) -> bool:
        """Whether the loop is left."""
        return not self.is_again

    def to_dict(self) -> dict[str, Any]:
        """The same as a dict, which bodies may return as well."""
        return {"_loop": self.tag, "value": self.value}

    def __repr__(self) -> str:
        return f"LoopResult.{self.tag}({self.value!r})"


def loop_value(returned: Any) -> Again[Any] | Done[Any]:
    """What a body returned, in the native form.

    Raises:
        TypeError: it is neither a ``LoopResult`` nor the dict of one.

    >>> loop_value(LoopResult.again(3)), loop_value({"_loop": "done", "value": 4})
    (Again(value=3), Done(value=4))
    """
    if isinstance(returned, (Again, Done)):
        return returned  # pyright: ignore[reportUnknownVariableType]
    told: Mapping[str, Any] = {}
    kind: object = returned.__class__
    if kind is LoopResult:
        told = returned.to_dict()
    elif isinstance(returned, Mapping):
        told = cast("Mapping[str, Any]", returned)
    if "value" in told and told.get("_loop") in ("again", "done"):
        value: Any = told["value"]
        return Again(value) if told["_loop"] == "again" else Done(value)
    raise TypeError(
        "the body of a loop returns LoopResult.again(value) or LoopResult.done(value), or "
        f".to_dict() of one, not {returned!r}"
    )
