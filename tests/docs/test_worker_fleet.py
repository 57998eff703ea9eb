"""The fleet keeps what its README says: a real kill, nothing lost, no process left behind."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from examples.worker_fleet import drawn
from examples.worker_fleet.checking import Checked, check
from examples.worker_fleet.models import Account, Receipt, Release
from examples.worker_fleet.office import bill_id
from examples.worker_fleet.outside import Outside, connected
from examples.worker_fleet.workflow import monthly_bill
from sayiir import AsyncWorkflowClient
from tests.docs.readmes import ended

REPOSITORY: Final = Path(__file__).parents[2]
TASKS: Final = 7
"""Of each bill."""


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "examples.worker_fleet", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def await_bills(program: subprocess.Popen[str]) -> None:
    """Read what it says until some bills are completed."""
    assert program.stdout is not None
    assert any(re.match(r" +\d+\.\d  .* [1-9]\d*$", line) for line in program.stdout)


def below(process_id: int) -> set[int]:
    """The processes that this one has started, and those that they have."""
    children = Path(f"/proc/{process_id}/task/{process_id}/children")
    found = {int(each) for each in children.read_text().split()} if children.exists() else set()
    return found.union(*map(below, found))


def all_gone(processes: set[int], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while left := [each for each in processes if Path(f"/proc/{each}").exists()]:
        assert time.monotonic() < end, f"processes are left: {list(map(told, left))}"
        time.sleep(0.05)


def told(process_id: int) -> str:
    """Which process it is, and what it waits for."""
    found = [Path(f"/proc/{process_id}/{name}") for name in ("cmdline", "wchan", "status")]
    with suppress(OSError):
        return " ".join(each.read_text().replace("\0", " ")[:200] for each in found)
    return "gone meanwhile"


@pytest.fixture
def at_work(postgres_server: str) -> Iterator[subprocess.Popen[str]]:
    """A fleet in the middle of its work, around a server that it doesn't stop."""
    program = start("--instances", "5000", "--store", postgres_server)
    await_bills(program)
    yield program
    program.kill()
    program.communicate()


# -- as its README tells


@pytest.mark.crash
def test_a_worker_is_killed_and_nothing_is_lost_or_done_again() -> None:
    said, complained = ended(start("--instances", "150", "--seed", "7"), 0)
    assert complained == ""
    assert max(map(len, said.splitlines())) <= 80
    assert re.search(r"worker-[12] is killed \(SIGKILL\); it held \d+ items", said)
    assert "the last of them has another holder" in said
    assert re.search(r"^2 workers +\d+\.\d +\d+\.\d +[\d,]+ +[\d,]+$", said, re.M)
    assert re.search(r"^lost +0 of 150 bills$", said, re.M)
    assert re.search(rf"^begun after its commit +0 of {TASKS * 150:,} tasks$", said, re.M)
    assert re.search(r"^charged twice +0 of 150 charges", said, re.M)
    counted = re.search(r"^all +([\d,]+) +([\d,]+) +(\d+) +(\d+) +(\d+) +0$", said, re.M)
    assert counted is not None
    begun, *reasons = (int(each.replace(",", "")) for each in counted.groups())
    assert begun == sum(reasons)


@pytest.mark.crash
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_fleet_leaves_nothing(
    at_work: subprocess.Popen[str], number: signal.Signals, postgres_server: str
) -> None:
    workers = below(at_work.pid)
    assert len(workers) >= 2
    made = books_of(workers)
    assert made in asyncio.run(schemas(postgres_server))
    at_work.send_signal(number)
    said, complained = ended(at_work, 130)
    assert complained == "interrupted; no process is left\n", said
    all_gone(workers, 2)  # reaped by whoever inherits them, which takes its moment
    left = asyncio.run(schemas(postgres_server))
    assert not {made, made.removesuffix("_books")}.intersection(left)


@pytest.mark.crash
def test_workers_and_server_end_with_a_killed_fleet() -> None:
    program = start("--instances", "5000")
    await_bills(program)
    started = below(program.pid)
    assert books_of(started)
    program.kill()
    program.wait()
    try:
        all_gone(started)
    finally:
        for each in started:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        program.communicate()


