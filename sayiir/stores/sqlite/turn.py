"""Whose turn it is to write, among the processes that share a file.

SQLite's own lock is a lottery: who waits polls with growing sleeps, and a busy writer takes
the lock again before the others look. Two ``flock`` files make a queue of it: to write, take
the door, then the room, then let go of the door. Who leaves the room finds the next one at the
door already holding it, so a writer in a loop can't starve the rest, and nobody sleeps longer
than he must.

The room is also what SQLite before 3.51.3 needs: there, a WAL file can be corrupted by
connections that write and checkpoint at the same moment. All of ours write, checkpoint (in
their commits) and close only inside of it.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

__all__ = ["Turn"]


class Turn:
    """Held while writing: ``with turn: …``. Used by one thread at a time."""

    __slots__ = ("_door", "_room")

    def __init__(self, folder: Path) -> None:
        self._door = os.open(folder / "door.lock", os.O_RDWR | os.O_CREAT, 0o666)
        self._room = os.open(folder / "room.lock", os.O_RDWR | os.O_CREAT, 0o666)

    @property
    def descriptors(self) -> tuple[int, int]:
        """Its open files, which a forked child has to close."""
        return (self._door, self._room)

    def taken_at_once(self) -> bool:
        """Take the turn if nobody else has it or waits for it; ``leave`` gives it back."""
        try:
            fcntl.flock(self._door, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        try:
            fcntl.flock(self._room, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        finally:
            fcntl.flock(self._door, fcntl.LOCK_UN)
        return True

    def leave(self) -> None:
        """Give the turn back."""
        fcntl.flock(self._room, fcntl.LOCK_UN)

    def __enter__(self) -> None:
        fcntl.flock(self._door, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._room, fcntl.LOCK_EX)
        finally:
            fcntl.flock(self._door, fcntl.LOCK_UN)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave()

    def close(self) -> None:
        """Let go of the files."""
        os.close(self._door)
        os.close(self._room)
