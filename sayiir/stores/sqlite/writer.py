"""The one writing connection of this store: group commit.

All jobs that gathered while the last commit ran become one transaction, so that a disk's sync
is paid once for all of them. Where there are several, each runs in a savepoint: one that
raises undoes its own work and nobody else's.
"""

from __future__ import annotations

import sqlite3
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Final

from sayiir.stores.records import Move
from sayiir.stores.sqlite.connection import (
    BUSY_PATIENCE_SECONDS,
    begin,
    open_private,
    open_writer,
)
from sayiir.stores.sqlite.faults import (
    OutageLog,
    breaks_transaction,
    cannot_open,
    is_busy,
    translated,
)
from sayiir.stores.sqlite.holders import Holders
from sayiir.stores.sqlite.look import beside, look_at, look_inside
from sayiir.stores.sqlite.quick import step
from sayiir.stores.sqlite.transaction import INSERT_RESULT, Queues, Transaction, result_row
from sayiir.stores.sqlite.turn import Turn
from sayiir.stores.sqlite.wal_growth import WalGrowth
from sayiir.stores.sqlite.wall_clock import WallClock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sayiir.clock import Clock
    from sayiir.stores.records import Checkpoint
    from sayiir.stores.relational.watch import StoreWatch, Watchers
    from sayiir.stores.sqlite.worker import AnyJob

__all__ = ["Writer"]

POLL_SECONDS: Final = 0.015
"""How often changes by other processes are looked for while somebody waits; promised are 20 ms."""


