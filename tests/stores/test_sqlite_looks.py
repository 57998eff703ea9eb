"""A healthy file is never refused: beside a writer, after kills at any page, on a full disk."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sayiir.errors import StoreError
from sayiir.stores.sqlite import SqliteStore
from tests.stores.sqlite_child import new_instance

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
PAGE_BYTES = 4_096


def _child(verb: str, file: Path, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.stores.sqlite_child", verb, str(file), name],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )


async def _has(file: Path, *names: str) -> None:
    store = await SqliteStore.open(file)
    for name in names:
        assert await store.describe(name) is not None
    await store.close()


@pytest.mark.crash
def test_a_file_opens_while_another_process_writes(tmp_path: Path) -> None:
    """Its checkpoints tear the main file all the time; the WAL beside it makes it whole."""
    file = tmp_path / "orders.db"
    asyncio.run(_has(file))
    child = _child("churn", file, "w")
    assert child.stdout is not None
    child.stdout.readline()
    try:
        for _ in range(200):
            asyncio.run(_has(file))
        assert child.poll() is None
    finally:
        child.kill()
        child.communicate()


def _checkpointed(folder: Path) -> tuple[bytes, bytes, bytes]:
    """The main file before a checkpoint, after it, and the WAL that goes with both."""
    file = folder / "whole.db"

    async def make() -> None:
        store = await SqliteStore.open(file)
        await store.create(new_instance("first"))
        await store.close()

    asyncio.run(make())
    with closing(sqlite3.connect(file, isolation_level=None)) as keeper:
        keeper.execute("pragma journal_mode = wal").fetchall()
        keeper.execute("pragma wal_autocheckpoint = 0").fetchall()
        keeper.execute("select count(*) from instance").fetchall()

        async def fill() -> None:
            store = await SqliteStore.open(file)
            for each in range(12):
                await store.create(replace(new_instance(f"i{each}"), input=bytes(20_000)))
            await store.close()  # the keeper holds the file open, so nothing is checkpointed

        asyncio.run(fill())
        before = file.read_bytes()
        log = file.with_name("whole.db-wal").read_bytes()
        keeper.execute("pragma wal_checkpoint(passive)").fetchall()
        after = file.read_bytes()
    assert len(after) > len(before) > 0
    return before, after, log


def test_a_checkpoint_that_was_killed_at_any_page_is_taken_up(tmp_path: Path) -> None:
    """SQLite writes the pages in their order; after each of them the file opens and is whole."""
    before, after, log = _checkpointed(tmp_path)
    names = ["first", *(f"i{each}" for each in range(12))]
    for page in range(len(after) // PAGE_BYTES + 1):
        cut = page * PAGE_BYTES
        folder = tmp_path / f"torn-{page}"
        folder.mkdir()
        file = folder / "orders.db"
        file.write_bytes(after[:cut] + before[cut:])
        file.with_name("orders.db-wal").write_bytes(log)
        if page % 2:  # copies may come without the folder of locks
            file.with_name("orders.db-holders").mkdir()
        asyncio.run(_has(file, *names))
        shutil.rmtree(folder)


def test_a_torn_file_without_its_wal_is_damaged(tmp_path: Path) -> None:
    """There nothing makes it whole, and it is left as it was."""
    before, after, _ = _checkpointed(tmp_path)
    for page in (1, 3, len(before) // PAGE_BYTES - 1):
        torn = after[: page * PAGE_BYTES] + before[page * PAGE_BYTES :]
        file = tmp_path / f"torn-{page}.db"
        file.write_bytes(torn)
        with pytest.raises(StoreError, match="is damaged"):
            asyncio.run(SqliteStore.open(file))
        assert file.read_bytes() == torn


@pytest.mark.crash
def test_a_first_open_that_is_killed_is_begun_again(tmp_path: Path) -> None:
    """At any moment of it, with whatever files it left."""
    dice = random.Random(3)
    for number in range(12):
        file = tmp_path / f"{number}.db"
        child = _child("only_open", file, "one")
        while not file.exists() and child.poll() is None:
            time.sleep(0.0005)
        time.sleep(dice.random() * 0.03)
        child.kill()
        child.communicate()
        asyncio.run(_has(file))


def _rolled_back(file: Path, made: Path) -> None:
    """The file as a kill leaves it between the first page and the end of its journal."""
    with closing(sqlite3.connect(made, isolation_level=None)) as connection:
        connection.execute("pragma cache_size = 1")
        connection.execute("begin")
        connection.execute("create table growth (body)")
        connection.execute("insert into growth values (zeroblob(400000))")
        shutil.copy(made, file)
        shutil.copy(f"{made}-journal", f"{file}-journal")


def test_the_steps_of_a_first_open_are_taken_up(tmp_path: Path) -> None:
    """An empty file, an undone first page, and a header that doesn't name us yet."""
    for name in ("empty", "undone", "header"):
        folder = tmp_path / name
        folder.mkdir()
        file = folder / "orders.db"
        (folder / "orders.db-holders").mkdir()
        if name == "empty":
            file.touch()
        elif name == "undone":
            _rolled_back(file, tmp_path / "made.db")
            assert file.stat().st_size > 0
        else:
            with closing(sqlite3.connect(file)) as connection:
                connection.execute("pragma journal_mode = wal")
            assert file.stat().st_size == PAGE_BYTES
        asyncio.run(_has(file))


