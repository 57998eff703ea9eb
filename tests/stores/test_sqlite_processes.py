"""Several processes share a file: killed, dead, many at once, forked."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sayiir import (
    Cancelled,
    InProgress,
    Paused,
    StoreError,
    WorkflowCancelled,
    WorkflowClient,
)
from sayiir.stores.records import ClaimRequest
from sayiir.stores.sqlite import SqliteStore
from sayiir.stores.sqlite.migrations import steps
from tests.stores.sqlite_child import new_instance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
MINUTE_US = 60_000_000

Start = "Callable[[str, Path, str], subprocess.Popen[str]]"


@pytest.fixture
def start() -> Iterator[Callable[[str, Path, str], subprocess.Popen[str]]]:
    """Start a child; those still running are killed at the end."""
    children: list[subprocess.Popen[str]] = []

    def run(verb: str, file: Path, name: str) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.stores.sqlite_child", verb, str(file), name],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        children.append(child)
        return child

    yield run
    for child in children:
        child.kill()
        child.communicate()


def first_line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def is_sound(file: Path) -> bool:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("pragma integrity_check").fetchall() == [("ok",)]


@pytest.mark.crash
def test_what_was_acknowledged_outlives_a_kill(
    tmp_path: Path,
    start: Callable[[str, Path, str], subprocess.Popen[str]],
    repetitions: Callable[[int, int], int],
    report_figure: Callable[[str], None],
) -> None:
    """kill -9 of a process that writes as fast as it can; the next one finds it all."""
    file = tmp_path / "orders.db"
    dice = random.Random(1)
    acknowledged: set[tuple[str, str]] = set()
    rounds = repetitions(5, 200)
    for number in range(rounds):
        child = start("write", file, f"w{number}")
        assert first_line(child) == "open"
        time.sleep(dice.uniform(0.02, 0.25))
        child.kill()
        told, _ = child.communicate()
        lines = told.split("\n")[:-1]  # the last may be cut
        acknowledged |= {(line.split()[1], line.split()[2]) for line in lines if line}
        assert is_sound(file)
    found = asyncio.run(_all_results(file, sorted({name for name, _ in acknowledged})))
    lost = len(acknowledged - found)
    report_figure(f"acknowledged rows lost: {lost} of {len(acknowledged):,} in {rounds} kills")
    assert len(acknowledged) > 50
    assert lost == 0


async def _all_results(file: Path, names: list[str]) -> set[tuple[str, str]]:
    store = await SqliteStore.open(file)
    found = {(name, each.path) for name in names for each in await store.results(name)}
    await store.close()
    return found


@pytest.mark.crash
def test_a_dead_process_leases_are_over_at_once(
    tmp_path: Path, start: Callable[[str, Path, str], subprocess.Popen[str]]
) -> None:
    """An hour's lease of a killed process can be claimed by the next; a living one's can't."""
    file = tmp_path / "orders.db"
    child = start("hold", file, "one")
    assert first_line(child) == "held"

    async def main() -> None:
        store = await SqliteStore.open(file)
        request = ClaimRequest(holder="me", lease_us=MINUTE_US)
        assert (await store.claim(request)).items == ()
        child.kill()
        child.wait()
        [got] = (await store.claim(request)).items
        assert (got.instance_id, got.interruptions, got.fence.epoch) == ("one", 1, 2)
        await store.close()

    asyncio.run(main())
    assert is_sound(file)


@pytest.mark.crash
@pytest.mark.parametrize("asked", ["after the death", "before the death"])
@pytest.mark.parametrize(("verb", "ends"), [("cancel", Cancelled), ("pause", Paused)])
def test_a_dead_holder_holds_up_no_cancel_or_pause(
    tmp_path: Path,
    start: Callable[[str, Path, str], subprocess.Popen[str]],
    verb: str,
    ends: type,
    asked: str,
) -> None:
    """With nobody there but a client; whether the holder died before it was asked or after."""
    file = tmp_path / "orders.db"
    child = start("hold", file, "one")
    assert first_line(child) == "held"
    with WorkflowClient(f"sqlite:///{file}") as client:
        if asked == "before the death":
            getattr(client, verb)("one", "why")
            assert isinstance(client.status("one"), InProgress), "its holder lives"
            assert client.list(status=ends.__name__).items == ()
        child.kill()
        child.wait()
        if asked == "after the death":
            getattr(client, verb)("one", "why")
        assert [i.status for i in client.list(status=ends.__name__).items] == [ends.__name__]
        status = client.status("one")
        assert isinstance(status, ends)
        assert status.reason == "why"
        if verb == "pause":
            client.unpause("one")
            assert isinstance(client.status("one"), InProgress)
    assert is_sound(file)


SLEEPS = """
import sys, time
from sayiir import CheckpointingRunner, task, workflow

@task
def sleeps(n: int) -> int:
    print("running", flush=True)
    time.sleep(600)
    return n

with CheckpointingRunner(sys.argv[1]) as runner:
    runner.run(workflow("w", sleeps), "one", 1)
"""


@pytest.mark.crash
def test_a_result_that_waits_sees_a_cancelled_holder_die(tmp_path: Path) -> None:
    """Asked while the holder lived, who then is killed: the waiting call ends by itself."""
    url = f"sqlite:///{tmp_path / 'orders.db'}"
    command = [sys.executable, "-c", SLEEPS, url]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert first_line(child) == "running"
        with WorkflowClient(url) as client:
            client.cancel("one")
            assert isinstance(client.status("one"), InProgress)
            killing = threading.Timer(0.2, child.kill)
            killing.start()
            with pytest.raises(WorkflowCancelled):
                client.result("one", timeout=20)
            killing.join()


