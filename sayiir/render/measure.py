"""How wide text is, without a font: bounds that hold for the fonts that browsers choose.

Names are set in a fixed-pitch font, whose widths are known; everything else in the system's own
sans serif, whose widest common form (DejaVu Sans, Verdana) the table below follows.
"""

from __future__ import annotations

import unicodedata
from typing import Final

__all__ = ["name_width", "shortened", "text_width"]

_PITCH: Final = 0.605
"""Of fixed-pitch fonts, in sizes: DejaVu Sans Mono and Menlo 0.602, Courier 0.6, Consolas 0.55."""

_NARROW: Final = frozenset("fijlrtI.,:;'|!()[]/\\ ")
_WIDE: Final = frozenset("mwMW%@#—…ABCDEFGHKNOPQRSTUVXYZ&+=<>~0123456789")


def name_width(text: str, size: float) -> float:
    """Width of a text in a fixed-pitch font of this size (user units)."""
    return sum(_cells(character) for character in text) * _PITCH * size


def _cells(character: str) -> float:
    if character.isascii():
        return 1.0
    if unicodedata.combining(character):
        return 0.0
    # Other fonts stand in for what the font lacks; a full-width character takes a whole size.
    return 1.75 if unicodedata.east_asian_width(character) in "WF" else 1.4


def text_width(text: str, size: float) -> float:
    """Width that a text in a sans serif font of this size doesn't exceed (user units).

    >>> text_width("il", 10) < text_width("mw", 10) < text_width("日本", 10)
    True
    """
    return sum(_advance(character) for character in text) * size


def _advance(character: str) -> float:
    if not character.isascii():
        return 0.9 if character in "…—·" else _cells(character) * 0.62
    if character in _NARROW:
        return 0.42
    if character in "mwMW%@":
        return 0.98
    return 0.72 if character in _WIDE else 0.62


def shortened(text: str, limit: int) -> str:
    """The text with its middle left out where it is longer than ``limit`` characters.

    The end stays, since names that are alike differ there.

    >>> shortened("fetch_the_orders_of_the_day#2", 16)
    'fetch_the_…day#2'
    """
    if len(text) <= limit:
        return text
    tail = limit // 3
    return f"{text[: limit - tail - 1].rstrip()}…{text[-tail:].lstrip()}"
