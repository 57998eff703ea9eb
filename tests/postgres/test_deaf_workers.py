"""Scorecard 13: under load nobody hears any more, over and over; nothing is lost meanwhile."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from sayiir import AsyncPooledWorker, AsyncWorkflowClient, await_signal, fork, task, workflow
from sayiir.stores.postgres.store import PostgresStore
from sayiir.stores.postgres.url import parse_url
from tests.postgres.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable

RESTORED_SECONDS = 15.0
AT_ONCE = 5


@task
async def inc(n: int) -> int:
    return n + 1


@task
async def total(values: Any) -> int:
    return sum(values)


FLOW = workflow(
    "heard", inc >> fork(inc, inc) >> total >> await_signal("go", int, keep_input=True) >> total
)


class Load:
    """Instances submitted a few at a time, each with its event, and when each of them had ended.

    The next few come when these have ended and the worker is idle: who hears nothing then, and
    doesn't look, finds nothing.
    """

    def __init__(self, client: AsyncWorkflowClient) -> None:
        self._client = client
        self.count = 0
        self.enough = False
        self.ended: list[float] = []
        self.wrong: list[str] = []

    async def submit(self) -> None:
        while not self.enough:
            numbers = range(self.count, self.count + AT_ONCE)
            self.count += AT_ONCE
            for number in numbers:
                await self._client.submit(FLOW, f"i{number}", number)
            await asyncio.gather(*map(self._see, numbers))
            await asyncio.sleep(0.1)

    async def _see(self, number: int) -> None:
        await self._client.send_event(f"i{number}", "go", 5)
        output = await self._client.result(f"i{number}", FLOW, timeout=60)
        self.ended.append(time.monotonic())
        if output != 2 * (number + 2) + 5:
            self.wrong.append(f"i{number} gave {output}")


@pytest.mark.parametrize("how", ["killed", "silent"])
def test_nothing_is_lost_while_nobody_hears(
    how: str,
    postgres_url: str,
    repetitions: Callable[[int, int], int],
    report_figure: Callable[[str], None],
) -> None:
    """The worker polls until its listener is back; what is submitted meanwhile ends meanwhile."""
    times = repetitions(10, 100) if how == "killed" else repetitions(1, 10)

    async def run() -> None:
        slowest, meanwhile = 0.0, 0
        async with Proxy(postgres_url) as proxy:
            store = await PostgresStore.open(proxy.url)
            client = AsyncWorkflowClient(postgres_url)
            load = Load(client)
            async with AsyncPooledWorker(store, workflows=[FLOW], concurrency=20):
                submitting = asyncio.create_task(load.submit())
                for _ in range(times):
                    before = len(load.ended)
                    while len(load.ended) < before + AT_ONCE:
                        await asyncio.sleep(0.01)
                    began = await _strike(store, proxy, how)
                    back = time.monotonic()
                    slowest = max(slowest, back - began)
                    meanwhile += sum(began < each < back for each in load.ended)
                load.enough = True
                await submitting
            await client.close()
            await store.close()
        polled = f"{meanwhile:,} ended meanwhile, " if how == "silent" else ""
        report_figure(
            f"listener {how} {times} times under {load.count:,} instances: lost 0, wrong "
            f"{len(load.wrong)}, {polled}heard again after {slowest:.1f} s at most"
        )
        assert not load.wrong
        assert slowest <= RESTORED_SECONDS
        if how == "silent":
            assert meanwhile > 0, "they all waited for the listener"

    asyncio.run(run())


async def _strike(store: PostgresStore, proxy: Proxy, how: str) -> float:
    """Take the listener away, and wait until there is another; when it was taken."""
    listener = store._database.listener
    async with asyncio.timeout(60):
        while listener.process_id is None:
            await asyncio.sleep(0.01)
        was = listener.process_id
        if how == "killed":
            connection = await asyncpg.connect(parse_url(proxy.url).dsn)
            await connection.fetchval("select pg_terminate_backend($1)", was)
            await connection.close()
        else:
            for link in proxy.listening():
                link.silent = True
        began = time.monotonic()
        while listener.process_id in {None, was}:
            await asyncio.sleep(0.02)
    return began
