"""Scorecard 7: stopped past its lease, another takes over, the first goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sayiir import open_store
from sayiir.stores.records import Checkpoint, Claimed, ClaimRequest, Move, Result
from tests.crash.fleet_worker import until
from tests.stores.sqlite_child import new_instance

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir.stores.protocols import Store

pytestmark = pytest.mark.crash
_ROOT = Path(__file__).resolve().parents[2]
PER_ROUND = 20
MINUTE_US = 60_000_000


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store that several processes share."""
    if request.param == "postgres":
        found: str = request.getfixturevalue("postgres_url")
        return found
    return f"sqlite:///{tmp_path}/zombies.db"


class Zombie:
    """The process that is stopped."""

    def __init__(self, url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.zombie", url],
            cwd=_ROOT,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def __enter__(self) -> Zombie:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def claim(self, count: int) -> None:
        """Have it claim so many, and stop it."""
        self._say(f"{count}\n")
        assert self._heard() == "held"
        self._process.send_signal(signal.SIGSTOP)
        state = Path(f"/proc/{self._process.pid}/stat")
        if state.exists():
            until(lambda: state.read_text().rpartition(")")[2].split()[0] == "T")

    def go_on(self) -> None:
        """It writes at once."""
        self._say("\n")
        self._process.send_signal(signal.SIGCONT)

    def accepted(self) -> int:
        """How many of its writes were."""
        return int(self._heard())

    def _say(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text)

    def _heard(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def test_nothing_that_a_zombie_writes_is_accepted(
    url: str, repetitions: Callable[[int, int], int], report_figure: Callable[[str], None]
) -> None:
    """In half of the rounds it goes on at the same moment as its successor writes."""
    rounds = repetitions(200, 2_000) // PER_ROUND
    accepted = 0

    async def run() -> None:
        nonlocal accepted
        store = await open_store(url)
        with Zombie(url) as zombie:
            for number in range(rounds):
                accepted += await _round(store, zombie, number)
        await store.close()

    asyncio.run(run())
    report_figure(f"stale writes accepted: {accepted} of {rounds * PER_ROUND:,}")
    assert accepted == 0


async def _round(store: Store, zombie: Zombie, number: int) -> int:
    names = [f"i{number}-{each}" for each in range(PER_ROUND)]
    for name in names:
        await store.create(new_instance(name))
    await asyncio.to_thread(zombie.claim, PER_ROUND)
    taken = await _taken_over(store)
    assert sorted(each.instance_id for each in taken) == sorted(names)
    if number % 2:
        await asyncio.to_thread(zombie.go_on)
    # One by one, so that the other writes in between.
    for each in taken:
        told = Result(path="a", node_path="a", ordinal=b"", output=b"fresh")
        [answer] = await store.commit(
            [Checkpoint(fence=each.fence, effect=Move("b", "fresh"), result=told)]
        )
        assert answer.accepted, f"{each.instance_id}: its holder was refused"
    if number % 2 == 0:
        await asyncio.to_thread(zombie.go_on)
    accepted = await asyncio.to_thread(zombie.accepted)
    for state in await store.check([each.fence for each in taken]):
        assert state.held, "a release with a stale fence has given a lease back"
    for each in taken:
        record = await store.inspect(each.instance_id)
        assert record is not None
        assert [item.progress for item in record.items] == [None]
        [result] = await store.results(each.instance_id)
        assert (result.path, result.output) == ("a", b"fresh")
        await store.request_cancel(each.instance_id)
    await store.release([each.fence for each in taken])
    return accepted


async def _taken_over(store: Store) -> list[Claimed]:
    """All of the zombie's items, as soon as its leases have ended."""
    taken: list[Claimed] = []
    async with asyncio.timeout(30):
        while len(taken) < PER_ROUND:
            request = ClaimRequest(holder="next", lease_us=MINUTE_US, limit=PER_ROUND)
            answer = await store.claim(request)
            taken += answer.items
            if not answer.items:
                await asyncio.sleep((answer.next_due_in_us or 10_000) / 1e6)
    return taken
