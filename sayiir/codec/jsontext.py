"""JSON text to and from plain trees, bounded and total: a tree, text, or ``PayloadError``."""

from __future__ import annotations

import json
from typing import Any, NoReturn, TypeAlias

from sayiir.errors import PayloadError

__all__ = ["Tree", "from_text", "from_utf8", "quick_text", "to_text"]

Tree: TypeAlias = Any
"""None, bool, int, finite float, str, list or dict of these: what JSON holds by itself."""


def quick_text(tree: Tree) -> bytes | None:
    """A tree as UTF-8 JSON, or None where the quick writer can't: too deep, not UTF-8."""
    # Imported late: pydantic_core costs 40 ms, and `import sayiir` must not pay it.
    from pydantic_core import to_json

    try:
        return to_json(tree)
    except ValueError:
        return None


def to_text(tree: Tree) -> bytes:
    """A tree as UTF-8 JSON.

    Raises:
        PayloadError: it can't be written, being no tree or too deep.
    """
    text = quick_text(tree)
    if text is not None:
        return text
    try:
        return json.dumps(
            tree, ensure_ascii=False, check_circular=False, separators=(",", ":")
        ).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise PayloadError(f"the value can't be written as JSON: {error}") from None


def from_text(text: bytes) -> Tree:
    """The tree that a JSON text holds.

    Raises:
        PayloadError: it is not JSON, or nests beyond what can be read.
    """
    from pydantic_core import from_json

    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError:
        # The quick reader stops at 200 levels, and a tagged value needs two a level.
        pass
    try:
        return json.loads(text.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise PayloadError(f"the stored bytes are not readable JSON: {error}") from None


def from_utf8(stored: bytes) -> str:
    """The text whose UTF-8 stands behind a format byte.

    Raises:
        PayloadError: it is no UTF-8.
    """
    try:
        return str(memoryview(stored)[1:], "utf-8")  # a slice of bytes would be a copy
    except UnicodeDecodeError as error:
        raise PayloadError(f"the stored bytes are not readable text: {error}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