def test_a_foreign_file_beside_our_locks_is_left_as_it_was(tmp_path: Path) -> None:
    """Somebody put his own database where ours had been, and was killed with a WAL."""
    file = tmp_path / "orders.db"
    (tmp_path / "orders.db-holders").mkdir()
    made = tmp_path / "made.db"
    with closing(sqlite3.connect(made, isolation_level=None)) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("create table mine (x)")
        shutil.copy(made, file)
        shutil.copy(f"{made}-wal", f"{file}-wal")
    log = file.with_name("orders.db-wal")
    before = file.read_bytes(), log.read_bytes()
    with pytest.raises(StoreError, match="another program's"):
        asyncio.run(SqliteStore.open(file))
    assert (file.read_bytes(), log.read_bytes()) == before


@pytest.mark.crash
@pytest.mark.parametrize("limit_bytes", [200_000, 3_000_000, 4_700_000, 5_500_000])
def test_a_disk_that_is_full_in_a_checkpoint_loses_nothing(
    tmp_path: Path, limit_bytes: int
) -> None:
    """In the log, or in a checkpoint, which leaves the main file half written.

    With space again it opens, acknowledged work and all.
    """
    file = tmp_path / "orders.db"
    child = _child("fill", file, str(limit_bytes))
    said, _ = child.communicate(timeout=60)
    done = [line.split()[1] for line in said.splitlines() if line.startswith("done")]
    assert done
    asyncio.run(_has(file, *done))


@pytest.mark.crash
def test_a_disk_that_is_full_now_and_then_loses_nothing(
    tmp_path: Path,
    repetitions: Callable[[int, int], int],
    report_figure: Callable[[str], None],
) -> None:
    """The same process goes on each time that there is space; then it is killed."""
    file, times = tmp_path / "orders.db", repetitions(20, 200)
    said, _ = _child("squeeze", file, str(times)).communicate(timeout=600)
    lines = said.splitlines()
    done = [line.split()[1] for line in lines if line.startswith("done")]
    filled = lines.count("went on")
    assert filled + lines.count("had room") == times
    assert filled > times // 3
    asyncio.run(_has(file, *done))
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
    report_figure(f"acknowledged rows lost: 0 of {len(done):,}, disk full {filled} times")


@pytest.mark.crash
@pytest.mark.parametrize("limit_bytes", [0, 3_000, 9_000, 40_000])
def test_a_first_open_on_a_full_disk_says_so(tmp_path: Path, limit_bytes: int) -> None:
    """Always the same class, with SQLite's own error as its cause; later the file is fine."""
    file = tmp_path / "orders.db"
    child = _child("fill", file, str(limit_bytes))
    said, _ = child.communicate(timeout=60)
    assert said.startswith("refused "), said
    assert "can't be used now" in said
    assert "no transaction" not in said
    asyncio.run(_has(file))
