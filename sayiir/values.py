"""The few value types of the language itself: what loops, branches and maps hand on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Never, TypeVar

if TYPE_CHECKING:
    from sayiir.errors import FailureInfo

__all__ = ["Again", "BranchResult", "Done", "ItemFailed", "LoopResult", "loop_marks"]

A_co = TypeVar("A_co", covariant=True)
B_co = TypeVar("B_co", covariant=True)
AgainValue = TypeVar("AgainValue")
DoneValue = TypeVar("DoneValue")


class LoopResult(Generic[A_co, B_co]):
    """What the body of a loop ends in: ``Again[A]`` or ``Done[B]``.

    >>> LoopResult.again(3)
    Again(value=3)
    """

    __slots__ = ()

    @staticmethod
    def again(value: AgainValue) -> Again[AgainValue]:
        """Run the body once more, with ``value`` as its input."""
        return Again(value)

    @staticmethod
    def done(value: DoneValue) -> Done[DoneValue]:
        """Leave the loop with ``value`` as its output."""
        return Done(value)


@dataclass(frozen=True, slots=True)
class Again(LoopResult[A_co, Never]):
    """Run the body once more, with ``value`` as its input.

    >>> from sayiir import loop, workflow
    >>> workflow("halve", loop(lambda n: Again(n // 2) if n > 1 else Done(n)))(9)
    1
    """

    value: A_co


@dataclass(frozen=True, slots=True)
class Done(LoopResult[Never, B_co]):
    """Leave the loop with ``value`` as its output.

    >>> Done("delivered").value
    'delivered'
    """

    value: B_co


@dataclass(frozen=True, slots=True)
class BranchResult(Generic[B_co]):
    """What a branch gives: the key that was asked for, as text, and the arm's output.

    Attributes:
        branch: the key as it is written in a path: ``"a"``, ``"1"``, ``"True"``, an Enum's
            value. Where the default arm ran, the key that was asked for.
        result: the output of the arm that ran.

    >>> from sayiir import branch, task, workflow
    >>> @task
    ... def shout(text: str) -> str:
    ...     return text.upper()
    >>> workflow("w", branch(len, {2: shout}))("ab")
    BranchResult(branch='2', result='AB')
    """

    branch: str
    result: B_co


@dataclass(frozen=True, slots=True)
class ItemFailed:
    """Stands in a map's output for an item that failed, with ``on_error="collect"``.

    Attributes:
        error: the recorded failure.
        index: the item's index in the map's input, from 0.

    >>> from sayiir import task, workflow
    >>> @task
    ... def inverse(n: int) -> float:
    ...     return 1 / n
    >>> first, second = workflow("w", inverse.map(on_error="collect"))([2, 0])
    >>> first, second.index, second.error.message
    (0.5, 1, 'division by zero')
    """

    error: FailureInfo
    index: int


def loop_marks(value: Any) -> str:
    """How a value is wrapped for loops: ``""`` plain, ``"a"`` Again, ``"da"`` Done(Again(…)).

    >>> loop_marks(Done(Again(3)))
    'da'
    """
    marks = ""
    inner: Any = value
    while isinstance(inner, (Again, Done)):
        marks += "a" if isinstance(inner, Again) else "d"
        inner = inner.value  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return marks