def books_of(workers: set[int]) -> str:
    """The schema that workers were told of."""
    for each in workers:
        if told := re.search(r"FLEET_BOOKS=(\w+)", Path(f"/proc/{each}/environ").read_text()):
            return told[1]
    raise AssertionError("no worker is there")


async def schemas(server: str) -> list[str]:
    connection = await asyncpg.connect(server)
    try:
        rows = await connection.fetch("select nspname from pg_namespace")
        return [row[0] for row in rows]
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--instances", "0"], "must be a whole number from 1 to 99,999, not '0'"),
        (["--workers", "many"], "must be a whole number from 1 to 16, not 'many'"),
        (["--store", "sqlite:///a.db"], "must be a PostgreSQL, postgresql://...: several machines"),
        (["--store", "postgresql://h/d?schema=a"], "leave schema= out"),
        (["--store", "postgresql://a:secret@h/d?no=1"], "'no' is no option of a PostgreSQL URL"),
        (["--keep"], "--keep goes with --store"),
    ],
)
def test_wrong_options_are_told(arguments: list[str], complaint: str) -> None:
    _, complained = ended(start(*arguments), 2)
    assert complaint in complained
    assert "secret" not in complained
    assert "Traceback" not in complained


def test_a_server_that_isnt_there_is_told() -> None:
    _, complained = ended(start("--store", "postgresql://a:secret@localhost:1/d"), 1)
    assert "can't be reached" in complained
    assert "secret" not in complained
    assert "Traceback" not in complained


# -- the check finds what it is there to find


class World(Outside):
    """Calls are answered at once, and nothing is written down."""

    def __init__(self) -> None:
        super().__init__(None, "", "", 1)

    async def begin(self, ctx: Any) -> int:
        return 0

    async def charge(self, account: int, cents: int, ctx: Any) -> str:
        return "pay-1"


@pytest.mark.parametrize("account", range(1, 30))
def test_a_bill_comes_to_what_is_expected(account: int) -> None:
    receipt = monthly_bill.run(
        Account(account), events={"released": [Release(by="Ada")]}, resources={Outside: World()}
    )
    assert receipt == Receipt(account, drawn.total_cents(1, account))


def test_what_went_wrong_would_be_found(postgres_url: str, postgres_server: str) -> None:
    """Books that say that a task began after its commit, and that an account paid twice."""

    async def found() -> tuple[Checked, Checked]:
        books = f"test_books_{os.getpid()}"
        async with AsyncWorkflowClient(postgres_url) as client, connected(postgres_server) as pool:
            await Outside.create(pool, books)
            try:
                await play_one(client, pool, books)
                sound = await checked(client, pool, books, [bill_id(1)])
                await pool.execute(
                    f"insert into {books}.begun (instance_id, path, attempt, worker, begun_at) "
                    "values ($1, 'charge', 2, 'w', $2)",
                    bill_id(1),
                    datetime.now(UTC) + timedelta(hours=1),
                )
                await pool.execute(f"insert into {books}.charge values ('other', 1, 5)")
                return sound, await checked(client, pool, books, [bill_id(1), bill_id(2)])
            finally:
                await pool.execute(f"drop schema {books} cascade")

    sound, broken = asyncio.run(found())
    assert sound.is_sound
    assert sound.tasks["charge"].committed == 1
    assert not broken.is_sound
    assert broken.tasks["charge"].again == 1
    assert (broken.lost, broken.charged_twice, broken.wrong, broken.unseen) == (1, 1, 0, 0)


async def play_one(client: AsyncWorkflowClient, pool: Any, books: str) -> None:
    from sayiir import AsyncPooledWorker

    world = Outside(pool, books, "w", 1)
    store = await client.store()
    async with AsyncPooledWorker(store, workflows=[monthly_bill], resources={Outside: world}):
        await client.submit(monthly_bill, bill_id(1), Account(1))
        await client.send_event(bill_id(1), "released", Release(by="Ada"))
        await client.result(bill_id(1), monthly_bill, timeout="30s")


async def checked(client: AsyncWorkflowClient, pool: Any, books: str, ids: list[str]) -> Checked:
    return await check(client, pool, books, acknowledged=ids, victim="v", seed=1)
