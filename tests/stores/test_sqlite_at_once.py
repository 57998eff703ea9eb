"""A loop of our own commits on its own thread, where it would only wait for another."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sayiir import (
    CheckpointingRunner,
    Completed,
    InstanceNotFound,
    StoreError,
    StoreUnavailable,
    fork,
    task,
    workflow,
)
from sayiir.loops import OwnLoop
from sayiir.stores.records import Answer, Checkpoint, ClaimRequest, Control, Fence, Move
from sayiir.stores.sqlite.store import SqliteStore
from sayiir.stores.sqlite.writer import Writer
from tests.stores.sqlite_child import new_instance, result


@task
async def inc(n: int) -> int:
    return n + 1


CHAIN = workflow("chain", inc >> inc >> inc)


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the threads that committed, in order."""
    names: list[str] = []
    commit, step = Writer._commit, Writer.step_at_once

    def noted(self: Writer, jobs: Sequence[Any], *patience: float, **named: float) -> bool:
        done = commit(self, jobs, *patience, **named)
        if done:
            names.append(threading.current_thread().name)
        return done

    def noted_step(self: Writer, checkpoint: Any) -> bool:
        done = step(self, checkpoint)
        if done:
            names.append(threading.current_thread().name)
        return done

    monkeypatch.setattr(Writer, "_commit", noted)
    monkeypatch.setattr(Writer, "step_at_once", noted_step)
    return names


def test_a_lone_chain_is_committed_where_it_runs(threads: list[str], tmp_path: Path) -> None:
    with CheckpointingRunner(f"sqlite:///{tmp_path}/a.db") as runner:
        runner.run(CHAIN, "warm", 1)
        threads.clear()
        assert runner.run(CHAIN, "i", 1) == Completed(4)
    assert threads.count("sayiir-CheckpointingRunner") >= 3, threads


def test_a_loop_of_the_users_is_never_blocked(threads: list[str], tmp_path: Path) -> None:
    async def main() -> None:
        store = await SqliteStore.open(tmp_path / "a.db")
        with pytest.raises(InstanceNotFound):
            await store.delete("nobody")
        await store.close()

    asyncio.run(main())
    assert set(threads) == {"sayiir-sqlite-writer"}


def test_while_others_are_due_the_writer_gathers(threads: list[str], tmp_path: Path) -> None:
    wide = workflow("wide", fork(*[inc] * 20) >> sum)
    with CheckpointingRunner(f"sqlite:///{tmp_path}/a.db") as runner:
        threads.clear()
        assert runner.run(wide, "i", 1) == Completed(40)
    assert len(threads) < 15, "twenty arms' ends share commits"


def test_another_process_turn_is_not_waited_for_in_the_loop(
    threads: list[str], tmp_path: Path
) -> None:
    with CheckpointingRunner(f"sqlite:///{tmp_path}/a.db") as runner:
        runner.run(CHAIN, "warm", 1)
        threads.clear()
        room = os.open(tmp_path / "a.db-holders" / "room.lock", os.O_RDWR)
        fcntl.flock(room, fcntl.LOCK_EX)
        freed = threading.Timer(0.2, os.close, (room,))
        freed.start()
        assert runner.run(CHAIN, "i", 1) == Completed(4)
        freed.join()
    assert threads[0] == "sayiir-sqlite-writer", "the first had to wait, and not on the loop"
    assert "sayiir-CheckpointingRunner" in threads, "the later ones had not"


def test_a_file_that_another_program_has_locked_is_not_waited_for_in_the_loop(
    threads: list[str], tmp_path: Path
) -> None:
    with CheckpointingRunner(f"sqlite:///{tmp_path}/a.db") as runner:
        runner.run(CHAIN, "warm", 1)
        threads.clear()
        other = sqlite3.connect(tmp_path / "a.db", isolation_level=None, check_same_thread=False)
        other.execute("begin immediate")
        freed = threading.Timer(0.2, other.close)
        freed.start()
        assert runner.run(CHAIN, "i", 1) == Completed(4)
        freed.join()
    assert threads[0] == "sayiir-sqlite-writer"
    assert "sayiir-CheckpointingRunner" in threads, "once it was free again"


