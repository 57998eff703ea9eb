"""What people write, as bytes: a column of PostgreSQL's text takes neither NUL nor surrogates."""

from __future__ import annotations

from typing import overload

from sayiir.stores.relational import labels as relational

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
    """The text again; what is no text at all shows with replacement characters."""
    if body is None:
        return None
    try:
        return body.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return body.decode("utf-8", "replace")


def encode_labels(labels: tuple[tuple[str, str], ...]) -> bytes:
    """An instance's labels, in their order."""
    return relational.encode_labels(labels).encode()


def decode_labels(body: bytes | str) -> tuple[tuple[str, str], ...]:
    """The labels again, or one that says that they are damaged."""
    return relational.decode_labels(body if isinstance(body, str) else decode_text(body))
