"""What there is to say of a server and its schema, for people who look after them."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sayiir.stores.postgres.driver import Connection, connect
from sayiir.stores.postgres.faults import reraise
from sayiir.stores.postgres.migrations import look, newest_version
from sayiir.stores.postgres.url import PostgresUrl, parse_url

__all__ = ["Facts", "facts"]


@dataclass(frozen=True, slots=True)
class Facts:
    """A server and a schema, as found.

    Attributes:
        where: the database and the schema; no password.
        server_version: as the server tells it.
        encoding: the database's; anything but UTF8 can't hold every name.
        read_only: whether it is a replica or takes no writes for another reason.
        schema_version: the newest step that the schema has had; 0: there are no tables.
        newest_version: the newest step that this version of sayiir has.
        pending: the names of the steps that 'sayiir migrate' would take.
        clock_difference_ms: the server's clock less this machine's; harmless, since only the
            server's counts, but it shows in logs.
        round_trip_ms: the quickest of a few statements that do nothing.
        connections_left: how many more the server takes.
        durable: whether a commit is on disk when it is answered (``fsync`` and
            ``synchronous_commit``).
    """

    where: str
    server_version: str
    encoding: str
    read_only: bool
    schema_version: int
    newest_version: int
    pending: tuple[str, ...]
    clock_difference_ms: float
    round_trip_ms: float
    connections_left: int
    durable: bool


async def facts(url: str) -> Facts:
    """Look at a server and a schema. Writes nothing.

    Raises:
        ValueError: the URL is wrong.
        StoreError: the schema isn't ours, or is too new.
        StoreUnavailable: the server can't be reached, or refuses.
    """
    parsed = parse_url(url)
    try:
        connection = await connect(parsed)
        try:
            return await _found(connection, parsed)
        finally:
            connection.terminate()
    except BaseException as error:
        reraise(error, parsed.where)


async def _found(connection: Connection, url: PostgresUrl) -> Facts:
    found = await look(connection, url)
    difference_ms, round_trip_ms = await _clocks(connection)
    row = await connection.fetchrow(
        "select current_setting('server_version') as version, "
        "current_setting('server_encoding') as encoding, "
        "pg_is_in_recovery() or current_setting('default_transaction_read_only') = 'on' "
        "as read_only, "
        "current_setting('max_connections')::int - (select count(*)::int from pg_stat_activity "
        "where backend_type = 'client backend') as left, "
        "current_setting('fsync') = 'on' and current_setting('synchronous_commit') <> 'off' "
        "as durable"
    )
    assert row is not None
    return Facts(
        where=url.where,
        server_version=row["version"],
        encoding=row["encoding"],
        read_only=row["read_only"],
        schema_version=found.version,
        newest_version=newest_version(),
        pending=tuple(step.name for step in found.missing()),
        clock_difference_ms=difference_ms,
        round_trip_ms=round_trip_ms,
        connections_left=row["left"],
        durable=row["durable"],
    )


async def _clocks(connection: Connection) -> tuple[float, float]:
    """The difference and the round trip, by the quickest of five answers."""
    answers: list[tuple[float, float]] = []
    for _ in range(5):
        before = time.time()
        row = await connection.fetchrow("select extract(epoch from clock_timestamp())::float8")
        after = time.time()
        assert row is not None
        answers.append((after - before, row[0] - (before + after) / 2))
    round_trip, difference = min(answers)
    return difference * 1e3, round_trip * 1e3
