"""A second connection, for what only reads: it waits for no writer, and no writer for it."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

from sayiir.stores.sqlite.connection import begin, open_reader
from sayiir.stores.sqlite.faults import translated
from sayiir.stores.sqlite.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sayiir.clock import Clock
    from sayiir.stores.sqlite.worker import AnyJob

__all__ = ["Reader"]


class Reader:
    """Runs jobs that read, on the reader thread; each batch sees one state of the database."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._connection: sqlite3.Connection | None = None

    @property
    def connection(self) -> sqlite3.Connection | None:
        """The reading connection, while it is open."""
        return self._connection

    def open(self) -> None:
        """Open the file, which the writer has made ready."""
        try:
            self._connection = open_reader(self._path)
        except sqlite3.Error as error:
            raise translated(error, str(self._path)) from error

    def run(self, jobs: Sequence[AnyJob]) -> None:
        """Run the jobs; each has its result or its error afterwards."""
        connection = self._connection
        assert connection is not None
        try:
            if connection.in_transaction:
                connection.execute("rollback")
            begin(connection, "deferred")
        except sqlite3.Error as error:
            for job in jobs:
                job.error = translated(error, str(self._path))
            return
        for job in jobs:
            try:
                job.result = job.function(Transaction(connection, self._clock.now_us()))
            except sqlite3.Error as error:
                job.error = translated(error, str(self._path))
            except Exception as error:
                job.error = error
        # One that can't be ended now is ended before the next batch: what was read is right.
        with suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("rollback")

    def run_at_once(self, jobs: Sequence[AnyJob]) -> bool:
        """The same: in WAL mode a reader waits for nobody."""
        self.run(jobs)
        return True

    def told(self) -> None:
        """Reading changes nothing."""

    def idle(self) -> float | None:
        """Nothing is looked for here."""
        return None

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
