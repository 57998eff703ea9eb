"""Checks of what tasks and workflows may be given: tags, priority, texts."""

from __future__ import annotations

from collections.abc import Iterable

from sayiir.durations import Duration, duration_seconds
from sayiir.errors import DefinitionError
from sayiir.ids import has_controls
from sayiir.limits import MAX_TAG_CHARACTERS, MAX_TAGS

__all__ = ["check_priority", "check_tags", "check_text", "check_timeout"]


def check_tags(tags: object, owner: str) -> tuple[str, ...]:
    """Tags as a tuple, in the order given.

    Raises:
        DefinitionError: not an iterable of texts, more than 20, or one empty, beyond 64
            characters or with control characters.

    >>> check_tags(["gpu"], "task 'x'")
    ('gpu',)
    """
    if isinstance(tags, (str, bytes)) or not isinstance(tags, Iterable):
        raise DefinitionError(f"{owner}: tags is a list of texts, not {tags!r}")
    found: list[str] = []
    for tag in tags:  # pyright: ignore[reportUnknownVariableType]
        if not isinstance(tag, str):
            raise DefinitionError(f"{owner}: a tag is a str, not {tag!r}")
        if not 1 <= len(tag) <= MAX_TAG_CHARACTERS:
            raise DefinitionError(
                f"{owner}: the tag {tag[:80]!r} has {len(tag)} characters; 1 to "
                f"{MAX_TAG_CHARACTERS} are allowed"
            )
        if has_controls(tag):
            raise DefinitionError(f"{owner}: the tag {tag!r} holds a control character")
        found.append(tag)
    if len(found) > MAX_TAGS:
        raise DefinitionError(f"{owner}: {len(found)} tags are given; {MAX_TAGS} are allowed")
    return tuple(found)


def check_priority(priority: object, owner: str) -> int | None:
    """A priority from 1 (most urgent) to 5, or None.

    Raises:
        DefinitionError: anything else.
    """
    if priority is None:
        return None
    if isinstance(priority, bool) or not isinstance(priority, int) or not 1 <= priority <= 5:
        raise DefinitionError(
            f"{owner}: priority is a whole number from 1 (most urgent) to 5, not {priority!r}"
        )
    return priority


def check_text(name: str, text: object, owner: str) -> str:
    """A version or a description: any ``str``.

    Raises:
        DefinitionError: anything else.
    """
    if not isinstance(text, str):
        raise DefinitionError(f"{owner}: {name} is a str, not {text!r}")
    return text


def check_timeout(timeout: Duration | None, owner: str) -> float | None:
    """A timeout in seconds, or None.

    Raises:
        DefinitionError: no duration, or none at all, in which nothing could run.
    """
    if timeout is None:
        return None
    seconds = duration_seconds(timeout)
    if seconds == 0:
        raise DefinitionError(
            f"{owner}: nothing can run within a timeout of 0; leave it out for no timeout"
        )
    return seconds
