"""Which processes still live: an OS lock for each, on a file of its own beside the database.

The kernel lets go of the lock when the process ends, however it ends, so the leases of a killed
one are over at once. A row in ``process`` is written only after its lock is held, and a lock
file's name is never used again, so a free lock always means the end.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

from sayiir.stores.records import Control
from sayiir.stores.relational.codes import CONTROL_CODES, RUNNING
from sayiir.stores.relational.moves import cancel_unclaimed

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from sayiir.stores.sqlite.transaction import Transaction

__all__ = ["Holders"]

_CANCEL = CONTROL_CODES[Control.CANCEL]


class Holders:
    """The lock of this open store, and a look at those of the others."""

    __slots__ = ("_descriptor", "_folder", "_token", "process")

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._token = uuid.uuid4().hex
        self._descriptor = os.open(self._file(self._token), os.O_RDWR | os.O_CREAT, 0o666)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        self.process = 0
        """The number that stands for this store in ``work_item.process``; 0 until registered."""

    def _file(self, token: str) -> Path:
        return self._folder / f"{token}.lock"

    @property
    def descriptor(self) -> int:
        """The open lock file, which a forked child has to close."""
        return self._descriptor

    def register(self, connection: sqlite3.Connection) -> None:
        """Enter this store among those that may hold leases. Inside a transaction."""
        added = connection.execute("insert into process (token) values (?)", (self._token,))
        self.process = added.lastrowid or 0

    def end_leases_of_the_dead(self, tx: Transaction) -> bool:
        """End the leases whose holders are gone; whether there were any.

        Where a cancel only waited for one of them, it is done now.
        """
        found = False
        others = tx.execute(
            "select id, token from process where id <> ?", (self.process,)
        ).fetchall()
        for process, token in others:
            if self.lives(token):
                continue
            runs = tx.execute("select distinct run from work_item where process = ?", (process,))
            held = [run for (run,) in runs.fetchall()]
            tx.execute(END_LEASES, {"process": process, "now": tx.now})
            tx.changed.update(held)
            for number in held:
                run = tx.find_run(number)
                if run is not None and run.state == RUNNING and run.control == _CANCEL:
                    cancel_unclaimed(tx, run)
            tx.execute("delete from process where id = ?", (process,))
            with suppress(FileNotFoundError):
                self._file(token).unlink()
            found = found or bool(held)
        return found

    def lives(self, token: str) -> bool:
        """Whether the store that entered this token is still open. From any thread."""
        try:
            descriptor = os.open(self._file(token), os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            # A shared lock, so that two stores that look at once don't take each other for life.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def tell(self, text: bytes) -> None:
        """Have the lock file say this to whoever looks at it; a hint, which nothing goes by."""
        os.pwrite(self._descriptor, text, 0)
        os.ftruncate(self._descriptor, len(text))

    def told_by_others(self) -> Iterator[bytes]:
        """What the lock files of other stores say that are still open."""
        for file in self._folder.glob("*.lock"):
            if file.stem != self._token and self.lives(file.stem):
                with suppress(FileNotFoundError):
                    yield file.read_bytes()

    def leave(self, connection: sqlite3.Connection) -> None:
        """Take this store off the list, unless it still holds leases. Inside a transaction.

        Those that it holds end when another store finds the lock free.
        """
        connection.execute(
            "delete from process where id = ?1 and not exists "
            "(select 1 from work_item where process = ?1)",
            (self.process,),
        )

    def close(self) -> None:
        """Let go of the lock, and remove its file."""
        with suppress(FileNotFoundError):
            self._file(self._token).unlink()
        os.close(self._descriptor)


# A lease's end is what an item of a running, unpaused instance is due at.
END_LEASES = """
update work_item set lease_until = min(lease_until, :now),
    due = case when due is null then null else min(lease_until, :now) end
where process = :process
"""
