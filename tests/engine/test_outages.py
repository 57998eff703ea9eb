"""A store that can't be reached for a while: what is given back then, kept, and logged."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import TaskContext, fork, task, workflow
from sayiir.errors import StoreUnavailable
from sayiir.status import Cancelled, Completed
from tests.engine.bench import Bench, eventually
from tests.engine.corpus import inc

if TYPE_CHECKING:
    from sayiir.stores.protocols import Store

pytestmark = pytest.mark.anyio


class OutStore:
    """A store that is out, as long as ``error`` is set, for these verbs."""

    def __init__(self, store: Store, *verbs: str) -> None:
        self._store = store
        self._verbs = verbs
        self.error: Exception | None = None
        self.refused = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name not in self._verbs:
            return method

        async def call(*args: Any, **kwargs: Any) -> Any:
            if self.error is not None:
                self.refused += 1
                raise self.error
            return await method(*args, **kwargs)

        return call


@pytest.mark.parametrize("who", ["the same", "another"])
async def test_a_release_that_was_lost_is_made_up_for(bench: Bench, who: str) -> None:
    """The clock stands still, so no lease ends: only a release can make the item due again."""
    attempts: list[int] = []
    store = OutStore(bench.store, "commit", "release")

    @task
    async def last(n: int, ctx: TaskContext) -> int:
        attempts.append(ctx.attempt)
        if len(attempts) == 1:
            store.error = StoreUnavailable("out")
        return n

    flow = workflow("w", inc >> last)
    runner = bench.new_runner(store)
    with pytest.raises(StoreUnavailable):
        await runner.ensure(flow, "i", 1)
    store.error = None
    again = runner if who == "the same" else bench.runner
    assert await asyncio.wait_for(again.ensure(flow, "i", 1), 3) == Completed(2)
    assert attempts == [1, 1], "no interruption"


async def test_what_waited_for_a_slot_is_given_back_after_an_outage(bench: Bench) -> None:
    store = OutStore(bench.store, "commit", "release")

    @task
    async def breaks(n: int) -> int:
        store.error = StoreUnavailable("out")
        return n

    flow = workflow("w", fork(*(breaks.named(f"arm{number}") for number in range(120))) >> len)
    runner = bench.new_runner(store)
    with pytest.raises(StoreUnavailable):
        await runner.run(flow, "i", 1)
    store.error = None
    await runner.close()
    record = await bench.store.describe("i")
    assert record is not None
    assert (record.leased, record.ready) == (0, 120), "at the latest when the runner is closed"


@pytest.mark.parametrize("error", [StoreUnavailable("out"), RuntimeError("no answer")])
async def test_the_keeper_goes_on_after_an_outage(
    bench: Bench, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    """Whatever was raised: it still looks for requests afterwards. The log isn't flooded."""
    started = asyncio.Event()
    store = OutStore(bench.store, "renew", "check")

    @task
    async def long(n: int) -> int:
        started.set()
        await asyncio.sleep(3600)
        return n

    flow = workflow("w", long)
    with caplog.at_level(logging.DEBUG, "sayiir"):
        running = asyncio.ensure_future(bench.new_runner(store, lease=0.06).run(flow, "i", 1))
        await asyncio.wait_for(started.wait(), 5)
        store.error = error
        await eventually(lambda: store.refused >= 5)
        store.error = None
        await bench.client.cancel("i")
        assert await asyncio.wait_for(running, 3) == Cancelled()
    lines = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert [each.getMessage() for each in lines] == [
        f"the renewal of leases failed, 0 more since the last line: {error}"
    ]


async def test_the_keepers_thread_ends_with_its_runner(bench: Bench) -> None:
    def keepers() -> int:
        return sum(each.name == "sayiir-leases" for each in threading.enumerate())

    before = keepers()
    runner = bench.new_runner()
    await runner.run(workflow("w", inc), "i", 1)
    assert keepers() == before + 1
    await asyncio.wait_for(runner.close(), 0.5)
    assert keepers() == before
