"""Tags for the single values that JSON lacks: bytes, times, decimals and their like."""

# Values of unknown types are this module's subject, and narrowing one tells only its container.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

import base64
import re
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sayiir.codec.walk import name_of
from sayiir.errors import PayloadError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir.codec.jsontext import Tree

__all__ = ["SCALAR_READERS", "SCALAR_WRITERS"]

# No dots: a zone's key may end up in the name of a package that holds zone data, and what is
# stored must never choose what is imported.
_ZONE_KEY: Final = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,3}\Z")
_FLOATS: Final = {"nan", "inf", "-inf"}


def _write_zone(zone: tzinfo | None) -> Tree:
    if zone is None:
        return None
    if type(zone) is timezone:
        offset = _write_timedelta(_offset_of(zone))
        named = zone.tzname(None) != timezone(_offset_of(zone)).tzname(None)
        return ["fixed", *offset, zone.tzname(None)] if named else ["fixed", *offset]
    if type(zone) is ZoneInfo and _ZONE_KEY.match(zone.key or ""):
        return ["zone", zone.key]
    if type(zone).__module__ == "pydantic_core._pydantic_core":
        # The offset class that pydantic gives to what it parses from text.
        return ["offset", int(_offset_of(zone).total_seconds())]
    raise PayloadError(
        f"a time zone of type {name_of(type(zone))} can't be stored; use datetime.timezone or "
        "zoneinfo.ZoneInfo",
        type_name=name_of(type(zone)),
    )


def _offset_of(zone: tzinfo) -> timedelta:
    return zone.utcoffset(None) or timedelta(0)


def _read_zone(tree: Tree) -> tzinfo | None:
    if tree is None:
        return None
    kind, *arguments = tree
    if kind == "fixed":
        days, seconds, microseconds, *name = arguments
        return timezone(_read_timedelta(days, seconds, microseconds), *name)
    if kind == "zone" and len(arguments) == 1 and _ZONE_KEY.match(arguments[0]):
        try:
            return ZoneInfo(arguments[0])
        except OSError as error:  # a directory among the zone files, for one
            raise ValueError(str(error)) from None
    if kind == "offset" and len(arguments) == 1 and type(arguments[0]) is int:
        from pydantic_core import TzInfo

        return TzInfo(arguments[0])
    raise ValueError(f"unknown time zone {tree!r}")


def _write_clock(value: datetime | time) -> list[Tree]:
    written = [value.replace(tzinfo=None, fold=0).isoformat()]
    if value.tzinfo is None and not value.fold:
        return [*written]
    return [*written, value.fold, _write_zone(value.tzinfo)]


def _read_datetime(text: str, fold: int = 0, zone: Tree = None) -> datetime:
    value = datetime.fromisoformat(text)
    return value.replace(fold=fold, tzinfo=_read_zone(zone))


def _read_time(text: str, fold: int = 0, zone: Tree = None) -> time:
    value = time.fromisoformat(text)
    return value.replace(fold=fold, tzinfo=_read_zone(zone))


def _write_timedelta(value: timedelta) -> list[Tree]:
    return [value.days, value.seconds, value.microseconds]


def _read_timedelta(days: int, seconds: int, microseconds: int) -> timedelta:
    if not all(type(part) is int for part in (days, seconds, microseconds)):
        raise TypeError("a timedelta is made of ints")
    return timedelta(days, seconds, microseconds)


def _read_bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _read_str(text: str) -> str:
    return _read_bytes(text).decode("utf-8", "surrogatepass")


def _read_decimal(text: str) -> Decimal:
    if type(text) is not str:
        raise TypeError("a decimal is stored as text")
    return Decimal(text)


def _read_float(text: str) -> float:
    if text not in _FLOATS:
        raise ValueError(f"{text!r} is neither nan nor inf")
    return float(text)


def _read_int(text: str) -> int:
    if type(text) is not str:
        raise TypeError("a large int is stored as text")
    return int(text, 16)


SCALAR_WRITERS: Final[dict[type, tuple[str, Callable[[Any], list[Tree]]]]] = {
    bytes: ("bytes", lambda value: [base64.b64encode(value).decode()]),
    datetime: ("datetime", _write_clock),
    date: ("date", lambda value: [value.isoformat()]),
    time: ("time", _write_clock),
    timedelta: ("timedelta", _write_timedelta),
    Decimal: ("decimal", lambda value: [str(value)]),
    UUID: ("uuid", lambda value: [value.hex]),
}
"""By exact type: the tag, and what makes its arguments."""

SCALAR_READERS: Final[dict[str, Callable[..., Any]]] = {
    "bytes": _read_bytes,
    "datetime": _read_datetime,
    "date": date.fromisoformat,
    "time": _read_time,
    "timedelta": _read_timedelta,
    "decimal": _read_decimal,
    "uuid": lambda text: UUID(hex=text),
    "float": _read_float,
    "int": _read_int,
    "str": _read_str,
}
"""By tag; each refuses wrong arguments with an ordinary exception."""
