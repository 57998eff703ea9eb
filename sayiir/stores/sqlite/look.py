"""A look at a file before anything is written to it.

Only SQLite itself opens the file: closing a plain ``open()`` of it would drop the locks that
other connections of this process hold on it (POSIX locks belong to the process).
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from sayiir.errors import SchemaVersionError, StoreError
from sayiir.stores.sqlite.faults import translated
from sayiir.stores.sqlite.migrations import newest_version

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["APPLICATION_ID", "file_uri", "look_at"]

APPLICATION_ID: Final = 0x5361_7969
"""``Sayi``: what the file's header says of whose it is."""

CHECKED_WHOLE_BYTES: Final = 8 * 1024 * 1024
"""Files up to this size are checked page by page, which takes some milliseconds at most.

Of larger ones SQLite itself checks header, length and schema here, and each page when it reads
it.
"""


def file_uri(path: Path, query: str) -> str:
    """The file as SQLite's URI with these parameters."""
    return f"file:{quote(str(path))}?{query}"


def look_at(path: Path) -> None:
    """Refuse what isn't ours, what is damaged, and what is too new; change nothing.

    A file that doesn't exist or is empty is fine: it will be made.

    Raises:
        StoreError: a directory, no database, another program's database, or a damaged one.
        SchemaVersionError: made by a version whose format this one can't use.
    """
    if path.is_dir():
        raise StoreError(f"{path} is a directory; name a file in it")
    if not path.parent.is_dir():
        raise StoreError(f"there is no directory {path.parent} to keep {path.name} in")
    if not path.exists() or path.stat().st_size == 0:
        return
    log = path.with_name(path.name + "-wal")
    try:
        if log.exists():
            _look_at(path, "mode=ro&immutable=1", whole=False)
            _look_at(path, "mode=ro", whole=True)
        else:
            _look_at(path, "mode=ro&immutable=1", whole=True)
    except sqlite3.Error as error:
        raise translated(error, str(path)) from error


def _look_at(path: Path, mode: str, *, whole: bool) -> None:
    """Judge the database as this mode shows it.

    ``immutable`` shows the main file alone, and keeps SQLite from making or touching the files
    beside it. Where there is a WAL file somebody has the database open, or was killed, and the
    main file is only good for its header.
    """
    with closing(
        sqlite3.connect(file_uri(path, mode), uri=True, timeout=30, isolation_level=None)
    ) as connection:
        owner = _one(connection, "pragma application_id")
        objects = _one(connection, "select count(*) from sqlite_master")
        # The schema and the application id are written in one transaction, so that a file with
        # the one but not the other isn't ours.
        if owner != APPLICATION_ID and (owner != 0 or objects != 0):
            raise StoreError(
                f"{path} is another program's database (application id {owner}); nothing was "
                "written to it"
            )
        if owner == APPLICATION_ID:
            _check_format(path, connection)
        if whole:
            _check_pages(path, connection)


def _check_format(path: Path, connection: sqlite3.Connection) -> None:
    """``user_version`` is the oldest format that a reader must know (``min_reader``)."""
    needed = _one(connection, "pragma user_version")
    if needed > newest_version():
        raise SchemaVersionError(
            f"{path} needs a reader of format {needed}, and this version of sayiir knows "
            f"{newest_version()}; upgrade sayiir, the file was left as it was"
        )


def _check_pages(path: Path, connection: sqlite3.Connection) -> None:
    if path.stat().st_size <= CHECKED_WHOLE_BYTES:
        (verdict,) = connection.execute("pragma quick_check(1)").fetchone()
        if verdict != "ok":
            raise StoreError(f"{path} is damaged ({verdict}); restore it from a copy")


def _one(connection: sqlite3.Connection, statement: str) -> int:
    (value,) = connection.execute(statement).fetchone()
    return int(value)
