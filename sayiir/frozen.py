"""Values that are made by the hundred: frozen for whoever reads the types, plain when they run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform, overload

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["frozen"]

T = TypeVar("T")


@overload
def frozen(made: type[T]) -> type[T]: ...


@overload
def frozen(*, kw_only: bool = ..., order: bool = ...) -> Callable[[type[T]], type[T]]: ...


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(made: type[Any] | None = None, *, kw_only: bool = False, order: bool = False) -> Any:
    """A slotted dataclass, equal and hashed by its fields, that type checkers hold to be frozen.

    A dataclass that is frozen when it runs sets each of its fields through a call, which makes an
    object four times as dear: a sixth of all client CPU of a fork went there.

    >>> @frozen
    ... class Point:
    ...     x: int
    ...     y: int = 0
    >>> Point(1), Point(1) == Point(1, 0), len({Point(1), Point(1)})
    (Point(x=1, y=0), True, 1)
    """
    decorate = dataclass(slots=True, unsafe_hash=True, kw_only=kw_only, order=order)
    return decorate if made is None else decorate(made)
