"""Values on a command line: JSON as it stands, ``@file``, or ``-`` for standard input."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sayiir.access.labels import check_labels
from sayiir.cli.exits import Problem
from sayiir.cli.texts import clean, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["read_events", "read_labels", "read_value"]


def read_value(text: str | None, option: str = "--input") -> Any:
    """The value that an option gives; None where it isn't given.

    Raises:
        Problem: the file can't be read, or the text is no JSON; it says where.

    >>> read_value('{"pieces": 2}')
    {'pieces': 2}
    """
    if text is None:
        return None
    source, content = _content(text, option)
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise Problem(
            f"{source} is no JSON: {error.msg} ({where}): {one_line(content, 60)}",
            hint=_quoting_hint(content, option),
        ) from None
    except RecursionError:
        raise Problem(f"{source} nests too deep") from None


def _content(text: str, option: str) -> tuple[str, str]:
    try:
        if text == "-":
            return "standard input", sys.stdin.read()
        if text.startswith("@"):
            return f"{option} {text}", Path(text[1:]).read_text(encoding="utf-8")
    except OSError as error:
        raise Problem(f"{option} {clean(text)}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise Problem(f"{option} {clean(text)}: the file is not UTF-8 text") from None
    return option, text


def _quoting_hint(content: str, option: str) -> tuple[str, ...]:
    """Bare words are what people write for a text, and what a shell leaves of one."""
    words = content.strip()
    if words and len(words) < 60 and words.isprintable() and words[0] not in "{[\"'":
        quoted = shlex.quote(json.dumps(words, ensure_ascii=False))
        return (f"a text needs quotes of its own: {option} {clean(quoted)}",)
    return ()


def read_labels(pairs: Iterable[str]) -> dict[str, str]:
    """Labels given as ``name=value``.

    Raises:
        Problem: one of them isn't, or can't be a label.

    >>> read_labels(["team=blue", "city="])
    {'team': 'blue', 'city': ''}
    """
    labels: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise Problem(f"--label {clean(pair)!r}: write it as name=value")
        labels[name] = value
    try:
        check_labels(labels)
    except ValueError as error:
        raise Problem(str(error)) from None
    return labels


def read_events(pairs: Iterable[str]) -> list[tuple[str, Any]]:
    """Events given as ``signal=JSON`` (or ``signal=@file``), in order; ``signal`` alone is None.

    Raises:
        Problem: one of them isn't.
    """
    events: list[tuple[str, Any]] = []
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not name:
            raise Problem(f"--event {clean(pair)!r}: write it as signal=JSON")
        events.append((name, read_value(text, f"--event {name}") if equals else None))
    return events
