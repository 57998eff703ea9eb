"""The driver's errors in the words of the store."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import ssl
from typing import Final, NoReturn

import asyncpg

from sayiir.errors import StoreError, StoreUnavailable

__all__ = ["Conflict", "is_answer", "is_refused", "reraise", "translated"]

_CONFLICTS: Final = ("40001", "40P01")
_POOLED: Final = (
    ". A pooler that gives each transaction another session? Write 'prepared=off' in the URL"
)
_ADVICE: Final = {
    "53100": ". The server's disk is full; make space and call again",
    "53200": ". The server is out of memory",
    "53300": ". Lower 'pool=' in the URLs of whoever connects, raise max_connections on the "
    "server, or put a pooler between",
    "28000": ". The server refuses this user; check the URL and pg_hba.conf",
    "28P01": ". Check user and password in the URL",
    "3D000": ". Create the database, or name another one in the URL",
    "42501": ". Grant the user of the URL the rights on the schema, or let it own the schema",
    "25006": ". The server is read-only: a replica? Name the primary, or add "
    "'target_session_attrs=read-write' to the URL",
    # Of a statement that another session has prepared.
    "26000": _POOLED,
    "42P05": _POOLED,
}
# Connection, resources, operator's doing, and what a restarting or switched server answers.
_OUTAGES: Final = ("08", "53", "57", "58", "25006", "55P03")
_DENIED: Final = ("28", "3D", "42501")
_TIMED_OUT: Final = (
    "the server gave no answer in time; what was asked may still be written. It may be overloaded, "
    "hang, or be cut off"
)


class Conflict(StoreUnavailable):
    """A deadlock, or another transaction came between: nothing happened, it can be tried again."""


def translated(error: BaseException, where: str) -> BaseException:
    """The store's error for one of the driver's, which becomes its cause; others as they are.

    ``where`` is the database, for the message.
    """
    if isinstance(error, StoreError):
        return error
    problem = _problem(error, where)
    if problem is None:
        return error
    problem.__cause__ = error
    return problem


def reraise(error: BaseException, where: str) -> NoReturn:
    """Raise the store's error for one of the driver's, or the error itself. Where it was caught."""
    problem = translated(error, where)
    if problem is error:
        raise error
    raise problem from error


def is_answer(error: BaseException) -> bool:
    """Whether the server has answered with an error, and waits for the next statement."""
    return isinstance(error, asyncpg.PostgresError) and not isinstance(
        error, asyncpg.PostgresConnectionError
    )


def is_refused(error: BaseException) -> bool:
    """Whether the server takes no more connections at the moment, or has hung up at once.

    It does the latter where its refusal and our greeting meet.
    """
    return isinstance(error, asyncpg.TooManyConnectionsError | asyncpg.ConnectionDoesNotExistError)


def _problem(error: BaseException, where: str) -> StoreError | None:
    match error:
        case asyncpg.ProtocolViolationError() if "startup parameter" in str(error):
            return StoreError(f"{where}: {_text(error)}{_POOLED}")
        case asyncpg.PostgresConnectionError():  # the driver's own, too
            return StoreUnavailable(f"{where}: the connection broke ({_text(error)})")
        case asyncpg.PostgresError():
            return _answered(error, where)
        case asyncpg.InternalClientError() | asyncpg.InterfaceError():
            if "connection is closed" in str(error) or "released" in str(error):
                return StoreUnavailable(f"{where}: the connection is closed ({_text(error)})")
            return StoreError(f"{where}: {_text(error)}")
        case TimeoutError():
            return StoreUnavailable(f"{where}: {_TIMED_OUT}")
        case ssl.SSLError():
            return StoreUnavailable(
                f"{where}: no encrypted connection ({_text(error)}); check sslmode and the "
                "certificates"
            )
        case OSError() | EOFError():
            return StoreUnavailable(
                f"{where} can't be reached ({_text(error)}); check that the server runs, and the "
                "host and port in the URL"
            )
        case _:
            return None


def _answered(error: asyncpg.PostgresError, where: str) -> StoreError:
    state: str = getattr(error, "sqlstate", None) or ""
    text = f"{where}: {type(error).__name__} ({state}): {_text(error)}{_ADVICE.get(state, '')}"
    if state in _CONFLICTS:
        return Conflict(text)
    if state.startswith(_OUTAGES):
        return StoreUnavailable(text)
    if state.startswith(_DENIED):
        return StoreUnavailable(text)
    return StoreError(text)


def _text(error: BaseException) -> str:
    if _ADVICE.get(getattr(error, "sqlstate", None) or "") is _POOLED:
        return str(error).partition("\n")[0]  # the driver's advice is for those who call it
    return str(error) or type(error).__name__
