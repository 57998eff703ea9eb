"""Looking closely at one instance: its open items, what tasks report, its kept events."""

from __future__ import annotations

from dataclasses import replace

from sayiir.limits import MAX_INSPECTED
from sayiir.stores.inspection import Inspection, ItemRecord, ProgressRecord, ProgressReport
from sayiir.stores.records import (
    Claimed,
    Control,
    End,
    Fail,
    ItemKey,
    LeaseState,
    Move,
    Park,
    Phase,
    Retry,
)
from sayiir.testing.contract.bench import SECOND_US, Bench, Maker, case, equal, expect

__all__ = ["LookCases"]


async def look(bench: Bench, instance_id: str = "i") -> Inspection:
    """The instance, which must exist, closely."""
    found = await bench.store.inspect(instance_id)
    if found is None:
        raise AssertionError(f"there is no instance {instance_id!r} to inspect")
    return found


async def only_item(bench: Bench) -> ItemRecord:
    """The one open item."""
    found = await look(bench)
    equal((len(found.items), found.open_items), (1, 1), "open items")
    return found.items[0]


def said(by: Claimed, fraction: float | None = 0.5, message: str | None = "half") -> ProgressReport:
    """What a task would report that runs where its item stands."""
    return ProgressReport(
        fence=by.fence,
        at=by.path,
        failures=by.failures,
        path=by.path,
        attempt=by.failures + by.interruptions_ever + 1,
        fraction=fraction,
        message=message,
    )


async def progress_of(bench: Bench) -> tuple[float | None, str | None] | None:
    """Fraction and message of the one open item."""
    found = (await only_item(bench)).progress
    return None if found is None else (found.fraction, found.message)


