"""Opening connections: the settings that durability and speed hang on."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING, Final

from sayiir.errors import StoreError
from sayiir.stores.sqlite.faults import is_busy
from sayiir.stores.sqlite.look import APPLICATION_ID, file_uri
from sayiir.stores.sqlite.migrations import migrate

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["BUSY_PATIENCE_SECONDS", "begin", "open_private", "open_reader", "open_writer"]

OLDEST_SQLITE: Final = (3, 35, 0)
CACHED_STATEMENTS: Final = 512
BUSY_TIMEOUT_SECONDS: Final = 5.0
BUSY_PATIENCE_SECONDS: Final = 30.0
"""How long a transaction is begun again while others have the file locked."""
CHECKPOINT_PAGES: Final = 1_000
_BEGIN: Final = {kind: f"begin {kind}" for kind in ("deferred", "immediate", "exclusive")}


def open_writer(path: Path) -> sqlite3.Connection:
    """The writing connection, with the file made or migrated. The caller holds the turn."""
    _check_library()
    connection = _connect(file_uri(path, "mode=rwc"))
    try:
        _switch_to_wal(connection, path)
        for setting in (
            "synchronous = full",
            # On macOS an fsync without these stops at the drive's own cache.
            "fullfsync = on",
            "checkpoint_fullfsync = on",
            f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
            "temp_store = memory",
            "cache_size = -16000",
        ):
            connection.execute(f"pragma {setting}")
        begin(connection, "exclusive")
        made = migrate(connection, str(path), APPLICATION_ID)
        connection.execute("commit")
        if made:
            # Into the main file, so that its header alone tells whose it is and how new.
            connection.execute("pragma wal_checkpoint(truncate)")
        # From here on `begin` does the waiting: not everybody who begins may wait.
        connection.execute("pragma busy_timeout = 0")
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that can't write, for a file that the writer has made ready."""
    connection = _connect(file_uri(path, "mode=ro"))
    connection.execute("pragma query_only = on")
    return connection


def open_private() -> sqlite3.Connection:
    """A database in memory that ends with its connection."""
    _check_library()
    connection = _connect("file::memory:")
    connection.execute("begin")
    migrate(connection, "the private database", APPLICATION_ID)
    connection.execute("commit")
    return connection


def begin(
    connection: sqlite3.Connection, kind: str, patience_seconds: float = BUSY_PATIENCE_SECONDS
) -> None:
    """Begin a transaction; while others have the file locked, again and again for 30 s.

    Raises:
        sqlite3.OperationalError: it is still locked, or the file can't be used.
    """
    give_up_at: float | None = None
    while True:
        try:
            connection.execute(_BEGIN[kind])
        except sqlite3.OperationalError as error:
            if give_up_at is None:
                give_up_at = time.monotonic() + patience_seconds
            if not is_busy(error) or time.monotonic() >= give_up_at:
                raise
            time.sleep(0.001)
        else:
            return


def _connect(uri: str) -> sqlite3.Connection:
    # Each connection is used by one thread alone, but may be collected by another.
    connection = sqlite3.connect(
        uri,
        uri=True,
        isolation_level=None,
        timeout=BUSY_TIMEOUT_SECONDS,
        cached_statements=CACHED_STATEMENTS,
        check_same_thread=False,
    )
    # Text that is none, which only a stranger can have written, must not make every claim fail
    # that comes past it. It costs 0.2 us a text.
    connection.text_factory = _text
    return connection


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")


def _check_library() -> None:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise StoreError(
            f"this Python has SQLite {sqlite3.sqlite_version}; sayiir needs "
            f"{'.'.join(map(str, OLDEST_SQLITE))} or later"
        )


def _switch_to_wal(connection: sqlite3.Connection, path: Path) -> None:
    # The switch takes the file for itself for a moment, and SQLite doesn't wait for that.
    give_up_at = time.monotonic() + BUSY_PATIENCE_SECONDS
    while True:
        try:
            (mode,) = connection.execute("pragma journal_mode = wal").fetchone()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > give_up_at:
                raise
            time.sleep(0.001)
            continue
        if mode != "wal":
            raise StoreError(f"{path} can't be put into WAL mode (it stays {mode!r})")
        return
