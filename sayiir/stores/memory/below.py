"""An index of paths by what they begin with, so that pruning costs what it removes."""

from __future__ import annotations

from typing import Generic, TypeVar

__all__ = ["Below"]

Value = TypeVar("Value", bound=str | int)


class Below(Generic[Value]):
    """Values filed under every prefix of their path that ends in ``/``.

    A loop of 100,000 iterations prunes 100,000 times; looking through all that is stored each
    time would be quadratic. A slash inside a quoted selector makes a prefix that nobody asks
    for, which is harmless.

    >>> below = Below[str]()
    >>> below.add("poll[0]/ask", "x")
    >>> below.pop("poll[0]/"), below.pop("poll[0]/")
    (['x'], [])
    """

    __slots__ = ("_filed",)

    def __init__(self) -> None:
        self._filed: dict[str, dict[Value, str]] = {}

    def add(self, path: str, value: Value) -> None:
        """File the value under its path."""
        for prefix in _prefixes(path):
            self._filed.setdefault(prefix, {})[value] = path

    def pop(self, prefix: str) -> list[Value]:
        """Take out all values whose path begins with this, in the order they were added."""
        found = self._filed.pop(prefix, {})
        for value, path in found.items():
            for other in _prefixes(path):
                filed = self._filed.get(other)
                if filed is not None:
                    filed.pop(value, None)
                    if not filed:
                        del self._filed[other]
        return list(found)


def _prefixes(path: str) -> list[str]:
    return [path[: at + 1] for at, character in enumerate(path) if character == "/"]
