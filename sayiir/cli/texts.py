"""Text on its way to a terminal: nothing that was stored may steer it. Times and sizes in words."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["clean", "clock_text", "nearest", "one_line", "shown_url", "span_text", "value_text"]

_STEERING = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""Controls, formats (right-to-left marks among them), surrogates and odd line ends."""


def clean(text: str) -> str:
    r"""The text with everything escaped that a terminal would obey; line ends and tabs stay.

    >>> clean("\x1b[31mred\x07 \u202egnihton")
    '\\x1b[31mred\\x07 \\u202egnihton'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character
        if character in "\n\t" or unicodedata.category(character) not in _STEERING
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def shown_url(url: str) -> str:
    """A URL without its password.

    >>> shown_url("postgresql://ada:secret@db/orders")
    'postgresql://ada:…@db/orders'
    """
    return clean(re.sub(r"(//[^/@:]*):[^@]*@", r"\1:…@", url))


def one_line(text: str, limit: int = 200) -> str:
    r"""The text on one line, cut where it is long.

    >>> one_line("a\nb", 10), one_line("abcdefgh", 5)
    ('a\\nb', 'abcd…')
    """
    # Only so much is looked at: a stored message may be long.
    short = clean(text[: limit + 1]).replace("\n", "\\n").replace("\t", " ")
    return short if len(short) <= limit else short[: limit - 1] + "…"


def span_text(span: timedelta | float) -> str:
    """A time span in the two units that matter.

    >>> [span_text(seconds) for seconds in (0.0042, 1.26, 75, 7_380, 200_000)]
    ['4 ms', '1.3 s', '1 min 15 s', '2 h 3 min', '2 d 7 h']
    """
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    if seconds < 0:
        return "-" + span_text(-seconds)
    if seconds < 1:
        return f"{seconds * 1e3:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit, size, small, small_size in (
        ("d", 86_400, "h", 3_600),
        ("h", 3_600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if whole >= size:
            rest = whole % size // small_size
            return f"{whole // size} {unit}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"


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
