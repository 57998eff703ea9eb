"""Loading for several runs at once, and sweeps that meet."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sayiir.stores.inspection import Retention
from sayiir.stores.postgres import migrations
from sayiir.stores.postgres.database import Database
from sayiir.stores.postgres.load import load
from sayiir.stores.postgres.retention import delete_finished, remove_ended
from sayiir.stores.postgres.url import parse_url
from sayiir.stores.records import ArmEnd, ItemKey, Latest, Loaded, Wanted
from sayiir.testing import MovedClock
from tests.postgres.filling import fill

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

NOW_US = 1_767_225_600_000_000
ROWS = (
    "insert into @task_result "
    "(run, path, node_path, ordinal, attempts, duration, finished_at, output) "
    "select run, path, node_path, ordinal, 1, 1, 1, convert_to(run || ' ' || path, 'utf8') "
    "from generate_series(1, 3) run, (values ('a', 'a', ''::bytea), "
    "('l[9]/b', 'l/b', '\\x00000009'), ('l[10]/b', 'l/b', '\\x0000000a'), "
    "('l[10]/x[k]/c', 'l/x[k]/c', '\\x0000000a'), ('m', 'm', '\\x')) "
    "as each (path, node_path, ordinal) where run < 3",
    "insert into @instance_input (run, body) values (1, 'input 1'), (2, '')",
    "insert into @element (run, spawn_path, idx, body) "
    "values (1, 'm', 0, 'e0'), (1, 'm', 7, 'e7'), (2, 'm', 0, '')",
    "insert into @event (run, signal_name, address, payload, sent_at) "
    "select run, 'go', '', convert_to('event of ' || run, 'utf8'), 1 "
    "from generate_series(1, 2) run",
    "insert into @work_item (run, spawn_path, idx, queue, path, input, prio, own_prio, phase, "
    "ready_at, output, error) "
    "select run, spawn_path, idx, 1, '', '', 3, 3, phase, 1, output, error "
    "from generate_series(1, 2) run, (values ('m', 2, 6, 'two', null::bytea), "
    "('m', 0, 6, null, 'bad'), ('m', 1, 0, null, null), ('n', 0, 3, null, null)) "
    "as each (spawn_path, idx, phase, output, error)",
)


class Counted:
    """A database that counts the statements it is asked."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.statements = 0

    async def fetch(self, template: str, *values: object) -> list[Any]:
        self.statements += 1
        return list(await self.database.fetch(template, *values))

    async def fetchrow(self, template: str, *values: object) -> Any:
        self.statements += 1
        return await self.database.fetchrow(template, *values)


def with_database(url: str, verb: Callable[[Database], Awaitable[None]]) -> None:
    async def main() -> None:
        (await migrations.prepared(parse_url(url))).terminate()
        database = Database(parse_url(url), MovedClock(NOW_US))
        try:
            await verb(database)
        finally:
            await database.close()

    asyncio.run(main())


# -- loads


def test_a_load_is_one_statement(postgres_url: str) -> None:
    """Whatever is asked of however many runs; what isn't there is left out."""
    last, in_nine = Latest(("l/b",)), Latest(("l/b",), b"\0\0\0\x09")
    either, nothing = Latest(("l/b", "l/x[k]/c")), Latest(("l/b",), b"\xff")
    plain = Latest(("a", "none"))

    async def verb(database: Database) -> None:
        for statement in ROWS:
            await database.execute(statement)
        counted = Counted(database)
        one, two, three, empty = await load(
            counted,
            [
                Wanted(
                    run=1,
                    results=("a", "none", "l[9]/b", "a"),
                    latest=(last, in_nine, either, nothing, plain),
                    joins=("m", "n", "none"),
                    elements=(ItemKey("m", 7), ItemKey("m", 0), ItemKey("m", 8)),
                    events=(1, 2, 99),
                    input=True,
                ),
                Wanted(run=2, results=("m",), elements=(ItemKey("m", 0),), input=True),
                Wanted(run=3, results=("a",), latest=(last,), joins=("m",), input=True),
                Wanted(run=1),
            ],
        )
        assert counted.statements == 1
        assert one.results == {"a": b"1 a", "l[9]/b": b"1 l[9]/b"}
        assert type(one.results["a"]) is bytes
        assert one.latest == {
            last: ("l[10]/b", b"1 l[10]/b"),
            in_nine: ("l[9]/b", b"1 l[9]/b"),
            either: ("l[10]/x[k]/c", b"1 l[10]/x[k]/c"),
            plain: ("a", b"1 a"),
        }
        assert one.joins == {"m": (ArmEnd(0, None, b"bad"), ArmEnd(2, "two", None)), "n": ()}
        assert one.elements == {ItemKey("m", 7): b"e7", ItemKey("m", 0): b"e0"}
        assert (one.events, one.input) == ({1: b"event of 1"}, b"input 1")
        assert (two.results, two.elements) == ({"m": b"2 m"}, {ItemKey("m", 0): b""})
        assert (two.input, two.joins, two.latest) == (b"", {}, {})
        for none in (three, empty):
            assert none == Loaded()

    with_database(postgres_url, verb)


