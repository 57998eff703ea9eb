"""What people write, as bytes: a column of PostgreSQL's text takes neither NUL nor surrogates."""

from __future__ import annotations

import json
from typing import overload

__all__ = ["decode_labels", "decode_text", "encode_labels", "encode_text"]


@overload
def encode_text(text: str) -> bytes: ...
@overload
def encode_text(text: None) -> None: ...
@overload
def encode_text(text: str | None) -> bytes | None: ...
def encode_text(text: str | None) -> bytes | None:
    """UTF-8, lone surrogates and all."""
    return None if text is None else text.encode("utf-8", "surrogatepass")


@overload
def decode_text(body: bytes) -> str: ...
@overload
def decode_text(body: None) -> None: ...
@overload
def decode_text(body: bytes | None) -> str | None: ...
def decode_text(body: bytes | None) -> str | None:
    """The text again."""
    return None if body is None else body.decode("utf-8", "surrogatepass")


def encode_labels(labels: tuple[tuple[str, str], ...]) -> bytes:
    """An instance's labels, in their order."""
    return json.dumps(labels).encode()


def decode_labels(body: bytes | str) -> tuple[tuple[str, str], ...]:
    """The labels again."""
    return tuple((name, value) for name, value in json.loads(body))
