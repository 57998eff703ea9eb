"""Text for people: nothing that was stored may steer a terminal; time spans in words."""

from __future__ import annotations

import math
import unicodedata
from datetime import timedelta

__all__ = ["clean", "one_line", "span_text", "whole_span_text"]

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


def whole_span_text(seconds: float) -> str:
    """A time span in all of its units, for bounds: never shorter than it is.

    >>> whole_span_text(259_268), whole_span_text(7_200), whole_span_text(0.0001)
    ('3 d 1 min 8 s', '2 h', '0.001 s')
    """
    left = math.ceil(seconds * 1_000) / 1_000
    parts: list[str] = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        count, left = divmod(left, size)
        parts += [f"{count:,.0f} {unit}"] if count else []
    if left or not parts:
        parts.append(f"{left:.3f}".rstrip("0").rstrip(".") + " s")
    return " ".join(parts)
