"""SQLite's errors in the words of the store, and a log that doesn't flood while one lasts."""

from __future__ import annotations

import errno
import logging
import sqlite3
from typing import Final

from sayiir import outages
from sayiir.errors import StoreError, StoreUnavailable

__all__ = ["OutageLog", "breaks_transaction", "cannot_open", "is_busy", "is_corrupt", "translated"]

LOGGER: Final = logging.getLogger("sayiir.stores.sqlite")

_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_OUTAGE: Final = _BUSY | frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_PROTOCOL,
    }
)
_RIGHTS: Final = (
    ". Even to read from it this user must be allowed to write the file and its folder, where "
    "-wal, -shm and -holders are kept beside it"
)
_ADVICE: Final = {
    sqlite3.SQLITE_FULL: ". The disk is full; make space and call again",
    sqlite3.SQLITE_READONLY: _RIGHTS,
    sqlite3.SQLITE_CANTOPEN: _RIGHTS,
    sqlite3.SQLITE_PERM: _RIGHTS,
}
_CORRUPT: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def _primary_code(error: sqlite3.Error) -> int:
    # Extended codes keep the primary one in their low byte. Errors of the Python module itself
    # have none.
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def is_busy(error: sqlite3.Error) -> bool:
    """Whether somebody else has the file locked at this moment."""
    return _primary_code(error) in _BUSY


def is_corrupt(error: sqlite3.Error) -> bool:
    """Whether pages that should fit each other don't; not: that it is no database at all."""
    return _primary_code(error) == sqlite3.SQLITE_CORRUPT


def breaks_transaction(error: BaseException) -> bool:
    """Whether nothing of the whole transaction can be kept: the disk is full or failing."""
    return isinstance(error, sqlite3.Error) and _primary_code(error) in _OUTAGE | _CORRUPT


def translated(error: sqlite3.Error, where: str) -> StoreError:
    """The store's error for one of SQLite's, which becomes its cause.

    ``where`` is the file, for the message.
    """
    code = _primary_code(error)
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    if code == sqlite3.SQLITE_NOTADB:
        problem: StoreError = StoreError(
            f"{where} is not a database, or its first page is overwritten; nothing was written "
            "to it. Name another file, or restore it from a copy"
        )
    elif code in _CORRUPT:
        problem = StoreError(f"{where} is damaged ({name}: {error}); restore it from a copy")
    elif code in _OUTAGE:
        advice = _ADVICE.get(code, "")
        problem = StoreUnavailable(
            f"{where} can't be used now ({name}: {error}); what was acknowledged is kept, and "
            f"this was not written{advice}"
        )
    else:
        problem = StoreError(f"{where}: {name}: {error}")
    problem.__cause__ = error
    return problem


def cannot_open(where: str, error: OSError) -> StoreUnavailable:
    """The store's error where the operating system refuses a file or a folder."""
    denied = isinstance(error, PermissionError) or error.errno == errno.EROFS
    return StoreUnavailable(f"{where} can't be opened: {error}{_RIGHTS if denied else ''}")


class OutageLog(outages.OutageLog):
    """Logs failed transactions, at most once a minute however many there are."""

    __slots__ = ()

    def __init__(self, where: str) -> None:
        super().__init__(LOGGER, f"{where}: a transaction")
