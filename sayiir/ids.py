"""Instance ids, node ids and paths: what is allowed, and how they are written.

A *path* addresses a node of one instance: segments joined by ``/``, each ``id`` or
``id[selector]``, as ``fork[0]/charge_card`` or ``poll[3]/ask_carrier``. A *node path* is a
path without the numbers of loops and maps: ``poll/ask_carrier``.
"""

from __future__ import annotations

import json
import os
import re
import unicodedata
from typing import TYPE_CHECKING

from sayiir.errors import DefinitionError, InvalidInstanceId
from sayiir.limits import MAX_ID_CHARACTERS, MAX_INSTANCE_ID_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "check_instance_id",
    "check_node_id",
    "has_controls",
    "new_run_id",
    "path_segments",
    "quoted_selector",
]

_PLAIN_SELECTOR = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
_SEGMENT = re.compile(r'([^/\[\]]+)(?:\[("(?:[^"\\]|\\.)*"|[A-Za-z0-9_.*-]+)\])?')


def check_instance_id(instance_id: object) -> str:
    """The id as it was given.

    Raises:
        InvalidInstanceId: not a ``str``, empty, longer than 256 bytes of UTF-8, with
            control characters or lone surrogates.

    >>> check_instance_id("order-42")
    'order-42'
    """
    if not isinstance(instance_id, str):
        raise InvalidInstanceId(f"an instance id is a str, not {type(instance_id).__name__}")
    try:
        size = len(instance_id.encode())
    except UnicodeEncodeError:
        raise InvalidInstanceId(f"instance id {instance_id!r} is not valid Unicode") from None
    if not 1 <= size <= MAX_INSTANCE_ID_BYTES:
        raise InvalidInstanceId(
            f"an instance id has 1 to {MAX_INSTANCE_ID_BYTES} bytes of UTF-8, not {size}"
        )
    if has_controls(instance_id):
        raise InvalidInstanceId(f"instance id {instance_id!r} holds a control character")
    return instance_id


def check_node_id(node_id: object) -> str:
    """The node's id as it was given.

    Raises:
        DefinitionError: not a ``str`` of 1 to 128 characters, or with ``/ [ ] #`` or controls.

    >>> check_node_id("charge_card")
    'charge_card'
    """
    if not isinstance(node_id, str):
        raise DefinitionError(f"a name is a str, not {type(node_id).__name__}")
    if not 1 <= len(node_id) <= MAX_ID_CHARACTERS:
        raise DefinitionError(
            f"the name {node_id[:40]!r} has {len(node_id)} characters; 1 to {MAX_ID_CHARACTERS} "
            "are allowed"
        )
    if any(character in "/[]#" for character in node_id) or has_controls(node_id):
        raise DefinitionError(
            f"the name {node_id!r} must not hold '/', '[', ']', '#' or control characters"
        )
    return node_id


def has_controls(text: str) -> bool:
    r"""Whether a text holds control characters or lone surrogates, which not every store can keep.

    >>> has_controls("blue"), has_controls("blue\0")
    (False, True)
    """
    # What is printable has none, and most ids are.
    return not text.isprintable() and any(
        unicodedata.category(character) in ("Cc", "Cs") for character in text
    )


def new_run_id() -> str:
    """A fresh run id: 32 hexadecimal digits, never repeated."""
    return os.urandom(16).hex()


def quoted_selector(selector: str) -> str:
    """A selector as a path spells it: plain, or a JSON string where it isn't.

    >>> quoted_selector("red"), quoted_selector("a/b")
    ('red', '"a/b"')
    """
    if _PLAIN_SELECTOR.fullmatch(selector):
        return selector
    return json.dumps(selector)


def path_segments(path: str) -> Iterator[tuple[str, str | None]]:
    """Each segment of a path as (id, selector); the selector unquoted, None where there is none.

    Raises:
        ValueError: the text is no path.

    >>> list(path_segments('branch["a/b"]/poll[3]/ask'))
    [('branch', 'a/b'), ('poll', '3'), ('ask', None)]
    """
    at = 0
    while True:
        match = _SEGMENT.match(path, at)
        if match is None:
            raise ValueError(f"{path!r} is no path: see position {at}")
        selector = match[2]
        yield match[1], json.loads(selector) if selector and selector[0] == '"' else selector
        at = match.end()
        if at == len(path):
            return
        if path[at] != "/":
            raise ValueError(f"{path!r} is no path: see position {at}")
        at += 1