def test_a_load_of_one_result_or_of_nothing(postgres_url: str) -> None:
    async def verb(database: Database) -> None:
        await database.execute(ROWS[0])
        counted = Counted(database)
        assert await load(counted, []) == []
        [nothing] = await load(counted, [Wanted(run=1)])
        assert (nothing.results, counted.statements) == ({}, 0)
        [found] = await load(counted, [Wanted(run=1, results=("m",))])
        assert (found.results, counted.statements) == ({"m": b"1 m"}, 1)
        [missing] = await load(counted, [Wanted(run=9, results=("m",))])
        assert (missing.results, counted.statements) == ({}, 2)

    with_database(postgres_url, verb)


# -- sweeps


async def _left(database: Database) -> int:
    tables = ("work_item", "task_result", "label", "instance_input", "event")
    for table in tables:
        found = await database.fetchrow(
            f"select count(*) from @{table} where run not in (select run from @instance)"
        )
        assert found is not None
        assert found[0] == 0, f"rows of removed runs in {table}"
    found = await database.fetchrow("select count(*) from @instance where state <> 0")
    assert found is not None
    return int(found[0])


async def _removed(database: Database, of: int) -> list[int]:
    rows = await database.fetch("select run from @instance")
    return sorted(set(range(1, of + 1)) - {row["run"] for row in rows})


@pytest.mark.parametrize("sweepers", [2, 6])
def test_sweeps_that_meet_remove_everything_once(
    postgres_url: str, sweepers: int, report_figure: Callable[[str], None]
) -> None:
    """Each instance is counted by one of them, none waits for another, and none is left."""

    async def sweep(database: Database) -> int:
        removed = 0
        while count := await delete_finished(database, Retention(older_than_us=0, limit=50)):
            removed += count
        return removed

    async def verb(database: Database) -> None:
        await fill(database, 2_000, NOW_US)
        removed = await asyncio.gather(*(sweep(database) for _ in range(sweepers)))
        assert sum(removed) == 600
        assert await _left(database) == 0
        report_figure(f"removed by {sweepers} sweeps at once: {sorted(removed)}")

    with_database(postgres_url, verb)


def test_a_sweep_passes_over_what_others_hold(postgres_url: str) -> None:
    """And over what has been retried since; it takes what follows instead."""

    async def verb(database: Database) -> None:
        await fill(database, 100, NOW_US)
        # The higher the number the longer ended; of each ten, 0, 1 and 2 have ended.
        async with database.transaction() as session:
            await session.fetch(
                "select from @work_item where run in (92, 91) and spawn_path = '' for update"
            )
            assert await delete_finished(database, Retention(older_than_us=0, limit=3)) == 3
        assert await _removed(database, 100) == [82, 90, 100]
        assert await delete_finished(database, Retention(older_than_us=0, limit=3)) == 3
        assert await _removed(database, 100) == [81, 82, 90, 91, 92, 100]
        assert await _left(database) == 24

    with_database(postgres_url, verb)


def test_a_run_that_is_retried_meanwhile_stays(postgres_url: str) -> None:
    """Whoever deletes looks again once it holds the root."""

    async def verb(database: Database) -> None:
        await fill(database, 20, NOW_US)
        await database.execute("update @instance set state = 0, finished_at = null where run = 11")
        async with database.transaction() as session:
            assert await remove_ended(session, [11, 12, 999], NOW_US, [1, 2, 3]) == 1
            assert session.changed == {12}
        rows = await database.fetch("select run from @work_item where run in (11, 12)")
        assert [row["run"] for row in rows] == [11]

    with_database(postgres_url, verb)
