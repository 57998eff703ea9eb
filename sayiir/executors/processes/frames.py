"""What goes over the socket between a process and its worker: kind, number, length, bytes."""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["HEADER", "FrameReader", "Kind", "frame"]

HEADER: Final = struct.Struct("!BQQ")


class Kind(IntEnum):
    """What a frame's bytes are."""

    CALL = 1
    RESULT = 2
    ERROR = 3
    PROGRESS = 4
    HEARTBEAT = 5
    LOG = 6
    PREPARE = 7
    PREPARED = 8


def frame(kind: Kind, body: bytes = b"", number: int = 0) -> bytes:
    """The bytes that go over; ``number`` is that of the call that they belong to.

    >>> frame(Kind.HEARTBEAT, number=3).hex()
    '0500000000000000030000000000000000'
    """
    return HEADER.pack(kind, number, len(body)) + body


class FrameReader:
    """Takes bytes as they arrive, and gives the frames that are whole.

    >>> reader = FrameReader()
    >>> data = frame(Kind.RESULT, b"abc", 1)
    >>> list(reader.feed(data[:5])), list(reader.feed(data[5:]))
    ([], [(<Kind.RESULT: 2>, 1, b'abc')])
    """

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[Kind, int, bytes]]:
        """The frames that these bytes complete."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= HEADER.size:
            kind, number, length = HEADER.unpack_from(buffer)
            end = HEADER.size + length
            if len(buffer) < end:
                return
            body = bytes(memoryview(buffer)[HEADER.size : end])
            del buffer[:end]
            yield Kind(kind), number, body
