"""Deep equality that also asks for the same types: what "comes back" means here."""

# Values of unknown types are this module's subject, and narrowing one tells only its container.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

import dataclasses
import struct
from datetime import datetime, time, timezone
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["same"]


def same(one: Any, other: Any) -> bool:
    """True if both are equal and of the same types, all the way down.

    Sharper than ``==``: ``1`` is not ``True``, ``0.0`` is not ``-0.0``, a nan is a nan, the
    order of a dict's keys and a datetime's zone and fold count.

    >>> same([1, (2.0,)], [1, (2.0,)]), same(1, True), same(float("nan"), float("nan"))
    (True, False, True)
    """
    kind = type(one)
    if kind is not type(other):
        return False
    if one is other:
        return True
    if kind is list or isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if kind is dict:
        return (
            len(one) == len(other)
            and all(map(same, one, other))
            and all(map(same, one.values(), other.values()))
        )
    if kind is float:
        return bool(one == other and _sign(one) == _sign(other)) or (one != one and other != other)
    if kind is set or kind is frozenset:
        return _same_sets(one, other)
    if isinstance(one, (datetime, time)):
        return _same_times(one, other)
    if kind is Decimal:
        return bool(one.as_tuple() == other.as_tuple())
    return _same_objects(one, other)


def _same_objects(one: Any, other: Any) -> bool:
    kind = type(one)
    if isinstance(one, Enum):
        return False  # members are single, and these two were not identical
    fields = getattr(kind, "__pydantic_fields__", None)
    if fields is not None and not dataclasses.is_dataclass(kind):
        return _same_parts(one, other, fields) and all(
            same(getattr(one, name, None), getattr(other, name, None))
            for name in ("__pydantic_extra__", "__pydantic_private__")
        )
    if dataclasses.is_dataclass(kind):
        return _same_parts(one, other, [field.name for field in dataclasses.fields(kind)])
    try:
        return bool(one == other)
    except Exception:
        return False  # an equality that fails proves nothing; arrays answer with arrays


def _same_parts(one: Any, other: Any, names: Iterable[str]) -> bool:
    missing = object()
    return all(same(getattr(one, name, missing), getattr(other, name, missing)) for name in names)


def _same_sets(one: Any, other: Any) -> bool:
    if len(one) != len(other):
        return False
    partner = {item: item for item in other}
    strangers = [item for item in one if item not in partner]
    if not all(same(item, partner[item]) for item in one if item in partner):
        return False
    # What equals nothing, nan alone or inside a tuple, is matched by trying.
    left = [item for item in other if item not in one]
    for item in strangers:
        match = next((at for at, found in enumerate(left) if same(item, found)), None)
        if match is None:
            return False
        del left[match]
    return True


def _same_times(one: Any, other: Any) -> bool:
    return bool(
        one.replace(tzinfo=None) == other.replace(tzinfo=None)
        and one.fold == other.fold
        and _same_zones(one.tzinfo, other.tzinfo)
    )


def _same_zones(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, ZoneInfo):
        # A zone made from a file has no key, and nothing proves two of them equal.
        return bool(one.key) and one.key == getattr(other, "key", None)
    if isinstance(one, timezone) and one.tzname(None) != other.tzname(None):
        return False
    return bool(one == other)


def _sign(number: float) -> int:
    return struct.pack(">d", number)[0] & 0x80
