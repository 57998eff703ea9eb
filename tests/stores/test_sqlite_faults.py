"""Damaged, foreign and newer files; full disks; verbs that fail beside others; closing."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sayiir.errors import InvalidTransition, SchemaVersionError, StoreError, StoreUnavailable
from sayiir.stores.records import Checkpoint, ClaimRequest, Move
from sayiir.stores.sqlite import SqliteStore, worker
from sayiir.stores.sqlite.faults import cannot_open, translated
from sayiir.testing.clock import MovedClock
from tests.stores.sqlite_child import new_instance, result

if TYPE_CHECKING:
    from collections.abc import Callable

CLAIM = ClaimRequest(holder="w", lease_us=60_000_000)


async def _make(file: Path) -> None:
    store = await SqliteStore.open(file)
    for each in range(50):
        await store.create(new_instance(f"i{each}"))
    await store.close()


def _foreign(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("create table mine (x)")


def _foreign_in_wal(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("create table mine (x)")
        connection.commit()


def _newer(file: Path) -> None:
    asyncio.run(_make(file))
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("pragma user_version = 7")


def _other_step(file: Path) -> None:
    asyncio.run(_make(file))
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("update schema_step set checksum = 'x'")


def _text(file: Path) -> None:
    file.write_text("no database at all\n" * 200)


def _torn(file: Path) -> None:
    asyncio.run(_make(file))
    file.write_bytes(file.read_bytes()[:-10_000])


def _scribbled(file: Path) -> None:
    asyncio.run(_make(file))
    whole = bytearray(file.read_bytes())
    whole[8_192:16_384] = bytes(range(256)) * 32
    file.write_bytes(whole)


@pytest.mark.parametrize(
    ("spoil", "said", "kind"),
    [
        (_foreign, "another program's", StoreError),
        (_foreign_in_wal, "another program's", StoreError),
        (_newer, "format 7", SchemaVersionError),
        (_other_step, "another 0001_tables.sql", SchemaVersionError),
        (_text, "not a database", StoreError),
        (_torn, "is damaged", StoreError),
        (_scribbled, "is damaged", StoreError),
    ],
)
def test_a_file_that_cant_be_used_is_left_as_it_was(
    tmp_path: Path, spoil: Callable[[Path], None], said: str, kind: type[StoreError]
) -> None:
    """Byte for byte, with a clear error."""
    file = tmp_path / "orders.db"
    spoil(file)
    before = file.read_bytes()
    with pytest.raises(kind, match=said):
        asyncio.run(SqliteStore.open(file))
    assert file.read_bytes() == before


def test_what_is_no_file_of_ours_is_told_as_what_it_is(tmp_path: Path) -> None:
    """A text file isn't damaged, and a device isn't empty."""
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    for path, said in (
        (text, "is not a database"),
        (Path(os.devnull), "is a device or a pipe"),
        (tmp_path, "is a directory"),
        (tmp_path / "~" / "orders.db", "'~' is not expanded"),
    ):
        with pytest.raises(StoreError, match=said) as refused:
            asyncio.run(SqliteStore.open(path))
        assert "damaged" not in str(refused.value)
    assert text.read_text() == "hello"


def _bounded(uri: str, statement: str) -> None:
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        connection.execute("pragma max_page_count = 50")
        connection.execute(statement)


def test_what_may_not_be_written_says_whose_rights_are_missing(tmp_path: Path) -> None:
    """Rights and space are different remedies; the class is the same."""
    file = tmp_path / "orders.db"
    asyncio.run(_make(file))
    problems: list[sqlite3.Error] = []
    for uri, statement in (
        (f"file:{file}?mode=ro", "delete from instance"),
        (f"file:{tmp_path}/none/x.db?mode=ro", "select 1"),
        (f"file:{file}?mode=rw", "create table t as select zeroblob(2000000)"),
    ):
        with pytest.raises(sqlite3.Error) as failed:
            _bounded(uri, statement)
        problems.append(failed.value)
    told = [translated(each, "orders.db") for each in problems]
    assert {type(each) for each in told} == {StoreUnavailable}
    rights = "this user must be allowed to write the file and its folder"
    assert [rights in str(each) for each in told] == [True, True, False]
    assert "disk is full" in str(told[2])
    denied = cannot_open("orders.db", PermissionError(13, "Permission denied", "orders.db-holders"))
    assert "Permission denied" in str(denied)
    assert rights in str(denied)


def test_a_refused_file_gets_no_company(tmp_path: Path) -> None:
    """Neither lock files nor a WAL appear beside what isn't ours."""
    file = tmp_path / "orders.db"
    _newer(file)
    for beside in tmp_path.glob("orders.db-*"):
        for lock in beside.iterdir():
            lock.unlink()
        beside.rmdir()
    with pytest.raises(SchemaVersionError):
        asyncio.run(SqliteStore.open(file))
    assert [each.name for each in tmp_path.iterdir()] == ["orders.db"]


