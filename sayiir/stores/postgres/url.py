"""The store's URL: PostgreSQL's own, as libpq knows it, and three options of ours."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

__all__ = ["DEFAULT_POOL", "DEFAULT_SCHEMA", "PostgresUrl", "parse_url"]

DEFAULT_SCHEMA: Final = "sayiir"
DEFAULT_POOL: Final = 8
MAX_POOL: Final = 100

_SCHEMES: Final = ("postgresql", "postgres")
_SCHEMA: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_OWN: Final = ("schema", "prepared", "pool")
_DRIVERS: Final = (
    *("host", "port", "user", "password", "dbname", "passfile", "application_name"),
    *("sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword"),
    *("ssl_min_protocol_version", "ssl_max_protocol_version", "target_session_attrs"),
)


@dataclass(frozen=True, slots=True)
class PostgresUrl:
    """What a URL says. Its ``repr`` and ``where`` hold no password.

    Attributes:
        dsn: for the driver, password and all.
        schema: which schema the tables live in.
        prepared: whether statements are prepared on the server and kept.
        pool: at most so many connections for each event loop.
        where: the database and the schema, for messages.
    """

    dsn: str = field(repr=False)
    schema: str
    prepared: bool
    pool: int
    where: str


def parse_url(url: str) -> PostgresUrl:
    """Take a URL apart.

    Raises:
        ValueError: an option is unknown or has no such value. Passwords aren't in the message.

    >>> found = parse_url("postgresql://ada:secret@db/orders?schema=shop&pool=4")
    >>> found.schema, found.pool, found.prepared
    ('shop', 4, True)
    >>> found.where
    'postgresql://ada@db/orders?schema=shop'
    """
    try:
        parts = urlsplit(url)
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        # From None, and without the URL: both hold the password.
        raise ValueError(
            "the PostgreSQL URL can't be read; write '@', ':', '/', '?' and '#' in a user's name "
            "or password as %40, %3A, %2F, %3F and %23"
        ) from None
    scheme = parts.scheme.lower()
    if scheme not in _SCHEMES:
        raise ValueError(f"{scheme!r} is no scheme of PostgreSQL; write 'postgresql://'")
    user, host = _shown(parts.netloc)
    shown = f"postgresql://{user}{host}{parts.path}"
    if parts.fragment:
        raise ValueError(f"{shown}: a PostgreSQL URL has no '#'; in a password write it as %23")
    names = [name for name, _ in options]
    for name in names:
        if name not in _OWN + _DRIVERS:
            known = ", ".join(_OWN + _DRIVERS)
            raise ValueError(
                f"{shown}: {name!r} is no option of a PostgreSQL URL; known are {known}"
            )
        if names.count(name) > 1:
            raise ValueError(f"{shown}: the option {name!r} is given twice")
    own = dict(options)
    for_driver = [(name, value) for name, value in options if name not in _OWN]
    query = f"?{urlencode(for_driver, quote_via=quote)}" if for_driver else ""
    schema = _schema(own.get("schema"), shown)
    return PostgresUrl(
        dsn=f"postgresql://{parts.netloc}{parts.path}{query}",
        schema=schema,
        prepared=_switch(own.get("prepared"), shown),
        pool=_count(own.get("pool"), shown),
        where=f"{shown}?{_where(own)}schema={schema}",
    )


def _shown(netloc: str) -> tuple[str, str]:
    """The user and the host as messages show them."""
    user, at, host = netloc.rpartition("@")
    return (f"{user.partition(':')[0]}@" if at else ""), host


def _where(options: dict[str, str]) -> str:
    """The host of a socket, which stands in no other place."""
    return f"host={options['host']}&" if "host" in options else ""


def _schema(given: str | None, shown: str) -> str:
    if given is None:
        return DEFAULT_SCHEMA
    if _SCHEMA.fullmatch(given) is None or given.lower().startswith("pg_"):
        raise ValueError(
            f"{shown}: schema={given!r} is no name of a schema; it is 1 to 63 letters, digits and "
            "underscores, doesn't begin with a digit nor with 'pg_'"
        )
    return given


def _switch(given: str | None, shown: str) -> bool:
    if given not in {None, "on", "off"}:
        raise ValueError(f"{shown}: prepared={given!r} is neither 'on' nor 'off'")
    return given != "off"


def _count(given: str | None, shown: str) -> int:
    if given is None:
        return DEFAULT_POOL
    if not (given.isascii() and given.isdigit() and 1 <= int(given[:9]) <= MAX_POOL):
        raise ValueError(
            f"{shown}: pool={given!r} is no number of connections; write 1 to {MAX_POOL}"
        )
    return int(given)
