"""What goes between who calls and who performs: frames of kind, number, length and bytes."""

from __future__ import annotations

import logging
import pickle
import struct
from enum import IntEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sayiir.executors.protocol import Call

__all__ = ["HEADER", "FrameReader", "Kind", "frame", "tell"]

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


def tell(call: Call, kind: Kind, body: bytes) -> None:
    """Hand on to a call's context, or to logging, what came of it from elsewhere."""
    match kind:
        case Kind.HEARTBEAT:
            call.context.heartbeat()
        case Kind.PROGRESS:
            call.context.progress(*pickle.loads(body))  # noqa: S301  our own worker wrote it
        case Kind.LOG:
            name, level, path, line, text, facts, created, process = pickle.loads(body)  # noqa: S301
            logger = logging.getLogger(name)
            record = logger.makeRecord(name, level, path, line, text, (), None, extra=facts)
            record.created, record.process = created, process
            logger.handle(record)
        case _:
            raise TypeError(f"a worker sent {kind!r}")