def test_a_full_disk_stops_nothing_for_good(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever writes is told; what was acknowledged stays; it goes on when there is space."""

    async def main() -> None:
        store = await SqliteStore.open(tmp_path / "orders.db", MovedClock())
        answer = await store.create(new_instance("one"), claim=CLAIM)
        assert answer.claimed is not None
        fence = answer.claimed.fence
        await store._writing(lambda tx: _limit_pages(tx.execute, 200))
        written = refused = 0
        for number in range(400):
            kept = result(f"r{number}")
            step = Checkpoint(fence=fence, effect=Move(f"s{number}", "x" * 4_000), result=kept)
            outcomes = await asyncio.gather(
                store.commit([step]),
                store.send_event("one", "go", b"x" * 8_000),
                return_exceptions=True,
            )
            for outcome in outcomes:
                assert not isinstance(outcome, BaseException) or type(outcome) is StoreUnavailable
            if isinstance(outcomes[0], StoreUnavailable):
                refused += 1
                if refused == 20:
                    break
            else:
                written += 1
        assert written > 3
        assert refused
        assert len(await store.results("one")) == written
        await store._writing(lambda tx: _limit_pages(tx.execute, 1_000_000))
        [answer] = await store.commit([Checkpoint(fence=fence, effect=Move("z", ""))])
        assert answer.accepted
        await store.close()

    with caplog.at_level(logging.ERROR, "sayiir.stores.sqlite"):
        asyncio.run(main())
    assert len(caplog.records) == 1, "one line a minute at most"
    with closing(sqlite3.connect(tmp_path / "orders.db")) as connection:
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]


def _limit_pages(execute: Callable[..., sqlite3.Cursor], pages: int) -> None:
    execute(f"pragma max_page_count = {pages}")


def test_a_verb_that_fails_undoes_nobody_else(tmp_path: Path) -> None:
    """Several verbs become one transaction; each stands for itself."""

    async def main() -> None:
        store = await SqliteStore.open(tmp_path / "orders.db")
        outcomes = await asyncio.gather(
            *(store.create(new_instance(f"i{each}")) for each in range(5)),
            store.delete("i1"),
            store.request_cancel("i2"),
            store.unpause("i3"),
            *(store.send_event(f"i{each}", "go", b"x") for each in range(5)),
            return_exceptions=True,
        )
        failed = [each for each in outcomes if isinstance(each, BaseException)]
        assert {type(each) for each in failed} == {InvalidTransition}
        assert len(failed) == 3  # delete, unpause, the event to the cancelled one
        for each in range(5):
            assert await store.describe(f"i{each}") is not None
        await store.close()

    asyncio.run(main())


def test_a_result_is_written_once(tmp_path: Path) -> None:
    """The second is refused with its whole batch, and others' work in the transaction stays."""

    async def main() -> None:
        store = await SqliteStore.open(tmp_path / "orders.db")
        answer = await store.create(new_instance("one"), claim=CLAIM)
        assert answer.claimed is not None
        fence = answer.claimed.fence
        step = Checkpoint(fence=fence, effect=Move("b", ""), result=result("a"))
        again = Checkpoint(fence=fence, effect=Move("c", ""), result=result("a"))
        outcomes = await asyncio.gather(
            store.commit([step]),
            store.commit([again]),
            store.create(new_instance("two")),
            return_exceptions=True,
        )
        assert isinstance(outcomes[1], StoreError)
        assert await store.describe("two") is not None
        assert [each.path for each in await store.results("one")] == ["a"]
        await store.close()

    asyncio.run(main())


def test_closing_finishes_what_was_given(tmp_path: Path) -> None:
    """Verbs under way when ``close`` is called are done; later ones are refused."""

    async def main() -> None:
        store = await SqliteStore.open(tmp_path / "orders.db")
        under_way = [
            asyncio.ensure_future(store.create(new_instance(f"i{each}"))) for each in range(20)
        ]
        await asyncio.sleep(0)
        await store.close()
        await store.close()
        await asyncio.gather(*under_way)
        with pytest.raises(StoreUnavailable):
            await store.describe("i1")
        again = await SqliteStore.open(tmp_path / "orders.db")
        assert await again.describe("i19") is not None
        await again.close()

    asyncio.run(main())
    names = {each.name for each in tmp_path.iterdir()}
    assert names == {"orders.db", "orders.db-holders"}, "the WAL file went into the database"
    locks = {each.name for each in (tmp_path / "orders.db-holders").iterdir()}
    assert locks == {"door.lock", "room.lock"}


def test_a_cancelled_caller_leaves_nothing_behind(tmp_path: Path) -> None:
    """The verb happens or not; the store goes on."""

    async def main() -> None:
        store = await SqliteStore.open(tmp_path / "orders.db")
        for each in range(30):
            task = asyncio.ensure_future(store.create(new_instance(f"i{each}")))
            await asyncio.sleep(0.0001 * each)
            task.cancel()
        await store.create(new_instance("last"))
        assert await store.describe("last") is not None
        await store.close()

    asyncio.run(main())


def test_nobody_waits_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that isn't let go of is told to the caller, and what he gave up isn't done."""
    monkeypatch.setattr(worker, "ANSWER_SECONDS", 0.2)

    async def main() -> None:
        file = tmp_path / "orders.db"
        store = await SqliteStore.open(file)
        with closing(sqlite3.connect(file, isolation_level=None)) as shell:
            shell.execute("begin immediate")
            stuck = asyncio.ensure_future(store.create(new_instance("one")))
            await asyncio.sleep(0.05)
            queued = asyncio.ensure_future(store.create(new_instance("two")))
            for each in (stuck, queued):
                with pytest.raises(StoreUnavailable, match="no answer"):
                    await each
            shell.execute("rollback")
        monkeypatch.undo()
        await store.create(new_instance("three"))
        assert await store.describe("two") is None
        await store.close()

    asyncio.run(main())


def test_a_lock_from_outside_is_waited_for(tmp_path: Path) -> None:
    """Somebody's shell holds the file: nobody sees 'database is locked'."""

    async def main() -> None:
        file = tmp_path / "orders.db"
        store = await SqliteStore.open(file)
        with closing(sqlite3.connect(file, isolation_level=None)) as shell:
            shell.execute("begin immediate")
            created = asyncio.ensure_future(store.create(new_instance("one")))
            await asyncio.sleep(0.2)
            assert not created.done()
            assert await store.describe("one") is None, "reading waits for no writer"
            shell.execute("rollback")
            assert (await created).existing is None
        await store.close()

    asyncio.run(main())
