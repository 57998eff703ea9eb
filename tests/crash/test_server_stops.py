"""Scorecard 12: PostgreSQL is stopped at once, over and over, under load."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING

import pytest

from sayiir import AsyncWorkflowClient, ConflictPolicy, InvalidTransition, StoreUnavailable
from sayiir.testing.postgres import PostgresServer
from tests.conftest import NIGHTLY
from tests.crash.fleet_flows import mixed, mixed_output, moments
from tests.crash.fleet_worker import Workers, workers
from tests.crash.rerun import run_again

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

pytestmark = pytest.mark.crash
BACK_SECONDS = 10.0
LONGEST_SECONDS = 40.0 if NIGHTLY else 6.0


class Client:
    """Submits as long as it is told to, and remembers what was acknowledged."""

    def __init__(self, url: str) -> None:
        self._client = AsyncWorkflowClient(url, conflict_policy=ConflictPolicy.USE_EXISTING)
        self.acknowledged: list[int] = []
        self.enough = False

    async def submit(self) -> None:
        """Instance after instance, each with the event that it waits for."""
        number = 0
        while not self.enough:
            await self._until_told(
                lambda number=number: self._client.submit(mixed, f"i{number}", number)
            )
            await self._until_told(
                lambda number=number: self._client.send_event(f"i{number}", "go", 7)
            )
            self.acknowledged.append(number)
            number += 1
            await asyncio.sleep(0.03)

    async def _until_told(self, call: Callable[[], Awaitable[object]]) -> None:
        unknown = False
        while True:
            try:
                await call()
            except StoreUnavailable:
                unknown = True
                await asyncio.sleep(0.05)
            except InvalidTransition:
                # The event came in though its answer was lost, and the instance has ended by it.
                assert unknown
                return
            else:
                return

    async def wrong(self) -> list[str]:
        """What has come to another end than it should."""
        found = []
        for number in self.acknowledged:
            output = await self._client.result(f"i{number}", mixed, timeout=120)
            if output != mixed_output(number, 7):
                found.append(f"i{number} gave {output}")
        await self._client.close()
        return found


@pytest.mark.alone
@pytest.mark.timeout(3_600)  # at the nightly figure
def test_a_server_that_is_stopped_at_once_loses_nothing(
    tmp_path: Path, repetitions: Callable[[int, int], int], report_figure: Callable[[str], None]
) -> None:
    """Workers come back by themselves, and so does whoever waits for a result."""
    stops = repetitions(2, 60)
    with PostgresServer() as server:
        url = f"{server.url}&schema=stops"

        async def run() -> tuple[Client, list[str], float]:
            client = Client(url)
            # A client that fails ends it: without anything to do no worker is seen to be back.
            async with asyncio.TaskGroup() as group:
                group.create_task(client.submit())
                slowest = await _stopped(server, fleet, stops)
                client.enough = True
            return client, await client.wrong(), slowest

        with workers(url, tmp_path) as fleet:
            client, wrong, slowest = asyncio.run(run())
        names = [f"i{number}" for number in client.acknowledged]
        again = asyncio.run(run_again(url, names, fleet.journal))
    report_figure(
        f"{stops} stops under load: {len(names):,} instances, lost 0, wrong {len(wrong)}, "
        f"committed steps run again {len(again)}, workers back after {slowest:.1f} s at most"
    )
    assert not wrong
    assert not again
    assert slowest <= BACK_SECONDS


async def _stopped(server: PostgresServer, fleet: Workers, stops: int) -> float:
    """Stop and start it so many times; the longest time until all workers worked again."""
    drawn, slowest = random.Random(12), 0.0
    for _ in range(2):
        fleet.start("mixed", concurrency=20, lease="5s")
    pids = {each.pid for each in fleet.started}
    await _all_work(fleet, pids, 0.0, 60)
    for _ in range(stops):
        await asyncio.sleep(drawn.uniform(5, LONGEST_SECONDS))
        await asyncio.to_thread(server.stop, "immediate")
        await asyncio.sleep(drawn.uniform(0, 2))
        server.start()  # in this thread: it ends with the one that started it
        up = time.time()
        await _all_work(fleet, pids, up, 60)
        slowest = max(slowest, time.time() - up)
    return slowest


async def _all_work(fleet: Workers, pids: set[int], since: float, seconds: float) -> None:
    """Until a task has begun in each of these processes."""
    async with asyncio.timeout(seconds):
        while {pid for *_, pid, began in moments(fleet.journal) if began > since} < pids:
            assert all(each.poll() is None for each in fleet.started), "a worker has ended"
            await asyncio.sleep(0.05)
