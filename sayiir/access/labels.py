"""Labels on their way in."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sayiir.limits import (
    MAX_LABEL_NAME_CHARACTERS,
    MAX_LABEL_VALUE_CHARACTERS,
    MAX_LABELS,
)

if TYPE_CHECKING:
    from typing import TypeAlias

    Labels: TypeAlias = "Mapping[str, str] | None"

__all__ = ["check_labels"]


def check_labels(labels: Labels) -> tuple[tuple[str, str], ...]:
    """The labels as they are stored.

    Raises:
        TypeError: no mapping of str to str.
        ValueError: more than 50, a name that is empty or longer than 64 characters, a value
            longer than 256, or control characters in either.

    >>> check_labels({"team": "blue"})
    (('team', 'blue'),)
    """
    if labels is None:
        return ()
    if not isinstance(labels, Mapping):
        raise TypeError(f"labels are a mapping of str to str, not {type(labels).__name__}")
    if len(labels) > MAX_LABELS:
        raise ValueError(f"an instance has at most {MAX_LABELS} labels, not {len(labels)}")
    for name, value in labels.items():
        _check_text(name, f"the name of label {name!r}"[:120], 1, MAX_LABEL_NAME_CHARACTERS)
        _check_text(value, f"the value of label {name!r}", 0, MAX_LABEL_VALUE_CHARACTERS)
    return tuple(labels.items())


def _check_text(text: Any, what: str, least: int, most: int) -> None:
    if not isinstance(text, str):
        raise TypeError(f"{what} is a str, not {type(text).__name__}")
    if not least <= len(text) <= most:
        raise ValueError(f"{what} has {least} to {most} characters, not {len(text)}")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValueError(f"{what} holds a control character or a lone surrogate")