def test_a_verb_in_its_own_loop_is_a_turn_of_the_loop(tmp_path: Path) -> None:
    """Else a chain of quick tasks would keep timers and requests from being served."""

    async def main() -> list[str]:
        store = await SqliteStore.open(tmp_path / "a.db")
        order: list[str] = []

        async def reads() -> None:
            for _ in range(3):
                await store.describe("nobody")
                order.append("read")

        reading = asyncio.ensure_future(reads())
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(order.append, "other")
        await reading
        await store.close()
        return order

    with asyncio.Runner(loop_factory=OwnLoop) as runner:
        assert runner.run(main()).index("other") < 2


def test_timers_have_their_turn_in_a_chain_of_quick_verbs(tmp_path: Path) -> None:
    """Nothing that is ready tells of them, so a turn is taken every millisecond."""

    async def main() -> bool:
        store = await SqliteStore.open(tmp_path / "a.db")
        fired = asyncio.Event()
        asyncio.get_running_loop().call_later(0.005, fired.set)
        for _ in range(100_000):
            await store.describe("nobody")
            if fired.is_set():
                break
        await store.close()
        return fired.is_set()

    with asyncio.Runner(loop_factory=OwnLoop) as runner:
        assert runner.run(main())


def test_a_closed_store_is_refused_in_its_own_loop_too(tmp_path: Path) -> None:
    async def main() -> None:
        store = await SqliteStore.open(tmp_path / "a.db")
        await store.close()
        with pytest.raises(StoreUnavailable):
            await store.describe("nobody")

    with asyncio.Runner(loop_factory=OwnLoop) as runner:
        runner.run(main())


class _Failing:
    """A connection whose next statement that is ``what`` fails as a broken disk makes it."""

    def __init__(self, real: sqlite3.Connection) -> None:
        self.real, self.what = real, ""

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        if self.what and statement.startswith(self.what):
            self.what = ""
            error = sqlite3.OperationalError("made up")
            error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_IOERR, "SQLITE_IOERR"
            raise error
        return self.real.execute(statement, *values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def test_a_lone_step_is_refused_told_and_undone_as_any_other(tmp_path: Path) -> None:
    """The straight way writes what is plain; whatever isn't is found out by the long one."""

    async def main() -> None:
        store = await SqliteStore.open(tmp_path / "a.db")
        claim = ClaimRequest(holder="h", lease_us=60_000_000)
        created = await store.create(new_instance("one"), claim=claim)
        assert created.claimed is not None
        fence = created.claimed.fence

        async def step(by: Fence, path: str, to: str) -> Answer:
            told = Checkpoint(by, Move(to, f"r:{path}"), result(path))
            (answer,) = await store.commit((told,))
            return answer

        async def paths() -> list[str]:
            return [each.path for each in await store.results("one")]

        assert await step(fence, "a", "b") == Answer()
        assert not (await step(replace(fence, epoch=fence.epoch + 1), "b", "c")).accepted
        with pytest.raises(StoreError, match="has a result already"):
            await step(fence, "a", "c")
        real = store._writer.connection
        assert real is not None
        failing: Any = _Failing(real)
        store._writer.connection = failing
        failing.what = "commit"
        with pytest.raises(StoreUnavailable):
            await step(fence, "b", "c")
        assert await paths() == ["a"], "nothing of those that were not accepted"
        failing.what = "insert into task_result"
        assert await step(fence, "b", "c") == Answer(), "written by the long way"
        assert await step(fence, "c", "d") == Answer()
        await store.request_pause("one")
        assert (await step(fence, "d", "e")).control is Control.PAUSE
        assert await paths() == ["a", "b", "c", "d"]
        await store.close()

    with asyncio.Runner(loop_factory=OwnLoop) as runner:
        runner.run(main())
