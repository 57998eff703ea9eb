"""Workers are seen while they have nothing to do, and not when they are gone."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import AsyncPooledWorker, AsyncWorkflowClient, WorkflowClient, open_store, workflow
from sayiir.access.statuses import moment
from sayiir.errors import StoreUnavailable
from tests.docs.pages import ROOT
from tests.engine.bench import Bench
from tests.engine.corpus import double, inc
from tests.engine.test_outages import OutStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

pytestmark = pytest.mark.anyio

chain = workflow("chain", inc >> double >> inc)
other = workflow("other", inc >> inc)

KILLED = """
import sys
from sayiir import PooledWorker, task, workflow

@task
def inc(n: int) -> int:
    return n + 1

with PooledWorker(sys.argv[1], workflows=[workflow("w", inc)], worker_id=sys.argv[2]):
    print("here", flush=True)
    sys.stdin.read()
"""


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait in real time: nobody waits for what a worker says of itself."""
    async with asyncio.timeout(10):
        while not await holds():
            await asyncio.sleep(0.002)


async def ids(client: AsyncWorkflowClient) -> list[str]:
    return [each.worker_id for each in await client.workers()]


async def test_an_idle_worker_is_seen_until_it_leaves(bench: Bench) -> None:
    """With what it serves; two of one store by two names."""
    assert await bench.client.workers() == ()
    at = moment(bench.clock.now_us())
    first = AsyncPooledWorker(
        bench.store,
        workflows=[other, chain],
        tags=["gpu", "big"],
        concurrency=7,
        worker_id="ada",
    )
    async with first:
        async with AsyncPooledWorker(bench.store, workflows=[chain], worker_id="bob"):
            ada, bob = await bench.client.workers()
            assert (ada.workflows, ada.tags, ada.concurrency) == (
                ("chain", "other"),
                ("big", "gpu"),
                7,
            )
            assert (bob.workflows, bob.tags) == (("chain",), ())
            assert ada.started_at == ada.seen_at == at
        assert await ids(bench.client) == ["ada"]
    assert await bench.client.workers() == ()


async def seen(client: AsyncWorkflowClient, wanted: list[str]) -> bool:
    return await ids(client) == wanted


async def test_it_says_so_again_while_it_lives(bench: Bench) -> None:
    """At every third of its lease, so it is seen for longer than one."""
    async with AsyncPooledWorker(
        bench.store, workflows=[chain], worker_id="ada", lease="90ms", poll_interval="20ms"
    ):
        (first,) = await bench.client.workers()
        bench.clock.shift(0.05)

        async def later() -> bool:
            found = await bench.client.workers()
            return bool(found) and found[0].seen_at > first.seen_at

        await until(later)
        (again,) = await bench.client.workers()
        assert again.started_at == first.started_at


async def test_a_store_that_is_away_ends_no_worker(bench: Bench) -> None:
    store = OutStore(bench.store, "present", "absent")
    store.error = StoreUnavailable("out")
    async with AsyncPooledWorker(
        store,  # type: ignore[arg-type]
        workflows=[chain],
        worker_id="ada",
        lease="60ms",
        clock=bench.clock,
    ):
        await bench.client.submit(chain, "i", 1)
        assert await bench.client.result("i", chain, timeout=10) == 5
        await until(lambda: refused(store))
        store.error = None
        await until(lambda: seen(bench.client, ["ada"]))
        store.error = StoreUnavailable("out")


async def refused(store: OutStore) -> bool:
    return store.refused >= 2


async def test_a_store_that_knows_of_no_workers(bench: Bench) -> None:
    """As one of a third party that was written before."""

    class Plain:
        def __getattr__(self, name: str) -> Any:
            if name in ("present", "absent", "workers"):
                raise AttributeError(name)
            return getattr(bench.store, name)

    store: Any = Plain()
    client = AsyncWorkflowClient.from_shared(store)
    async with AsyncPooledWorker(store, workflows=[chain], clock=bench.clock):
        await client.submit(chain, "i", 1)
        assert await client.result("i", chain, timeout=10) == 5
        assert await client.workers() == ()


@pytest.mark.crash
def test_on_sqlite_a_killed_worker_is_gone_at_once(tmp_path: Path) -> None:
    """Workers of other processes are seen, and none of a process that has ended."""
    url = f"sqlite:///{tmp_path / 'a.db'}"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", KILLED, url, name],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("ada", "bob")
    ]
    with WorkflowClient(url) as client:
        for each in started:
            assert each.stdout is not None
            assert each.stdout.readline() == "here\n"
        assert [one.worker_id for one in client.workers()] == ["ada", "bob"]
        started[0].send_signal(signal.SIGKILL)
        started[0].wait(30)
        assert [one.worker_id for one in client.workers()] == ["bob"]
        started[1].communicate("", timeout=30)
        assert client.workers() == ()
    started[0].communicate(timeout=30)


def test_what_is_no_notice_is_no_worker(tmp_path: Path) -> None:
    """Somebody wrote something else into the lock file of a process that lives."""

    async def found() -> list[str]:
        mine = await open_store(f"sqlite:///{tmp_path / 'a.db'}")
        theirs = await open_store(f"sqlite:///{tmp_path / 'a.db'}")
        client = AsyncWorkflowClient(mine)
        try:
            async with AsyncPooledWorker(theirs, workflows=[chain], worker_id="ada"):
                assert await ids(client) == ["ada"]
                for text in ("{", "[7]", '{"a": 1}', '[{"notice": {}}]', "null", "\udcff"):
                    for file in (tmp_path / "a.db-holders").glob("*.lock"):
                        file.write_bytes(text.encode("utf-8", "surrogatepass"))
                    assert await ids(client) == [], text
                return await ids(AsyncWorkflowClient(theirs))
        finally:
            await mine.close()
            await theirs.close()

    assert asyncio.run(found()) == ["ada"]
