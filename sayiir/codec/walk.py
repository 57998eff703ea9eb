"""The bounds that one pass over a value keeps, and the words for what it refuses."""

from __future__ import annotations

import re
from typing import Any, Final

from sayiir import limits
from sayiir.errors import PayloadError

__all__ = ["Walk", "name_of", "refuse", "told", "too_deep"]


_HEADING: Final = re.compile(r"(\d+) validation errors? for ")
_ONE_ERROR_LINES: Final = 3
"""The heading, where it is (unless it is the value itself), and what is wrong there."""


class Walk:
    """Depth and size of one pass over a value.

    The size bound matters beside the depth: a list that holds itself twice, forty levels
    deep, is small in memory and endless in text.
    """

    __slots__ = ("depth", "left")

    def __init__(self, max_bytes: int = limits.MAX_RESULT_BYTES) -> None:
        self.depth = 0
        # Every element costs at least two bytes of JSON, its comma and one digit.
        self.left = max_bytes // 2 + 1

    def enter(self, elements: int) -> None:
        """Goes into a container; raises ``PayloadError`` where a bound is passed."""
        self.depth += 1
        self.left -= elements + 1
        if self.depth > limits.MAX_VALUE_DEPTH:
            raise too_deep()
        if self.left < 0:
            raise PayloadError("the value has more elements than may be stored in one result")

    def leave(self) -> None:
        """Comes out of a container."""
        self.depth -= 1


def too_deep() -> PayloadError:
    """The error for values beyond the depth bound, cycles among them."""
    return PayloadError(
        f"the value nests more than {limits.MAX_VALUE_DEPTH} levels deep, or contains itself"
    )


def name_of(kind: Any) -> str:
    """How a type or annotation is called in messages: ``Order``, ``list[int]``."""
    if isinstance(kind, type) and not hasattr(kind, "__args__"):
        return kind.__qualname__ if kind.__module__ == "builtins" else _qualified(kind)
    return repr(kind).replace("typing.", "")


def _qualified(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def refuse(value: object, wanted: str) -> PayloadError:
    """The error for a value that is not of the type wanted at its place."""
    found = name_of(type(value))
    return PayloadError(f"{wanted} is declared, but the value is of type {found}", type_name=found)


def told(error: Exception) -> str:
    """What a validation says, in one line where it is one thing.

    Without links to a page about the kind of error, and without the name that the validator has
    for the type, which its users have never read.
    """
    lines = [
        line for line in str(error).splitlines() if "For further information visit" not in line
    ]
    heading = _HEADING.match(lines[0]) if lines else None
    if heading is None:
        return "\n".join(lines)
    if heading[1] == "1" and len(lines) <= _ONE_ERROR_LINES:
        return ": ".join(line.strip() for line in lines[1:])
    return "\n".join([f"{heading[1]} errors" if heading[1] != "1" else "", *lines[1:]])