class Writer:
    """Runs jobs in transactions, one thread at a time. ``path`` None: a private database."""

    def __init__(self, path: Path | None, clock: Clock, watchers: Watchers) -> None:
        self._path = path
        self._clock = WallClock(clock)
        self._watchers = watchers
        self._where = "the private database" if path is None else str(path)
        self._log = OutageLog(self._where)
        self._turn: Turn | None = None
        self.holders: Holders | None = None
        self.connection: sqlite3.Connection | None = None
        self._seen_version = 0
        self._queues: Queues = {}
        self._growth = None if path is None else WalGrowth(beside(path, "-wal"))
        self._untold: tuple[StoreWatch, ...] = ()
        """Who watched what the last batch has changed, when it was committed."""

    # -- opening and closing

    def open(self) -> None:
        """Look at the file, make or migrate it, and enter this store among the holders."""
        try:
            self._open()
        except (sqlite3.Error, OSError) as error:
            self._let_go()
            if isinstance(error, sqlite3.Error):
                raise translated(error, self._where) from error
            raise cannot_open(self._where, error) from error
        except BaseException:
            self._let_go()
            raise

    def _open(self) -> None:
        if self._path is None:
            self.connection = open_private()
            return
        look_at(self._path)
        folder = beside(self._path, "-holders")
        folder.mkdir(exist_ok=True)
        self._turn = Turn(folder)
        with self._turn:
            look_inside(self._path)
            self.holders = Holders(folder)
            connection = self.connection = open_writer(self._path)
            begin(connection, "immediate")
            self.holders.register(connection)
            connection.execute("commit")
        self._seen_version = self._version(connection)

    def close(self) -> None:
        """Close the connection; the last one of all processes empties and removes the WAL."""
        try:
            with self._turn or nullcontext():
                if self.connection is not None and self.holders is not None:
                    begin(self.connection, "immediate")
                    self.holders.leave(self.connection)
                    self.connection.execute("commit")
                if self.connection is not None:
                    self.connection.close()
                    self.connection = None
        except sqlite3.Error as error:
            # A full disk, say. Our lock ends with us, so others will clear away what is left.
            self._log.note(error)
        finally:
            self._let_go()

    def _let_go(self) -> None:
        if self._growth is not None:
            self._growth.close()
        if self.connection is not None:
            # Closing may checkpoint, which nobody may do beside a writer.
            with self._turn or nullcontext():
                self.connection.close()
            self.connection = None
        if self.holders is not None:
            self.holders.close()
            self.holders = None
        if self._turn is not None:
            self._turn.close()
            self._turn = None

    def descriptors(self) -> tuple[int, ...]:
        """The lock files that a forked child has to close, and the log."""
        held: tuple[int, ...] = () if self.holders is None else (self.holders.descriptor,)
        if self._growth is not None and self._growth.descriptor is not None:
            held += (self._growth.descriptor,)
        return held if self._turn is None else (*held, *self._turn.descriptors)

    # -- transactions

    def run(self, jobs: Sequence[AnyJob]) -> None:
        """Run the jobs in one transaction; each has its result or its error afterwards."""
        turn: AbstractContextManager[None] = self._turn or nullcontext()
        try:
            with turn:
                self._commit(jobs)
        except OSError as error:
            _fail(jobs, error)

    def told(self) -> None:
        """Wake who watches what the last batch has changed.

        Once its results are on their way: who looks before them at what its own step has ended
        finds that still running, and claims in vain. A watch that is made in between has missed
        nothing.
        """
        untold, self._untold = self._untold, ()
        for watch in untold:
            watch.notice()

    def _watching(self, changed: set[int] | None) -> tuple[StoreWatch, ...]:
        return self._watchers.of(changed) if changed is None or changed else ()

    def run_at_once(self, jobs: Sequence[AnyJob]) -> bool:
        """The same, unless others have the turn or the file: then False, and nothing is run."""
        if self._turn is None:
            return self._commit(jobs, patience_seconds=0.0)
        if not self._turn.taken_at_once():
            return False
        try:
            return self._commit(jobs, patience_seconds=0.0)
        finally:
            self._turn.leave()

    def step_at_once(self, checkpoint: Checkpoint) -> bool:
        """Write one plain step, the most frequent of all transactions, by as little as it takes.

        Returns:
            False: it isn't plain, others have the turn or the file, or something is wrong.
            Nothing was written then, and ``run`` finds out what it is.

        Raises:
            StoreError: it could not be committed.
        """
        fence, effect, result, prune = checkpoint
        if type(effect) is not Move or effect.hand_over or prune:
            return False
        turn, connection = self._turn, self.connection
        if connection is None or not (turn is None or turn.taken_at_once()):
            return False
        execute = connection.execute
        try:
            try:
                execute("begin immediate")
                if self._growth is not None:
                    self._growth.keep_ahead()
                now_us = self._clock.now_us(connection)
                written = step(execute, fence, effect)
                if written and result is not None:
                    execute(INSERT_RESULT, result_row(fence.run, result, now_us))
            except Exception:
                written = False  # ``run`` meets it again, and tells of it
            if written:
                execute("commit")
        except sqlite3.Error as error:
            self._log.note(error)
            raise translated(error, self._where) from error
        finally:
            if connection.in_transaction:
                self._forget()
                with suppress(sqlite3.Error):  # it is tried again by the next one
                    execute("rollback")
            if turn is not None:
                turn.leave()
        return written

    def _commit(
        self, jobs: Sequence[AnyJob], patience_seconds: float = BUSY_PATIENCE_SECONDS
    ) -> bool:
        """Run the jobs and commit; False: others had the file locked for longer than that.

        With patience the jobs are told of it, as of any other error.
        """
        connection = self.connection
        assert connection is not None
        seen_version = self._seen_version
        try:
            if connection.in_transaction:  # the last one couldn't even be rolled back
                connection.execute("rollback")
            begin(connection, "immediate", patience_seconds)
            if self._growth is not None:
                self._growth.keep_ahead()
            try:
                changed = self._run_all(connection, jobs, look=patience_seconds > 0)
                connection.execute("commit")
            except BaseException:
                self._forget()
                # What another process has written is still to be told to who waits.
                self._seen_version = seen_version
                if connection.in_transaction:
                    connection.execute("rollback")
                raise
        except sqlite3.Error as error:
            if not patience_seconds and is_busy(error) and not connection.in_transaction:
                return False
            self._log.note(error)
            for job in jobs:
                # An error is told to each by an object of its own: tracebacks grow by raising.
                job.error = translated(error, self._where)
        except BaseException as error:
            _fail(jobs, error)
        else:
            if patience_seconds:
                self._untold = self._watching(changed)
            else:  # on the loop's own thread, beside the other
                for watch in self._watching(changed):
                    watch.notice()
        return True

    def _run_all(
        self, connection: sqlite3.Connection, jobs: Sequence[AnyJob], *, look: bool
    ) -> set[int] | None:
        """The runs that were changed; None: maybe any, for another process has written."""
        # A job alone on its own loop leaves that look to the thread, which has it every 15 ms
        # while somebody waits: what others have written stays to be seen until it is looked at.
        others = look and self._others_wrote(connection)
        changed: set[int] = set()
        process = 0 if self.holders is None else self.holders.process
        alone = len(jobs) == 1
        for job in jobs:
            if job.abandoned:
                continue  # a claim that nobody hears of would hold its items for nothing
            now_us = self._clock.now_us(connection)
            transaction = Transaction(connection, now_us, process, self._queues)
            if not alone:
                connection.execute("savepoint job")
            try:
                job.result = job.function(transaction)
            except Exception as error:
                if breaks_transaction(error) or not connection.in_transaction:
                    raise
                connection.execute("rollback" if alone else "rollback to job")
                self._forget()
                job.error = self._told(error)
                if alone:
                    connection.execute("begin")
            else:
                changed |= transaction.changed
            if not alone:
                connection.execute("release job")
        return None if others else changed

    def _forget(self) -> None:
        """What was rolled back is known no longer."""
        self._queues.clear()
        self._clock.forget()

    def _told(self, error: Exception) -> Exception:
        return translated(error, self._where) if isinstance(error, sqlite3.Error) else error

    # -- changes by other processes

    def idle(self) -> float | None:
        """Look for what other processes have written, while somebody waits for it."""
        if self._path is None or not self._watchers.waiting:
            return None
        assert self.connection is not None
        try:
            if self._others_wrote(self.connection):
                self._watchers.wake()
        except sqlite3.Error as error:
            # Who waits goes on waiting: the next look may succeed.
            self._log.note(error)
        return POLL_SECONDS

    def _others_wrote(self, connection: sqlite3.Connection) -> bool:
        # The number changes by commits of other connections only, so our own wake nobody twice.
        if self._path is None:
            return False
        version = self._version(connection)
        changed, self._seen_version = version != self._seen_version, version
        return changed

    @staticmethod
    def _version(connection: sqlite3.Connection) -> int:
        (version,) = connection.execute("pragma data_version").fetchone()
        return int(version)


def _fail(jobs: Sequence[AnyJob], error: BaseException) -> None:
    for job in jobs:
        job.error = error
