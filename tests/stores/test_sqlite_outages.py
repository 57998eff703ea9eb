"""Statements that fail in the middle: no thread ends, no change goes unseen, no lock is lost."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from sayiir.errors import StoreError, StoreUnavailable
from sayiir.stores.sqlite import SqliteStore, connection, holders, worker, writer
from tests.stores.sqlite_child import new_instance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class _Failing:
    """A connection whose statements fail where they are told to."""

    def __init__(self, real: sqlite3.Connection, statement: str, error: sqlite3.Error) -> None:
        self._real, self._statement, self._error = real, statement, error
        self.left = 0
        self.failed = 0

    def execute(self, statement: str, *values: object) -> sqlite3.Cursor:
        if self.left and statement == self._statement:
            self.left -= 1
            self.failed += 1
            raise self._error
        return self._real.execute(statement, *values)

    def close(self) -> None:
        self._real.close()

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


def _error(code: int, name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("made up")
    error.sqlite_errorcode, error.sqlite_errorname = code, name
    return error


FAULTS = [
    _error(sqlite3.SQLITE_IOERR, "SQLITE_IOERR"),
    _error(sqlite3.SQLITE_BUSY, "SQLITE_BUSY"),
    _error(sqlite3.SQLITE_CORRUPT, "SQLITE_CORRUPT"),
]


@pytest.mark.parametrize("error", FAULTS, ids=lambda error: str(error.sqlite_errorname))
def test_a_failing_look_for_other_changes_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, error: sqlite3.Error
) -> None:
    """Who waits still hears of another's commit, and the thread takes the next verb."""

    async def main() -> None:
        file = tmp_path / "orders.db"
        store, other = await SqliteStore.open(file), await SqliteStore.open(file)
        real = store._writer.connection
        assert real is not None
        failing: Any = _Failing(real, "pragma data_version", error)
        store._writer.connection = failing
        watch = store.watch()
        while await watch.changed(0.1):
            pass  # what opening did
        failing.left = 3
        while failing.left:
            assert not await watch.changed(0.05)
        await other.create(new_instance("one"))
        assert await watch.changed(10)
        async with asyncio.timeout(10):
            await store.create(new_instance("two"))
        assert failing.failed == 3
        watch.close()
        await store.close()
        await other.close()

    with caplog.at_level(logging.ERROR, "sayiir.stores.sqlite"):
        asyncio.run(main())
    assert len(caplog.records) == 1


@pytest.mark.parametrize("part", ["_reader", "_writer"])
def test_a_failing_rollback_stops_nothing(tmp_path: Path, part: str) -> None:
    """The batch is told or has its results; the next one begins afresh."""

    async def main() -> None:
        store = await SqliteStore.open(tmp_path / "orders.db")
        runs = getattr(store, part)
        name = "_connection" if part == "_reader" else "connection"
        failing = _Failing(getattr(runs, name), "rollback", FAULTS[0])
        setattr(runs, name, failing)
        await store.create(new_instance("one"))
        failing.left = 1
        async with asyncio.timeout(10):
            if part == "_reader":
                assert await store.describe("one") is not None
            else:
                with pytest.raises(StoreError):
                    await store.delete("one")
            assert failing.failed == 1
            await store.create(new_instance("two"))
            assert await store.describe("two") is not None
        await store.close()

    asyncio.run(main())


def test_what_nobody_foresaw_becomes_the_error_of_the_batch() -> None:
    """The thread outlives whatever is raised on it, at work or at rest."""

    class Fragile:
        raises = True

        def open(self) -> None: ...

        def run(self, jobs: Sequence[worker.AnyJob]) -> None:
            if self.raises:
                raise SystemExit("made up")
            for job in jobs:
                job.result = 7

        def told(self) -> None:
            raise RuntimeError("made up")

        def idle(self) -> float | None:
            raise RuntimeError("made up")

        def close(self) -> None: ...

    async def main() -> None:
        fragile = Fragile()
        thread = worker.Worker("fragile", fragile)
        thread.start()
        async with asyncio.timeout(10):
            with pytest.raises(StoreError, match="made up"):
                await thread.submit(lambda _: None)
            fragile.raises = False
            assert await thread.submit(lambda _: None) == 7  # type: ignore[comparison-overlap]
        thread.close()

    asyncio.run(main())


@pytest.mark.parametrize("verb", ["leave", "register"])
def test_a_connection_is_closed_by_whose_turn_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """Also where opening or closing has failed: the close may checkpoint."""
    file = tmp_path / "orders.db"
    in_turn: list[bool] = []

    class Noticed(_Failing):
        def close(self) -> None:
            in_turn.append(_is_locked(tmp_path / "orders.db-holders" / "room.lock"))
            super().close()

    def opened(path: Path) -> object:
        return Noticed(connection.open_writer(path), "", FAULTS[0])

    def fails(*_: object) -> None:
        raise FAULTS[0]

    async def main() -> None:
        monkeypatch.setattr(writer, "open_writer", opened)
        monkeypatch.setattr(holders.Holders, verb, fails)
        if verb == "register":
            with pytest.raises(StoreUnavailable):
                await SqliteStore.open(file)
        else:
            store = await SqliteStore.open(file)
            await store.create(new_instance("one"))
            await store.close()

    asyncio.run(main())
    assert in_turn == [True]


def _is_locked(file: Path) -> bool:
    descriptor = os.open(file, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def test_another_change_is_noticed_though_the_own_commit_fails(tmp_path: Path) -> None:
    """The failed transaction was the first to see it; who waits hears of it at the next look."""

    async def main() -> None:
        file = tmp_path / "orders.db"
        store, other = await SqliteStore.open(file), await SqliteStore.open(file)
        real = store._writer.connection
        assert real is not None
        failing: Any = _Failing(real, "commit", FAULTS[0])
        store._writer.connection = failing
        watch = store.watch()
        while await watch.changed(0.1):
            pass  # what opening did
        await other.create(new_instance("one"))  # nobody waits, so nobody looks
        failing.left = 1
        with pytest.raises(StoreUnavailable):
            await store.create(new_instance("two"))
        assert await watch.changed(5)
        watch.close()
        await store.close()
        await other.close()

    asyncio.run(main())
