"""The schema's numbered steps, in ``schema/``, and bringing a database to the newest one.

``@schema_version`` has a row for each step that the schema has had. A row's ``min_reader`` is
the oldest version of this code that may use the schema from then on: a new index doesn't shut
out older code, a new meaning does.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final

import xxhash

from sayiir.clock import SystemClock
from sayiir.errors import SchemaVersionError, StoreError
from sayiir.stores.postgres.driver import connect
from sayiir.stores.postgres.faults import reraise
from sayiir.stores.postgres.templates import Templates

if TYPE_CHECKING:
    from sayiir.stores.postgres.driver import Connection
    from sayiir.stores.postgres.url import PostgresUrl

__all__ = ["Found", "Step", "check", "look", "migrate", "newest_version", "prepared", "steps"]

MIGRATION_SECONDS: Final = 3_600.0
"""So long one statement of a step may take, and the wait for another's migration."""
_MIN_READERS: Final = {1: 1, 2: 1}
"""The oldest version that may read what a step leaves, by the step's version."""
_VERSION_TABLE: Final = """
create table @schema_version (
    version integer primary key,
    name text not null,
    min_reader integer not null,
    checksum text not null,
    applied_at bigint not null
)
"""
_STEPS_HAD: Final = "select version, min_reader, checksum from @schema_version order by version"


@dataclass(frozen=True, slots=True)
class Step:
    """One file of ``schema/``; ``checksum`` is the XXH3-128 of its text."""

    version: int
    name: str
    min_reader: int
    checksum: str
    text: str


@cache
def steps() -> tuple[Step, ...]:
    """All steps, oldest first."""
    folder = resources.files("sayiir.stores.postgres") / "schema"
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".sql")),
        key=lambda file: file.name,
    )
    return tuple(_step(file.name, file.read_text(encoding="utf-8")) for file in files)


def _step(name: str, text: str) -> Step:
    version = int(name.split("_", maxsplit=1)[0])
    checksum = xxhash.xxh3_128_hexdigest(text.encode())
    return Step(version, name, _MIN_READERS[version], checksum, text)


def newest_version() -> int:
    """The newest schema that this code knows."""
    return steps()[-1].version


@dataclass(frozen=True, slots=True)
class Found:
    """What a schema holds.

    Attributes:
        exists: whether there is a schema of that name.
        version: the newest step it has had; 0: it is empty.
        min_reader: the oldest version of this code that may use it.
        checksums: of the steps it has had, by version.
    """

    exists: bool
    version: int = 0
    min_reader: int = 0
    checksums: tuple[tuple[int, str], ...] = ()

    def missing(self) -> list[Step]:
        """The steps it hasn't had."""
        had = dict(self.checksums)
        return [step for step in steps() if step.version not in had]


async def look(connection: Connection, url: PostgresUrl) -> Found:
    """What the schema holds. Writes nothing.

    Raises:
        StoreError: it isn't ours.
        SchemaVersionError: a step that it has had is another one here, or it is too new.
    """
    templates = Templates(url.schema, SystemClock())
    row = await connection.fetchrow(
        "select exists(select from pg_catalog.pg_namespace where nspname = $1), "
        "exists(select from pg_catalog.pg_class c join pg_catalog.pg_namespace n "
        "on n.oid = c.relnamespace where n.nspname = $1), "
        # Ours have both, since they are made in one transaction.
        "(select count(*) from pg_catalog.pg_attribute a join pg_catalog.pg_class c "
        "on c.oid = a.attrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace "
        "where n.nspname = $1 and (c.relname, a.attname) in (('schema_version', 'version'), "
        "('schema_version', 'min_reader'), ('schema_version', 'checksum'), "
        "('work_item', 'spawn_path')))",
        url.schema,
    )
    assert row is not None
    exists, filled, known = row
    if not filled:
        return Found(exists)
    if known != 4:
        raise StoreError(
            f"{url.where}: the schema {url.schema!r} holds another program's tables; it was left "
            "as it was. Name another one with 'schema=' in the URL"
        )
    rows = await connection.fetch(templates.render(_STEPS_HAD))
    found = Found(
        exists=True,
        version=max((each[0] for each in rows), default=0),
        min_reader=max((each[1] for each in rows), default=0),
        checksums=tuple((each[0], each[2]) for each in rows),
    )
    _check_known(found, url)
    return found


