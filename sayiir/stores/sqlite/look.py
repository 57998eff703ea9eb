"""Looks at a file before anything is written to it.

Only SQLite itself opens the file: closing a plain ``open()`` of it would drop the locks that
other connections of this process hold on it (POSIX locks belong to the process).

There are two looks. The first reads the header alone, and makes no file beside the database, so
that what isn't ours gets no company. Between two pages of a checkpoint the main file is no
database by itself, and only the WAL file beside it makes it whole: whatever needs more than the
header is asked by the second look, under the turn and through SQLite's own locks, of the
database as it really stands.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from sayiir.errors import SchemaVersionError, StoreError
from sayiir.stores.sqlite.faults import is_corrupt, translated
from sayiir.stores.sqlite.migrations import check_steps, newest_version

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["APPLICATION_ID", "beside", "file_uri", "look_at", "look_inside"]

APPLICATION_ID: Final = 0x5361_7969
"""``Sayi``: what the file's header says of whose it is."""

CHECKED_WHOLE_BYTES: Final = 8 * 1024 * 1024
"""Files up to this size are checked page by page, which takes some milliseconds at most.

Of larger ones SQLite itself checks header, length and schema here, and each page when it reads
it.
"""

HEADER_ALONE: Final = "mode=ro&immutable=1"
"""Shows the main file alone, and keeps SQLite from making or touching the files beside it."""


def file_uri(path: Path, query: str) -> str:
    """The file as SQLite's URI with these parameters."""
    return f"file:{quote(str(path))}?{query}"


def beside(path: Path, ending: str) -> Path:
    """The file or folder beside the database whose name ends so."""
    return path.with_name(path.name + ending)


def look_at(path: Path) -> None:
    """Refuse what by its header isn't ours or is too new; change nothing, make no file.

    A file that doesn't exist or is empty is fine: it will be made.

    Raises:
        StoreError: no regular file, no database, or another program's.
        SchemaVersionError: made by a version whose format this one can't use.
    """
    _check_place(path)
    if not path.exists() or path.stat().st_size == 0:
        return
    # Before the first byte of a database of ours there is the folder with its locks.
    try:
        with closing(_connect(path, HEADER_ALONE)) as connection:
            owner = _check_header(path, connection)
    except sqlite3.DatabaseError as error:
        if _may_be_halfway(path, error):
            return
        raise translated(error, str(path)) from error
    if owner == APPLICATION_ID or beside(path, "-holders").exists():
        return
    mode = "mode=ro" if beside(path, "-wal").exists() else HEADER_ALONE
    try:
        with closing(_connect(path, mode)) as connection:
            _check_owner(path, connection)
    except sqlite3.Error as error:
        raise translated(error, str(path)) from error


def _may_be_halfway(path: Path, error: sqlite3.Error) -> bool:
    """Whether what is wrong with the header may be mended by the files beside it.

    Only the second look can tell. Between two pages of a checkpoint the header may count more
    pages than there are; an undone transaction may have made the file without a first page.
    """
    ours = beside(path, "-holders").exists()
    if beside(path, "-journal").exists():
        return ours
    return is_corrupt(error) and (ours or beside(path, "-wal").exists())


def look_inside(path: Path) -> None:
    """Refuse what isn't ours, what is too new, and what is damaged. The caller holds the turn.

    The WAL file is read with the main file, and a connection that can't write leaves both as
    they are when it is closed. Only a transaction that its process didn't live to end is undone
    first, as any reader of the file would: our own can leave one while a file is made.

    Raises:
        StoreError: another program's database, or a damaged one.
        SchemaVersionError: made by a version whose format this one can't use.
    """
    if not path.exists() or path.stat().st_size == 0:
        return
    mode = "mode=rw" if beside(path, "-journal").exists() else "mode=ro"
    try:
        with closing(_connect(path, mode)) as connection:
            connection.execute("begin")
            _check_header(path, connection)
            if _check_owner(path, connection):
                check_steps(connection, str(path))
            _check_pages(path, connection)
    except sqlite3.Error as error:
        raise translated(error, str(path)) from error


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(file_uri(path, mode), uri=True, timeout=30, isolation_level=None)


def _check_place(path: Path) -> None:
    if path.is_dir():
        raise StoreError(f"{path} is a directory; name a file in it")
    if not path.parent.is_dir():
        home = " ('~' is not expanded in a URL)" if "~" in path.parts else ""
        raise StoreError(f"there is no directory {path.parent} to keep {path.name} in{home}")
    if path.exists() and not path.is_file():
        raise StoreError(f"{path} is a device or a pipe, not a file; name a regular file")


def _check_header(path: Path, connection: sqlite3.Connection) -> int:
    """The application id, which may still be 0. Reads the first page alone."""
    owner = _one(connection, "pragma application_id")
    if owner not in (0, APPLICATION_ID):
        raise _foreign(path, owner)
    if owner == APPLICATION_ID:
        # ``user_version`` is the oldest format that a reader must know (``min_reader``).
        needed = _one(connection, "pragma user_version")
        if needed > newest_version():
            raise SchemaVersionError(
                f"{path} needs a reader of format {needed}, and this version of sayiir knows "
                f"{newest_version()}; upgrade sayiir, the file was left as it was"
            )
    return owner


def _check_owner(path: Path, connection: sqlite3.Connection) -> bool:
    """Whether it is ours, or only empty.

    The schema and the application id are written in one transaction, so that a file with the
    one but not the other isn't ours.
    """
    owner = _one(connection, "pragma application_id")
    if owner == 0 and _one(connection, "select count(*) from sqlite_master") != 0:
        raise _foreign(path, owner)
    return owner == APPLICATION_ID


def _foreign(path: Path, owner: int) -> StoreError:
    return StoreError(
        f"{path} is another program's database (application id {owner}); nothing was written to "
        "it. Name another file"
    )


def _check_pages(path: Path, connection: sqlite3.Connection) -> None:
    if path.stat().st_size <= CHECKED_WHOLE_BYTES:
        (verdict,) = connection.execute("pragma quick_check(1)").fetchone()
        if verdict != "ok":
            raise StoreError(f"{path} is damaged ({verdict}); restore it from a copy")


def _one(connection: sqlite3.Connection, statement: str) -> int:
    (value,) = connection.execute(statement).fetchone()
    return int(value)
