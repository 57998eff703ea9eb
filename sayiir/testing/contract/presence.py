"""Which workers are here. A store need not offer it; one that does keeps these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sayiir.stores.presence import WorkerNotice, presence_of
from sayiir.testing.contract.bench import SECOND_US, Bench, Maker, case, equal

if TYPE_CHECKING:
    from sayiir.stores.presence import PresenceStore

__all__ = ["PresenceCases"]

LEASE_US = 30 * SECOND_US


def notice(worker_id: str = "ada", **changes: Any) -> WorkerNotice:
    """What a worker says of itself."""
    facts: dict[str, Any] = {"workflows": ("bills", "orders"), "tags": ("gpu",), "concurrency": 5}
    return WorkerNotice(worker_id=worker_id, **{**facts, **changes})


async def here(store: PresenceStore) -> list[str]:
    """The ids of those that are here."""
    return [each.notice.worker_id for each in await store.workers()]


class PresenceCases(Maker):
    """A worker is seen while it is idle, and no longer than that."""

    @case
    async def test_a_worker_that_is_here_is_told(self, bench: Bench) -> None:
        """With all that it says of itself, and since when."""
        store = presence_of(bench.store)
        if store is None:
            return
        equal(await store.workers(), [])
        at = bench.now_us
        await store.present(notice(), LEASE_US)
        bench.later(10)
        await store.present(notice(concurrency=7, workflows=(), tags=()), LEASE_US)
        (found,) = await store.workers()
        equal(found.notice, notice(concurrency=7, workflows=(), tags=()))
        equal((found.started_at_us, found.seen_at_us), (at, at + 10 * SECOND_US))
        equal(found.until_at_us, bench.now_us + LEASE_US)

    @case
    async def test_a_worker_that_says_nothing_more_is_gone(self, bench: Bench) -> None:
        """When its time is over; one that comes again has been away."""
        store = presence_of(bench.store)
        if store is None:
            return
        await store.present(notice("ada"), LEASE_US)
        bench.later(20)
        await store.present(notice("bob"), LEASE_US)
        bench.later(10)
        equal(await here(store), ["bob"])
        await store.present(notice("ada"), LEASE_US)
        ada, bob = await store.workers()
        equal((ada.notice.worker_id, bob.notice.worker_id), ("ada", "bob"))
        equal(ada.started_at_us, bench.now_us)

    @case
    async def test_a_worker_that_leaves_is_gone_at_once(self, bench: Bench) -> None:
        """The others stay; leaving twice, or without having been there, is harmless."""
        store = presence_of(bench.store)
        if store is None:
            return
        for name in ("cleo", "ada", "bob"):
            await store.present(notice(name), LEASE_US)
        equal(await here(store), ["ada", "bob", "cleo"])
        for _ in range(2):
            await store.absent("bob")
        equal(await here(store), ["ada", "cleo"])

    @case
    async def test_being_here_makes_nothing_due_and_wakes_nobody(self, bench: Bench) -> None:
        """A worker that holds leases and one that is gone are two things."""
        store = presence_of(bench.store)
        if store is None:
            return
        got = await bench.start(lease=30)
        watch = bench.store.watch()
        try:
            await store.present(notice(), SECOND_US)
            await store.absent("ada")
            equal(await watch.changed(0.0), False)
        finally:
            watch.close()
        equal([each.held for each in await bench.store.check([got.fence])], [True])
