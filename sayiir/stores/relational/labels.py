"""Labels as both databases keep them beside the instance: JSON, in their order."""

from __future__ import annotations

import json
from typing import Final

__all__ = ["DAMAGED_LABEL", "decode_labels", "encode_labels"]

DAMAGED_LABEL: Final = "!damaged"
"""Stands in the place of labels that can't be read: one such row must not hide a whole list."""
_SHOWN_CHARACTERS: Final = 80


def encode_labels(labels: tuple[tuple[str, str], ...]) -> str:
    """Labels as text.

    >>> decode_labels(encode_labels((("team", "blue"),)))
    (('team', 'blue'),)
    """
    return json.dumps(labels) if labels else "[]"


def decode_labels(text: str) -> tuple[tuple[str, str], ...]:
    """The labels again; text that holds none shows as a label that says so.

    >>> decode_labels("[1")
    (('!damaged', '[1'),)
    """
    try:
        return tuple((_checked(name), _checked(value)) for name, value in json.loads(text))
    except (ValueError, TypeError, RecursionError):
        return ((DAMAGED_LABEL, text[:_SHOWN_CHARACTERS]),)


def _checked(part: object) -> str:
    if type(part) is not str:
        raise TypeError("labels are texts")
    return part
