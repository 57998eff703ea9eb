"""Names as the published package allows them, and as paths can hold them."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["escaped", "unescaped"]

_REFUSED: Final = re.compile(r"[/\[\]#%\x00-\x1f\x7f-\x9f]")
_ESCAPE: Final = re.compile(r"%([0-9A-F]{2})")


def escaped(name: str) -> str:
    """A name with what no path can hold written as in URLs; other names stay as they are.

    >>> escaped("charge"), escaped("a/b")
    ('charge', 'a%2Fb')
    """
    return _REFUSED.sub(lambda found: f"%{ord(found[0]):02X}", name)


def unescaped(node_id: str) -> str:
    """The name that ``escaped`` was given; the number of a second ``charge#2`` is left out.

    >>> unescaped("a%2Fb"), unescaped("charge#2")
    ('a/b', 'charge')
    """
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), node_id.partition("#")[0])
