"""What the engine knows of codecs: plans that turn values into bytes and back."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, Protocol

__all__ = [
    "FORMAT_COMPRESSED",
    "FORMAT_ENCRYPTED",
    "FORMAT_PICKLE",
    "FORMAT_TAGGED",
    "FORMAT_TEXT",
    "FORMAT_TYPED",
    "UNDECLARED",
    "Codec",
    "Plan",
]


class _Sentinel(Enum):
    UNDECLARED = "no type is known here"

    def __repr__(self) -> str:
        return self.name


UNDECLARED: Final = _Sentinel.UNDECLARED
"""Stands where no type is known: the tagged rules hold for the whole value."""

# The first byte of everything stored tells how the rest is written.
FORMAT_TYPED: Final = b"\x01"
"""Plain JSON whose meaning lies in the declared type."""
FORMAT_TAGGED: Final = b"\x02"
"""JSON with tags, which can be read without a type."""
FORMAT_PICKLE: Final = b"\x03"
FORMAT_COMPRESSED: Final = b"\x04"
FORMAT_ENCRYPTED: Final = b"\x05"
FORMAT_TEXT: Final = b"\x06"
"""Text by itself, as its UTF-8. As JSON a megabyte takes a millisecond to write, for each letter is
looked at; so it takes a tenth."""


class Plan(Protocol):
    """How the values of one declared type become bytes and come back.

    A plan is immutable for its users and may be shared between threads.
    """

    def encode(self, value: object) -> bytes:
        """The value as bytes, a format byte in front.

        Raises:
            PayloadError: the value would not come back equal and of the same types, nests
                deeper than ``limits.MAX_VALUE_DEPTH``, or is too large.
        """
        ...

    def decode(self, data: bytes) -> Any:
        """The value that was encoded. Never imports or calls a name found in the bytes.

        Raises:
            PayloadError: the bytes are damaged, in a format that this codec doesn't accept,
                or don't fit the declared type.
        """
        ...

    def passes_through(self, value: object) -> bool:
        """True if ``decode(encode(value))`` is certain to be this same immutable value."""
        ...


class Codec(Protocol):
    """A way to store values.

    Attributes:
        name: what the codec is called in messages.
    """

    @property
    def name(self) -> str:
        """What the codec is called in messages."""
        ...

    def plan(self, annotation: Any) -> Plan:
        """The plan for a resolved annotation, or for ``UNDECLARED``; kept for the next call."""
        ...

    def decode_plain(self, data: bytes) -> Any:
        """Reads bytes without knowing a type: typed ones come back as plain JSON data.

        Raises:
            PayloadError: as ``Plan.decode`` does.
        """
        ...

    def accept(self, value: object, annotation: Any) -> Any:
        """Validates a value from outside leniently: a dict becomes the model.

        Raises:
            PayloadError: the value doesn't fit.
        """
        ...

    def conform(self, value: object, annotation: Any) -> Any:
        """Validates a value between two tasks strictly, where it isn't an instance already.

        A mapping fits a model, a dataclass or a TypedDict, and an int fits float; nothing else
        is converted.

        Raises:
            PayloadError: the value doesn't fit.
        """
        ...
