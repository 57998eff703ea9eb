"""Text on its way to a terminal: nothing that was stored may steer it. Times and sizes in words."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from sayiir.render.words import clean, one_line, span_text

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["clean", "clock_text", "nearest", "one_line", "shown_url", "span_text", "value_text"]


def shown_url(url: str) -> str:
    """A URL without its password.

    >>> shown_url("postgresql://ada:secret@db/orders")
    'postgresql://ada:…@db/orders'
    """
    return clean(re.sub(r"(//[^/@:]*):[^@]*@", r"\1:…@", url))


def clock_text(moment: datetime | None, now: datetime | None = None) -> str:
    """A moment by the reader's clock: the time alone where it is today.

    >>> noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    >>> clock_text(None), clock_text(noon, noon)[-3:]
    ('', ':00')
    """
    if moment is None:
        return ""
    here = moment.astimezone()
    today = (now or datetime.now(UTC)).astimezone().date()
    return here.strftime("%H:%M:%S" if here.date() == today else "%Y-%m-%d %H:%M:%S")


def value_text(value: Any, limit: int = 200) -> str:
    """A value as one line of JSON, or of Python where it isn't that.

    >>> value_text({"a": [1, None]})
    '{"a": [1, null]}'
    """
    import json

    from sayiir.cli.shapes import plain

    return one_line(json.dumps(plain(value), ensure_ascii=False), limit)


def nearest(name: str, known: Iterable[str], what: str = "did you mean") -> tuple[str, ...]:
    """A hint with the name that was probably meant; empty where none is near.

    >>> nearest("orderz", ["orders", "bills"])
    ('did you mean orders?',)
    """
    found = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return tuple(f"{what} {clean(one)}?" for one in found)