def _check_known(found: Found, url: PostgresUrl) -> None:
    if found.min_reader > newest_version():
        raise SchemaVersionError(
            f"{url.where} has the schema version {found.version}, which needs a version of sayiir "
            f"that knows {found.min_reader}; this one knows {newest_version()}. Update sayiir"
        )
    had = dict(found.checksums)
    for step in steps():
        if had.get(step.version, step.checksum) != step.checksum:
            raise SchemaVersionError(
                f"{url.where} was made with another {step.name} than this version of sayiir has "
                f"(checksum {had[step.version]}, not {step.checksum}); use a released version"
            )


async def prepared(url: PostgresUrl) -> Connection:
    """Make sure that the schema can be used; make it where there is none, or an empty one.

    Returns the connection that has looked, to go on with: it is open, and the server has read by
    it what a new one would have to read again.

    Raises:
        SchemaVersionError: it is older, and has to be migrated first; or too new.
        StoreError: it isn't ours, or the user of the URL may not do this.
        StoreUnavailable: the server can't be reached.
    """
    try:
        connection = await connect(url)
        try:
            if not await _is_newest(connection, url):
                await _made(await look(connection, url), url)
        except BaseException:
            connection.terminate()
            raise
    except BaseException as error:
        reraise(error, url.where)
    return connection


async def _is_newest(connection: Connection, url: PostgresUrl) -> bool:
    """Whether the schema has had the steps of this version and no others: one short statement.

    Whatever else it is, and whatever the server has against the question, ``look`` finds out.
    """
    templates = Templates(url.schema, SystemClock())
    try:
        rows = await connection.fetch(templates.render(_STEPS_HAD))
    except Exception:
        if connection.is_closed():
            raise
        return False
    return [tuple(row) for row in rows] == [
        (step.version, step.min_reader, step.checksum) for step in steps()
    ]


async def _made(found: Found, url: PostgresUrl) -> None:
    if not found.checksums:
        await migrate(url)
    elif found.missing():
        raise SchemaVersionError(
            f"{url.where} has the schema version {found.version}, this sayiir needs "
            f"{newest_version()}; run 'sayiir migrate' (workers of the version before may go on "
            "meanwhile)"
        )


async def check(url: PostgresUrl) -> Found:
    """What the schema holds, on a connection of its own.

    Raises:
        StoreError: as ``look``, or the server refuses.
        StoreUnavailable: the server can't be reached.
    """
    try:
        connection = await connect(url)
        try:
            return await look(connection, url)
        finally:
            connection.terminate()
    except BaseException as error:
        reraise(error, url.where)


async def migrate(url: PostgresUrl) -> int:
    """Bring the schema to the newest version, made where there is none; how many steps that took.

    Any number may do this at once. A step happens wholly or not at all, and a new schema is made
    in one transaction.

    Raises:
        StoreError: the schema isn't ours, or the user of the URL may not do this.
        SchemaVersionError: it is too new, or was made by an unreleased version.
        StoreUnavailable: the server can't be reached.
    """
    try:
        connection = await connect(url, statement_seconds=MIGRATION_SECONDS)
        try:
            done = 0
            while now_done := await _next_steps(connection, url):
                done += now_done
            return done
        finally:
            connection.terminate()
    except BaseException as error:
        reraise(error, url.where)


async def _next_steps(connection: Connection, url: PostgresUrl) -> int:
    await connection.execute("begin isolation level read committed")
    await connection.execute("select pg_advisory_xact_lock($1)", _lock_key(url.schema))
    # Only now: who had the lock before may have done it all.
    found = await look(connection, url)
    templates = Templates(url.schema, SystemClock())
    missing = found.missing()
    if not found.exists:
        await connection.execute(f"create schema {templates.schema}")
    if not found.checksums:
        await connection.execute(templates.render(_VERSION_TABLE))
    else:
        missing = missing[:1]
    for step in missing:
        await connection.execute(templates.render(step.text))
        await connection.execute(
            templates.render("insert into @schema_version values ($1, $2, $3, $4, @now)"),
            *(step.version, step.name, step.min_reader, step.checksum),
        )
    await connection.execute("commit")
    return len(missing)


def _lock_key(schema: str) -> int:
    digest = xxhash.xxh3_64_intdigest(f"sayiir migrates {schema}".encode())
    return digest - 2**63  # as the signed number that PostgreSQL takes
