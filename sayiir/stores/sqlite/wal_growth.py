"""Room in the WAL file ahead of the commits that will need it.

A commit that makes the file longer costs 1.4 to 1.96 times one that writes over what is there, for
the file system has to note the new length. So a file that has become longer is doubled: until it
has the length that it keeps between two checkpoints, a few commits in a thousand pay for that. To
give it the whole length at once, when the store is opened, took longer than all else before a first
step.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["WalGrowth"]

FULL_BYTES: Final = 4 * 1024 * 1024
"""What the file has grown to when its first checkpoint comes."""
LEAST_BYTES: Final = 64 * 1024


class WalGrowth:
    """Makes one WAL file longer. Called by whoever holds the lock for writing in it."""

    __slots__ = ("_file", "_seen_bytes", "descriptor")

    def __init__(self, file: Path) -> None:
        self._file = str(file)
        self._seen_bytes = 0
        self.descriptor: int | None = None
        """The open file. Nobody removes it while the connection beside this is open."""

    def keep_ahead(self) -> None:
        """Double the file if commits have made it longer. Inside a transaction that may write.

        What is appended are zeros, which are no frames: SQLite reads up to the last whole commit,
        and writes the next one over them. Nobody else can write there meanwhile. SQLite keeps no
        lock on this file that closing it here could drop; those are on the other two.
        """
        try:
            if self.descriptor is None:
                self.descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND)
            # Not by `stat`: who was told a file's times makes its next write note a new one, and
            # with it the file system's journal: 60 us more for each commit (Linux 6.13 and later).
            found_bytes = os.lseek(self.descriptor, 0, os.SEEK_END)
        except OSError:
            return  # it isn't there yet
        if found_bytes > self._seen_bytes and found_bytes < FULL_BYTES:
            more_bytes = min(max(found_bytes, LEAST_BYTES), FULL_BYTES - found_bytes)
            # A full disk, say: that is for the commit to tell, which may still find room.
            with suppress(OSError):
                found_bytes += os.write(self.descriptor, bytes(more_bytes))
        self._seen_bytes = found_bytes

    def close(self) -> None:
        """Let go of the file."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None