def test_two_processes_never_claim_the_same(
    tmp_path: Path,
    start: Callable[[str, Path, str], subprocess.Popen[str]],
    repetitions: Callable[[int, int], int],
    report_figure: Callable[[str], None],
) -> None:
    """Each item is ended by one of them, and none is left."""
    file = tmp_path / "orders.db"
    count, workers = repetitions(1_000, 10_000), 8

    async def fill() -> None:
        store = await SqliteStore.open(file)
        await asyncio.gather(*(store.create(new_instance(f"i{each}")) for each in range(count)))
        await store.close()

    asyncio.run(fill())
    children = [start("work", file, f"w{each}") for each in range(workers)]
    for child in children:
        assert first_line(child) == "open"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    told = [child.communicate(timeout=120)[0].split("\n") for child in children]
    assert all(lines[-2] == "empty" for lines in told), "a child has failed"
    ended = [line for lines in told for line in lines if line.startswith("ended")]
    report_figure(
        f"claimed twice: {len(ended) - len(set(ended))} of {count:,}, {workers} processes"
    )
    assert sorted(ended) == sorted(f"ended i{each}" for each in range(count))


def test_sixteen_open_a_new_file_at_once(
    tmp_path: Path,
    start: Callable[[str, Path, str], subprocess.Popen[str]],
    report_figure: Callable[[str], None],
) -> None:
    """Each finds it migrated, once."""
    file = tmp_path / "orders.db"
    children = [start("only_open", file, f"w{each}") for each in range(16)]
    for child in children:
        assert child.communicate(timeout=60)[0] == "opened\n"
    with closing(sqlite3.connect(file)) as connection:
        versions = [version for (version,) in connection.execute("select version from schema_step")]
        assert versions == [step.version for step in steps()]
        assert connection.execute("select count(*) from instance").fetchall() == [(16,)]
    report_figure("16 processes migrated a new file at once: each step once")


@pytest.mark.crash
def test_sixteen_processes_never_see_a_locked_database(
    tmp_path: Path,
    start: Callable[[str, Path, str], subprocess.Popen[str]],
    repetitions: Callable[[int, int], int],
    report_figure: Callable[[str], None],
) -> None:
    """All of them write and read as fast as they can; nobody is told of anybody else's lock."""
    file, seconds = tmp_path / "orders.db", repetitions(6, 60)
    children = [start("strain", file, f"w{each}:{seconds}") for each in range(16)]
    for child in children:
        assert first_line(child) == "open"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    told = [child.communicate(timeout=seconds + 120)[0].split("\n") for child in children]
    failed = [line for lines in told for line in lines if line.startswith("failed")]
    instances = [int(line.split()[1]) for lines in told for line in lines if "verbs" in line]
    report_figure(
        f"errors seen: {len(failed)} in {sum(instances):,} instances of 16 processes, {seconds} s"
    )
    assert failed == []
    assert len(instances) == 16
    assert min(instances) > 0
    with closing(sqlite3.connect(file)) as connection:
        ended = connection.execute("select count(*) from instance where state <> 0").fetchone()
    assert ended == (sum(instances),)
    assert is_sound(file)


def test_another_process_change_is_noticed(
    tmp_path: Path,
    start: Callable[[str, Path, str], subprocess.Popen[str]],
    report_figure: Callable[[str], None],
) -> None:
    """Whoever waits is woken, and needs no commit of his own for it."""
    file = tmp_path / "orders.db"
    child = start("touch", file, "other")
    assert first_line(child) == "open"
    assert child.stdin is not None

    async def main() -> float:
        store = await SqliteStore.open(file)
        watch = store.watch()
        while await watch.changed(0.2):
            pass  # what opening did
        taken: list[float] = []
        for _ in range(5):
            began = time.perf_counter()
            child.stdin.write("\n")
            child.stdin.flush()
            assert await watch.changed(10)
            taken.append(time.perf_counter() - began)
        watch.close()
        await store.close()
        return sorted(taken)[2]

    report_figure(f"noticed another process's commit after {asyncio.run(main()) * 1e3:.0f} ms")


def test_use_after_fork_is_refused(tmp_path: Path) -> None:
    """The child is told so, its parent goes on, and the child keeps none of its locks."""
    file = tmp_path / "orders.db"

    async def main() -> None:
        store = await SqliteStore.open(file)
        await store.create(new_instance("one"))
        reading, writing = os.pipe()
        with warnings.catch_warnings():
            # Python warns of forks with threads, which is what this is about.
            warnings.simplefilter("ignore")
            child = multiprocessing.get_context("fork").Process(
                target=_try_in_child, args=(store, writing)
            )
            child.start()
        told = os.read(reading, 1_000).decode()
        assert "can't be used in its forked child" in told, told
        os.close(reading)
        os.close(writing)
        await asyncio.to_thread(child.join)
        assert child.exitcode == 0
        assert await store.describe("one") is not None
        await store.create(new_instance("two"))
        await store.close()

    asyncio.run(main())
    assert is_sound(file)


def _try_in_child(store: SqliteStore, writing: int) -> None:
    verb = store.describe("one")
    try:
        verb.send(None)
    except StoreError as error:
        os.write(writing, str(error).encode())
    except BaseException as error:
        os.write(writing, repr(error).encode())