class LookCases(Maker):
    """What ``inspect`` tells, and what ``report`` keeps for it."""

    @case
    async def test_an_inspection_tells_record_input_and_time(self, bench: Bench) -> None:
        """All as of one moment; an instance that isn't there is None."""
        equal(await bench.store.inspect("nobody"), None)
        await bench.create(input=b"\x00the input", labels=(("team", "blue"),))
        bench.later(5)
        found = await look(bench)
        equal(found.record, await bench.record())
        equal((found.input, found.at_us), (b"\x00the input", bench.now_us))
        equal((found.events, found.kept_events), ((), 0))

    @case
    async def test_a_leased_item_tells_its_holder(self, bench: Bench) -> None:
        """While the lease runs; who lost it isn't told any more."""
        await bench.create()
        ready = await only_item(bench)
        equal((ready.item, ready.path, ready.phase), (ItemKey(), "a", Phase.READY))
        equal((ready.holder, ready.lease_until_at_us, ready.wake_at_us), (None, None, None))
        until = bench.now_us + 30 * SECOND_US
        await bench.claim_one(holder="ada", lease=30)
        leased = await only_item(bench)
        equal((leased.holder, leased.lease_until_at_us), ("ada", until))
        bench.later(30)
        over = await only_item(bench)
        equal((over.holder, over.lease_until_at_us), (None, None))

    @case
    async def test_open_items_tell_failures_and_times(self, bench: Bench) -> None:
        """A backoff: what failed, when, how often, and when it goes on."""
        got = await bench.start()
        failed_at = bench.now_us
        await bench.commit(got, Retry(error=b"boom", wait_us=9 * SECOND_US, in_place=False))
        bench.later(1)
        item = await only_item(bench)
        equal((item.phase, item.failures, item.interruptions_ever), (Phase.BACKOFF, 1, 0))
        equal((item.error, item.error_at_us), (b"boom", failed_at))
        equal(item.wake_at_us, failed_at + 9 * SECOND_US)
        bench.later(8)
        got = await bench.claim_one()
        await bench.commit(got, Move("b", ""))
        item = await only_item(bench)
        equal((item.path, item.failures), ("b", 0))
        equal((item.error, item.error_at_us, item.wake_at_us), (None, None, None))

    @case
    async def test_a_wait_after_interruptions_is_told(self, bench: Bench) -> None:
        """As the time when the item goes on."""
        await bench.start(lease=30)
        for _ in range(2):
            bench.later(30)
            await bench.ask(lease=30)
        item = await only_item(bench)
        equal((item.interruptions_ever, item.wake_at_us), (2, bench.now_us + 2 * SECOND_US))

    @case
    async def test_a_wait_tells_its_signal(self, bench: Bench) -> None:
        """With its timeout; from the moment on that its event has come there is neither."""
        got = await bench.start()
        until = bench.now_us + 60 * SECOND_US
        await bench.wait_for(got, "go", timeout=60)
        item = await only_item(bench)
        equal((item.phase, item.signal_name, item.wake_at_us), (Phase.SIGNAL, "go", until))
        await bench.store.send_event("i", "go", b"")
        item = await only_item(bench)
        equal((item.phase, item.signal_name, item.wake_at_us), (Phase.SIGNAL, None, None))
        await bench.commit(await bench.claim_one(), Move("b", ""))
        item = await only_item(bench)
        equal((item.phase, item.signal_name, item.wake_at_us), (Phase.READY, None, None))

    @case
    async def test_items_come_in_the_order_of_interest(self, bench: Bench) -> None:
        """Those leased first, then by key, those held last; ended ones don't come."""
        root = await bench.start()
        one, _, three = (await bench.spawn(root, 5, limit=4, keep=3)).claimed
        await bench.commit(one, End(output="x"))
        await bench.commit(three, Park(path="f[2]/d", input="", wait_us=SECOND_US))
        found = await look(bench)
        keys = [(each.item.spawn_path, each.item.index) for each in found.items]
        equal(keys, [("f", 1), ("", 0), ("f", 2), ("f", 3), ("f", 4)])
        equal(found.open_items, 5)
        bench.later(100)
        keys = [(each.item.spawn_path, each.item.index) for each in (await look(bench)).items]
        equal(keys, [("", 0), ("f", 1), ("f", 2), ("f", 3), ("f", 4)])

    @case
    async def test_held_items_come_last(self, bench: Bench) -> None:
        """What waits below those that run comes before them."""
        root = await bench.start()
        [first] = (await bench.spawn(root, 2, path="m", limit=1, keep=1)).claimed
        await bench.spawn(first, 1, path="m[0]/f")
        keys = [(each.item.spawn_path, each.item.index) for each in (await look(bench)).items]
        equal(keys, [("", 0), ("m", 0), ("m[0]/f", 0), ("m", 1)])

    @case
    async def test_what_is_shown_is_bounded(self, bench: Bench) -> None:
        """At most a thousand items and events; all are counted."""
        root = await bench.start()
        await bench.spawn(root, MAX_INSPECTED + 5, limit=1)
        for _ in range(3):
            await bench.store.send_event("i", "go", b"")
        found = await look(bench)
        equal((len(found.items), found.open_items), (MAX_INSPECTED, MAX_INSPECTED + 6))
        equal((len(found.events), found.kept_events), (3, 3))

    @case
    async def test_stopped_items_are_told(self, bench: Bench) -> None:
        """Of a failed instance: what ``retry`` would go on with. A cancelled one has none."""
        root = await bench.start()
        one, _ = (await bench.spawn(root, 2, keep=2)).claimed
        await bench.commit(one, Fail(error=b"boom"))
        found = await look(bench)
        equal([(each.path, each.error) for each in found.items if each.holder], [("f[1]/t", None)])
        errors = [each.error for each in found.items if each.item == ItemKey("f", 0)]
        equal(errors, [b"boom"])
        await bench.create("gone")
        await bench.store.request_cancel("gone")
        equal((await look(bench, "gone")).items, ())

    @case
    async def test_kept_events_are_told_in_order(self, bench: Bench) -> None:
        """With name, address and time; one that was consumed is not."""
        got = await bench.start()
        sent_at = bench.now_us
        await bench.store.send_event("i", "b", b"1")
        bench.later(1)
        await bench.store.send_event("i", "a", b"2", path="s")
        await bench.store.send_event("i", "b", b"3")
        found = [
            (each.signal_name, each.path, each.sent_at_us) for each in (await look(bench)).events
        ]
        later = sent_at + SECOND_US
        equal(found, [("b", None, sent_at), ("a", "s", later), ("b", None, later)])
        await bench.wait_for(got, "b")
        left = [(each.signal_name, each.path) for each in (await look(bench)).events]
        equal(left, [("a", "s"), ("b", None)])

    # -- what tasks report

    @case
    async def test_a_report_is_told(self, bench: Bench) -> None:
        """The last one, with the store's time; the task's own path and attempt."""
        got = await bench.start()
        equal(await progress_of(bench), None)
        await bench.store.report([])
        await bench.store.report([said(got, 0.25, None)])
        bench.later(1)
        await bench.store.report([replace(said(got, 0.5, "half ☃"), path="a/inner", attempt=7)])
        at = bench.now_us
        bench.later(1)
        wanted = ProgressRecord(path="a/inner", attempt=7, fraction=0.5, message="half ☃", at_us=at)
        equal((await only_item(bench)).progress, wanted)
        await bench.store.report([said(got, None, None)])
        equal(await progress_of(bench), (None, None))

    @case
    async def test_of_several_reports_the_last_counts(self, bench: Bench) -> None:
        """Each of its own item, in one call."""
        root = await bench.start()
        one, two = (await bench.spawn(root, 2, keep=2)).claimed
        await bench.store.report([said(one, 0.1), said(two, 0.2), said(one, 0.3)])
        told = [each.progress for each in (await look(bench)).items if each.holder]
        equal([each.fraction for each in told if each is not None], [0.3, 0.2])

    @case
    async def test_a_stale_report_changes_nothing(self, bench: Bench) -> None:
        """Of a lost lease, a released item, a fence that never was, a run that is gone."""
        lost = await bench.start(lease=30)
        bench.later(30)
        got = await bench.claim_one(lease=300)
        await bench.store.report([said(got, 0.1, "mine")])
        forged = replace(said(got), fence=replace(got.fence, epoch=got.fence.epoch + 1))
        gone = replace(said(got), fence=replace(got.fence, run=got.fence.run + 1_000))
        nowhere = replace(said(got), fence=replace(got.fence, item=ItemKey("f", 3)))
        await bench.store.report([said(lost), forged, gone, nowhere])
        equal(await progress_of(bench), (0.1, "mine"))
        await bench.store.release([got.fence])
        await bench.store.report([said(got, 0.9)])
        expect(await progress_of(bench) != (0.9, "half"), "a released item took a report")

    @case
    async def test_a_checkpoint_ends_what_was_reported(self, bench: Bench) -> None:
        """The next step has said nothing yet, and a late report of the last one is refused."""
        got = await bench.start()
        await bench.store.report([said(got, 0.9)])
        await bench.commit(got, Move("b", ""))
        equal(await progress_of(bench), None)
        await bench.store.report([said(got, 1.0)])
        equal(await progress_of(bench), None)
        await bench.store.report([said(replace(got, path="b"), 0.1)])
        await bench.store.report([said(got, 1.0), said(replace(got, path="b", failures=1), 0.9)])
        equal(await progress_of(bench), (0.1, "half"))

    @case
    async def test_the_next_attempt_has_said_nothing(self, bench: Bench) -> None:
        """After a failure in place, and after a lost lease."""
        got = await bench.start(lease=30)
        await bench.store.report([said(got, 0.9)])
        await bench.commit(got, Retry(error=b"e", wait_us=0, in_place=True))
        equal(await progress_of(bench), None)
        await bench.store.report([said(got, 0.95)])
        equal(await progress_of(bench), None)
        await bench.store.report([said(replace(got, failures=1), 0.2)])
        equal(await progress_of(bench), (0.2, "half"))
        bench.later(30)
        await bench.claim_one()
        equal(await progress_of(bench), None)

    @case
    async def test_a_report_is_nothing_but_a_report(self, bench: Bench) -> None:
        """It prolongs no lease, wakes nobody, and no claim, load or history shows it."""
        got = await bench.start(lease=30)
        watch = bench.store.watch(got.fence.run)
        before = await bench.record()
        woken: list[bool] = []
        for _ in range(10):
            await bench.store.report([said(got)])
            woken.append(await watch.changed(0.0))
        # Once or twice something else may do it: that the store begins to hear of others.
        expect(not all(woken), "each report woke a watch of the run")
        watch.close()
        equal(await bench.record(), before)
        equal(await bench.store.results("i"), [])
        equal(await bench.store.check([got.fence]), [LeaseState(True, Control.NONE)])
        bench.later(30)
        await bench.claim_one()

    @case
    async def test_a_report_ends_with_its_instance(self, bench: Bench) -> None:
        """Removed with it: a new run of the same name has said nothing."""
        got = await bench.start()
        await bench.store.report([said(got)])
        await bench.start(over=True)
        equal(await progress_of(bench), None)
        await bench.store.report([said(got)])
        equal(await progress_of(bench), None)
