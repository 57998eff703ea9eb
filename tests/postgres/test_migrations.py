"""The schema is made once, brought up whole or not at all, and left alone if it isn't ours."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from sayiir.errors import SchemaVersionError, StoreError
from sayiir.stores.postgres import migrations
from sayiir.stores.postgres.facts import facts
from sayiir.stores.postgres.url import parse_url

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
MORE = ("alter table @label add column extra bigint", "create index more on @label (extra)")

MIGRATOR = """
import asyncio, sys
from sayiir.stores.postgres import migrations
from sayiir.stores.postgres.url import parse_url
from tests.postgres.test_migrations import with_more_steps
migrations.steps = with_more_steps(migrations.steps())
sys.stdin.readline()
asyncio.run(migrations.migrate(parse_url(sys.argv[1])))
"""


def with_more_steps(
    steps: tuple[migrations.Step, ...],
) -> Callable[[], tuple[migrations.Step, ...]]:
    """Two more of them, so that there is something to be killed between."""
    last = steps[-1]
    more = [
        migrations.Step(last.version + number, f"more_{number}.sql", 1, f"checksum {number}", text)
        for number, text in enumerate(MORE, 1)
    ]
    return lambda: (*steps, *more)


async def query(url: str, statement: str, *values: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(parse_url(url).dsn)
    try:
        return list(await connection.fetch(statement, *values))
    finally:
        await connection.close()


def schema_of(url: str) -> list[tuple[object, ...]]:
    """Everything that the catalogue says of the schema, and its versions."""
    name = parse_url(url).schema
    rows = asyncio.run(
        query(
            url,
            "select table_name, column_name, data_type, is_nullable, column_default, "
            "ordinal_position "
            "from information_schema.columns where table_schema = $1 order by 1, 6",
            name,
        )
    )
    indexes = asyncio.run(
        query(
            url,
            "select tablename, indexname, indexdef from pg_indexes where schemaname = $1 "
            "order by 1, 2",
            name,
        )
    )
    versions = asyncio.run(query(url, f"select version, checksum from {name}.schema_version"))
    return [
        tuple(str(value).replace(name, "schema") for value in row)
        for row in [*rows, *indexes, *sorted(versions)]
    ]


def prepare(url: str) -> None:
    async def prepared() -> None:
        (await migrations.prepared(parse_url(url))).terminate()

    asyncio.run(prepared())


@pytest.fixture
def more_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "steps", with_more_steps(migrations.steps()))


def test_an_empty_database_is_prepared_once(postgres_url: str) -> None:
    prepare(postgres_url)
    before = schema_of(postgres_url)
    prepare(postgres_url)
    assert asyncio.run(migrations.migrate(parse_url(postgres_url))) == 0
    assert schema_of(postgres_url) == before
    assert any(row[0] == "work_item" for row in before)


def test_an_older_schema_is_refused_until_it_is_migrated(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(postgres_url)
    before = schema_of(postgres_url)
    monkeypatch.setattr(migrations, "steps", with_more_steps(migrations.steps()))
    with pytest.raises(SchemaVersionError, match="sayiir migrate"):
        prepare(postgres_url)
    assert schema_of(postgres_url) == before
    assert asyncio.run(facts(postgres_url)).pending == ("more_1.sql", "more_2.sql")
    assert asyncio.run(migrations.migrate(parse_url(postgres_url))) == 2
    prepare(postgres_url)
    monkeypatch.undo()
    prepare(postgres_url)  # newer, and this version may still use it
    assert asyncio.run(facts(postgres_url)).schema_version == migrations.newest_version() + 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("update {0}.schema_version set min_reader = 99", "Update sayiir"),
        ("update {0}.schema_version set checksum = 'x'", "another 0001_tables.sql"),
    ],
)
def test_what_this_version_cant_use_is_refused(postgres_url: str, change: str, said: str) -> None:
    prepare(postgres_url)
    asyncio.run(query(postgres_url, change.format(parse_url(postgres_url).schema)))
    before = schema_of(postgres_url)
    with pytest.raises(SchemaVersionError, match=said):
        prepare(postgres_url)
    with pytest.raises(SchemaVersionError, match=said):
        asyncio.run(migrations.migrate(parse_url(postgres_url)))
    assert schema_of(postgres_url) == before


@pytest.mark.parametrize("table", ["orders (id int)", "schema_version (version int)"])
def test_another_programs_schema_is_left_as_it_was(postgres_url: str, table: str) -> None:
    name = parse_url(postgres_url).schema
    asyncio.run(query(postgres_url, f"create schema {name}"))
    asyncio.run(query(postgres_url, f"create table {name}.{table}"))
    for attempt in (migrations.prepared, migrations.migrate):
        with pytest.raises(StoreError, match="another program's tables"):
            asyncio.run(attempt(parse_url(postgres_url)))  # type: ignore[arg-type]
    tables = asyncio.run(
        query(postgres_url, "select count(*) from pg_tables where schemaname = $1", name)
    )
    assert tables[0][0] == 1


def test_an_ordinary_role_that_owns_the_schema_is_enough(postgres_url: str) -> None:
    """And without rights it is told what to grant."""
    if "//postgres@/postgres?host=" not in postgres_url:
        pytest.skip("makes a role, as only the superuser of the tests' own server may")
    name = parse_url(postgres_url).schema
    role = f"role_{name}"
    asyncio.run(query(postgres_url, f"create role {role} login"))
    try:
        theirs = postgres_url.replace("//postgres@", f"//{role}@")
        with pytest.raises(StoreError, match="Grant"):
            prepare(theirs)
        asyncio.run(query(postgres_url, f"create schema {name} authorization {role}"))
        prepare(theirs)
        assert asyncio.run(facts(theirs)).pending == ()
    finally:
        asyncio.run(query(postgres_url, f"drop owned by {role} cascade"))
        asyncio.run(query(postgres_url, f"drop role {role}"))


def _migrators(url: str, count: int) -> list[subprocess.Popen[bytes]]:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATOR, url],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for count in range(count)
    ]
    for each in started:
        assert each.stdin is not None
        each.stdin.write(b"\n")
        each.stdin.flush()
    return started


@pytest.mark.crash
def test_sixteen_migrators_at_once_killed_anywhere(
    postgres_schemas: Callable[[], str],
    more_steps: None,
    repetitions: Callable[[int, int], int],
    report_figure: Callable[[str], None],
) -> None:
    """Some are killed; the others, or who comes after, end with one version and one schema."""
    wanted = postgres_schemas()
    prepare(wanted)
    expected = schema_of(wanted)
    rounds, randomly = repetitions(3, 20), random.Random(25)
    for _ in range(rounds):
        url = postgres_schemas()
        running = _migrators(url, 16)
        victims = randomly.sample(running, 8)
        for victim in victims:
            # As far as they have come: some before they connect, some in the middle of it.
            try:
                victim.wait(randomly.uniform(0.01, 0.6))
            except subprocess.TimeoutExpired:
                victim.send_signal(signal.SIGKILL)
        for each in running:
            _, said = each.communicate(timeout=60)
            assert each in victims or each.returncode == 0, said.decode()
        prepare(url)
        assert schema_of(url) == expected
    report_figure(f"{rounds} rounds of 16 migrators, 8 of them killed: one version, same schema")


@pytest.mark.crash
def test_killed_at_every_statement_of_every_step(
    postgres_schemas: Callable[[], str],
    more_steps: None,
    monkeypatch: pytest.MonkeyPatch,
    report_figure: Callable[[str], None],
) -> None:
    """The server loses the session before each statement in turn; run again, it ends the same."""
    wanted = postgres_schemas()
    prepare(wanted)
    expected = schema_of(wanted)
    real, point = migrations.connect, 0
    while True:
        url, point = postgres_schemas(), point + 1
        killer = _Killer(real, point)
        monkeypatch.setattr(migrations, "connect", killer.connect)
        try:
            asyncio.run(migrations.migrate(parse_url(url)))
        except StoreError:
            pass
        else:
            assert not killer.killed
            break
        finally:
            monkeypatch.setattr(migrations, "connect", real)
        prepare(url)
        assert schema_of(url) == expected
    assert point > 7
    report_figure(f"killed before each of {point - 1} statements: the same schema afterwards")


class _Killer:
    """Connections of which the server ends the session before the statement of that number."""

    def __init__(self, real: object, point: int) -> None:
        self._real, self._left = real, point
        self.killed = False

    async def connect(self, url: object, **options: object) -> object:
        self._url = url
        self._connection = await self._real(url, **options)  # type: ignore[operator]
        return self

    async def _before(self) -> None:
        self._left -= 1
        if self._left == 0:
            self.killed = True
            await query(
                self._url.dsn,  # type: ignore[attr-defined]
                "select pg_terminate_backend($1, 5000)",
                self._connection.get_server_pid(),
            )

    async def execute(self, *statement: object) -> object:
        await self._before()
        return await self._connection.execute(*statement)

    async def fetch(self, *statement: object) -> object:
        await self._before()
        return await self._connection.fetch(*statement)

    async def fetchrow(self, *statement: object) -> object:
        await self._before()
        return await self._connection.fetchrow(*statement)

    def terminate(self) -> None:
        self._connection.terminate()
