"""Durations as people write them: seconds, ``timedelta``, ``"1h30m"``, ``"250ms"``, ``"2d"``."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import TypeAlias

from sayiir.errors import DefinitionError
from sayiir.limits import MAX_DURATION_SECONDS

__all__ = ["Duration", "duration_seconds"]

Duration: TypeAlias = float | int | str | timedelta
"""Seconds, a ``timedelta``, or text as ``"1h30m"`` (units: d, h, m, s, ms)."""

_UNIT_SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|d|h|m|s)", re.ASCII)
_TEXT = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|d|h|m|s))+", re.ASCII)


def duration_seconds(duration: Duration) -> float:
    """The duration in seconds.

    Raises:
        DefinitionError: not a duration, negative, not finite, or beyond a hundred years.

    >>> duration_seconds("1h30m")
    5400.0
    >>> duration_seconds("250ms")
    0.25
    """
    seconds = _seconds(duration)
    if not math.isfinite(seconds) or not 0 <= seconds <= MAX_DURATION_SECONDS:
        raise DefinitionError(
            f"the duration {duration!r} must be finite, not negative and at most "
            f"{MAX_DURATION_SECONDS} seconds"
        )
    return seconds


def _seconds(duration: Duration) -> float:
    if isinstance(duration, timedelta):
        return duration.total_seconds()
    if isinstance(duration, (int, float)) and not isinstance(duration, bool):
        try:
            return float(duration)
        except OverflowError:
            return math.inf
    if isinstance(duration, str):
        text = duration.replace(" ", "")
        if _TEXT.fullmatch(text):
            return sum(float(n) * _UNIT_SECONDS[unit] for n, unit in _PART.findall(text))
    raise DefinitionError(
        f"{duration!r} is no duration; write seconds, a timedelta, or text as '1h30m', "
        "'250ms', '2d'"
    )
