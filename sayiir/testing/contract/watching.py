"""Wake-ups: a hint that something may be due or has ended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sayiir.stores.records import End, Move, Park
from sayiir.testing.contract.bench import SECOND_US, Bench, Maker, case, equal, expect

if TYPE_CHECKING:
    from collections.abc import Awaitable

__all__ = ["WatchCases", "sees"]

PATIENCE_SECONDS = 5.0
"""Real seconds after which a change that should be seen counts as missed."""


async def sees(bench: Bench, change: Awaitable[object]) -> bool:
    """Whether a watch that was made before sees the change."""
    watch = bench.store.watch()
    try:
        await change
        return await soon(asyncio.ensure_future(watch.changed(1_000.0)))
    finally:
        watch.close()


async def soon(waiting: asyncio.Future[bool]) -> bool:
    """What was waited for, or False if it takes too long by real time."""
    await asyncio.wait([waiting], timeout=PATIENCE_SECONDS)
    if not waiting.done():
        waiting.cancel()
        return False
    return waiting.result()


class WatchCases(Maker):
    """Nothing that makes something due is silent."""

    @case
    async def test_watchers_see_what_becomes_due(self, bench: Bench) -> None:
        """A new instance, a release, arms, a timer, a join, an event."""
        store = bench.store
        expect(await sees(bench, bench.create()), "create")
        got = await bench.claim_one()
        change = store.release([got.fence])
        expect(await sees(bench, change), "release")
        got = await bench.claim_one()
        expect(await sees(bench, bench.spawn(got, 3)), "spawn")
        one, two, three = await bench.claim()
        park = bench.commit(one, Park(path="d", input="", wait_us=SECOND_US))
        expect(await sees(bench, park), "park")
        await bench.wait_for(two)
        send = store.send_event("i", "go", b"")
        expect(await sees(bench, send), "send_event")
        await bench.commit(three, End(output="x"))

    @case
    async def test_watchers_see_ends_and_requests(self, bench: Bench) -> None:
        """Clients wait for ends, workers for requests."""
        store = bench.store
        got = await bench.start()
        pause = store.request_pause("i")
        expect(await sees(bench, pause), "request_pause")
        expect(await sees(bench, store.unpause("i")), "unpause")
        end = bench.commit(got, End(output="x"))
        expect(await sees(bench, end), "end of the instance")
        await bench.start("other")
        cancel = store.request_cancel("other")
        expect(await sees(bench, cancel), "request_cancel")

    @case
    async def test_watchers_see_a_pause_come_to_rest(self, bench: Bench) -> None:
        """The last holder's checkpoint makes the instance Paused."""
        got = await bench.start()
        await bench.store.request_pause("i")
        rest = bench.commit(got, Move("b", ""))
        expect(await sees(bench, rest), "the last checkpoint before the pause")

    @case
    async def test_a_watcher_that_waits_is_woken(self, bench: Bench) -> None:
        """By a change that comes after it began to wait."""
        watch = bench.store.watch()
        waiting = asyncio.ensure_future(watch.changed(1_000.0))
        await asyncio.sleep(0)
        await bench.create()
        expect(await soon(waiting), "the watcher slept on")
        watch.close()

    @case
    async def test_verbs_can_be_called_from_other_threads(self, bench: Bench) -> None:
        """Each with a loop of its own; who watches here is woken by what happens there."""
        watch = bench.store.watch()
        waiting = asyncio.ensure_future(watch.changed(1_000.0))
        await asyncio.sleep(0)
        got = await asyncio.to_thread(lambda: asyncio.run(bench.start()))
        await asyncio.to_thread(lambda: asyncio.run(bench.store.release([got.fence])))
        expect(await soon(waiting), "the watcher slept on")
        watch.close()
        got = await bench.claim_one()
        states = await asyncio.to_thread(
            lambda: asyncio.run(bench.store.renew([got.fence], SECOND_US))
        )
        equal([each.held for each in states], [True])

    @case
    async def test_a_watch_without_changes_times_out(self, bench: Bench) -> None:
        """And each return begins anew: a change is seen once."""
        watch = bench.store.watch()
        await bench.create()
        equal(await soon(asyncio.ensure_future(watch.changed(1_000.0))), True)
        equal(await watch.changed(0.0), False)
        watch.close()
