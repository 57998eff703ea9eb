"""Leases, fences, interruptions: who may write, and what a lost worker costs."""

from __future__ import annotations

from dataclasses import replace

from sayiir.stores.records import (
    Checkpoint,
    Claimed,
    Control,
    End,
    Fail,
    Fence,
    ItemKey,
    LeaseState,
    Move,
    Park,
    Phase,
    Retry,
    Wanted,
)
from sayiir.testing.contract.bench import SECOND_US, Bench, Maker, case, equal, expect, result

__all__ = ["LeaseCases"]


async def lose(bench: Bench, times: int) -> Claimed:
    """Let workers take the one item due and vanish, so many times; what is claimed after."""
    got = await bench.claim_one(lease=30, skip_interruption_waits=True, instance_id="i")
    for _ in range(times):
        bench.later(30)
        got = await bench.claim_one(lease=30, skip_interruption_waits=True, instance_id="i")
    return got


class LeaseCases(Maker):
    """One writer a work item, at any time."""

    @case
    async def test_a_lease_ends_at_its_microsecond(self, bench: Bench) -> None:
        """Not before: a live lease is never taken."""
        first = await bench.start(holder="one", lease=30)
        bench.later(29.999_999)
        await bench.expect_idle(holder="two")
        bench.later(0.000_001)
        second = await bench.claim_one(holder="two")
        equal(second.fence.item, first.fence.item)
        expect(second.fence.epoch > first.fence.epoch, "the epoch did not grow")

    @case
    async def test_who_lost_the_lease_writes_nothing(self, bench: Bench) -> None:
        """Its checkpoint is refused whole, its renewal too; the new holder isn't disturbed."""
        zombie = await bench.start(lease=30)
        bench.later(30)
        got = await bench.claim_one()
        await bench.expect_stale(zombie)
        await bench.store.release([zombie.fence])
        await bench.expect_idle()
        await bench.commit(got, End(output="x"))
        await bench.expect_stale(zombie)
        equal((await bench.record()).output, "x")

    @case
    async def test_a_fence_of_the_future_is_refused(self, bench: Bench) -> None:
        """Only the epoch that was given out holds, and only for that item of that run."""
        got = (await bench.start()).fence
        for forged in (
            replace(got, epoch=got.epoch + 1),
            replace(got, epoch=got.epoch - 1),
            replace(got, run=got.run + 1_000),
            replace(got, item=ItemKey("f", 0)),
        ):
            equal((await bench.write(forged, End(output="x"))).accepted, False, f"{forged}")
            equal((await bench.store.check([forged]))[0].held, False, f"{forged}")
        await bench.commit(got, End(output="x"))

    @case
    async def test_epochs_never_restart(self, bench: Bench) -> None:
        """Through release, loss, park, join and retry they only grow."""
        epochs = [(got := await bench.start(lease=30)).fence.epoch]
        await bench.store.release([got.fence])
        epochs.append((got := await bench.claim_one(lease=30)).fence.epoch)
        bench.later(30)
        epochs.append((got := await bench.claim_one(lease=30)).fence.epoch)
        await bench.commit(got, Park(path="d", input="", wait_us=SECOND_US))
        bench.later(1)
        epochs.append((got := await bench.claim_one(lease=30)).fence.epoch)
        [arm] = (await bench.spawn(got, 1, keep=1)).claimed
        [joined] = (await bench.commit(arm, End(output="x"))).claimed
        epochs.append(joined.fence.epoch)
        await bench.commit(joined, Fail(error=b"e"))
        await bench.store.retry("i")
        epochs.append((await bench.claim_one()).fence.epoch)
        equal(epochs, sorted(set(epochs)), "epochs")

    @case
    async def test_an_ended_lease_that_nobody_took_still_writes(self, bench: Bench) -> None:
        """There is no other writer, so a slow commit is not wasted."""
        got = await bench.start(lease=30)
        bench.later(100)
        equal((await bench.store.check([got.fence]))[0], LeaseState(True, Control.NONE))
        await bench.commit(got, Move("b", ""), result=result("a"))
        again = await bench.claim_one()
        equal((again.path, again.interruptions), ("b", 1))

    @case
    async def test_renew_prolongs_from_now(self, bench: Bench) -> None:
        """However much was left of the lease, and when it has ended but nobody took it."""
        got = await bench.start(lease=30)
        bench.later(10)
        equal(await bench.store.renew([got.fence], 30 * SECOND_US), [LeaseState(True)])
        bench.later(29.999_999)
        await bench.expect_idle()
        bench.later(20)
        equal(await bench.store.renew([got.fence], 30 * SECOND_US), [LeaseState(True)])
        await bench.expect_idle()
        bench.later(30)
        equal((await bench.claim_one()).interruptions, 1)

    @case
    async def test_renew_answers_in_order(self, bench: Bench) -> None:
        """Each fence by itself: held, lost, of an instance that is no more."""
        lost = await bench.start("lost", lease=5)
        held = await bench.start("held", lease=60)
        gone = replace(held.fence, run=held.fence.run + 1_000)
        bench.later(5)
        await bench.claim_one()
        states = await bench.store.renew([lost.fence, held.fence, gone], SECOND_US)
        equal([each.held for each in states], [False, True, False])
        equal(await bench.store.renew([], SECOND_US), [])
        equal(await bench.store.check([]), [])

    @case
    async def test_check_prolongs_nothing(self, bench: Bench) -> None:
        """It only looks."""
        got = await bench.start(lease=30)
        bench.later(29)
        equal(await bench.store.check([got.fence]), [LeaseState(True)])
        bench.later(1)
        await bench.claim_one()
        equal((await bench.store.check([got.fence]))[0].held, False)

    @case
    async def test_holders_learn_of_control_requests(self, bench: Bench) -> None:
        """By renewing and by checking; STOP once the instance has ended."""
        paused, cancelled = await bench.start("paused"), await bench.start("cancelled")
        failed = await bench.start("failed")
        one, two = (await bench.spawn(failed, 2, keep=2)).claimed
        await bench.store.request_pause("paused")
        await bench.store.request_cancel("cancelled")
        await bench.commit(one, Fail(error=b"e"))
        fences = [paused.fence, cancelled.fence, two.fence]
        wanted = [LeaseState(True, c) for c in (Control.PAUSE, Control.CANCEL, Control.STOP)]
        equal(await bench.store.check(fences), wanted)
        equal(await bench.store.renew(fences, SECOND_US), wanted)

    @case
    async def test_released_items_are_due_at_once(self, bench: Bench) -> None:
        """Without an interruption, in the same phase, and the old fence is stale."""
        got = await bench.start()
        await bench.commit(got, Retry(error=b"e", wait_us=0, in_place=True))
        await bench.store.release([got.fence])
        again = await bench.claim_one()
        equal((again.phase, again.path), (Phase.BACKOFF, "a"))
        equal((again.failures, again.interruptions, again.interruptions_ever), (1, 0, 0))
        await bench.expect_stale(got)
        await bench.store.release([])

    @case
    async def test_a_released_item_has_no_holder(self, bench: Bench) -> None:
        """Its fence is stale even before somebody claims it again."""
        got = await bench.start()
        await bench.store.release([got.fence])
        await bench.expect_stale(got)
        equal((await bench.record()).leased, 0)

    @case
    async def test_a_lost_lease_is_one_interruption(self, bench: Bench) -> None:
        """However late it is noticed."""
        await bench.start(lease=30)
        bench.later(10_000)
        got = await bench.claim_one(lease=30)
        equal((got.interruptions, got.interruptions_ever, got.failures), (1, 1, 0))

    @case
    async def test_the_second_loss_waits_two_seconds(self, bench: Bench) -> None:
        """From when it is noticed; the third waits four, and nothing is counted twice."""
        await bench.create()
        await lose(bench, 1)
        bench.later(40)
        equal((await bench.ask()).next_due_in_us, 2 * SECOND_US)
        bench.later(1.999_999)
        await bench.expect_idle()
        bench.later(0.000_001)
        got = await bench.claim_one(lease=30)
        equal((got.interruptions, got.interruptions_ever), (2, 2))
        bench.later(30)
        await bench.expect_idle()
        bench.later(3.999_999)
        await bench.expect_idle()
        bench.later(0.000_001)
        equal((await bench.claim_one()).interruptions, 3)

    @case
    async def test_waits_after_interruptions_end_at_five_minutes(self, bench: Bench) -> None:
        """They double up to there."""
        await bench.create()
        await lose(bench, 8)
        bench.later(30)
        equal((await bench.ask()).next_due_in_us, 256 * SECOND_US)
        bench.later(256)
        equal((await bench.claim_one(lease=30)).interruptions, 9)
        bench.later(30)
        equal((await bench.ask()).next_due_in_us, 300 * SECOND_US)

    @case
    async def test_an_interrupted_worker_is_stale_while_its_item_waits(self, bench: Bench) -> None:
        """The wait belongs to nobody."""
        await bench.create()
        got = await lose(bench, 1)
        bench.later(30)
        await bench.expect_idle()
        await bench.expect_stale(got)

    @case
    async def test_a_person_need_not_wait(self, bench: Bench) -> None:
        """Skipping ignores waits that begin and waits that have begun, of that instance."""
        await bench.create()
        await bench.create("other")
        for _ in range(2):
            for name in ("i", "other"):
                await bench.claim_one(instance_id=name, lease=30, skip_interruption_waits=True)
            bench.later(30)
        await bench.expect_idle()
        got = await bench.claim_one(instance_id="i", lease=30, skip_interruption_waits=True)
        equal((got.instance_id, got.interruptions), ("i", 2))
        bench.later(1)
        await bench.expect_idle()

    @case
    async def test_a_checkpoint_ends_the_series(self, bench: Bench) -> None:
        """Interruptions in a row begin again at zero, and elsewhere so do those ever."""
        await bench.create()
        got = await lose(bench, 2)
        equal((got.interruptions, got.interruptions_ever), (2, 2))
        await bench.commit(got, Move("b", ""))
        bench.later(30)
        got = await bench.claim_one()
        equal((got.path, got.interruptions, got.interruptions_ever), ("b", 1, 1))

    @case
    async def test_a_retry_keeps_interruptions_ever(self, bench: Bench) -> None:
        """So that attempts are counted; those in a row begin again."""
        await bench.create()
        got = await lose(bench, 2)
        await bench.commit(got, Retry(error=b"e", wait_us=0, in_place=True))
        await bench.store.release([got.fence])
        got = await bench.claim_one()
        counts = (got.failures, got.interruptions, got.interruptions_ever)
        equal(counts, (1, 0, 2))

    @case
    async def test_a_move_keeps_lease_and_fence(self, bench: Bench) -> None:
        """It neither prolongs the lease nor makes the fence stale."""
        got = await bench.start(lease=30)
        bench.later(20)
        await bench.commit(got, Move("b", ""))
        await bench.commit(got, Move("c", ""))
        await bench.expect_idle()
        bench.later(10)
        equal((await bench.claim_one()).path, "c")

    @case
    async def test_a_lost_timer_is_claimed_again_as_a_timer(self, bench: Bench) -> None:
        """The phase stays as it was until a checkpoint changes it."""
        got = await bench.start()
        await bench.commit(got, Park(path="d", input="", wait_us=SECOND_US))
        bench.later(1)
        await bench.claim_one(lease=30)
        bench.later(30)
        got = await bench.claim_one()
        equal((got.phase, got.path, got.interruptions), (Phase.DELAY, "d", 1))

    @case
    async def test_a_stale_member_leaves_its_batch_alone(self, bench: Bench) -> None:
        """Answers come in order, and the others are written."""
        stale = await bench.start("i0", lease=5)
        bench.later(5)
        await bench.claim_one(lease=60)
        good = [await bench.start(f"i{number}") for number in (1, 2)]
        answers = await bench.store.commit(
            [
                Checkpoint(fence=each.fence, effect=Move("b", ""), result=result("a"))
                for each in (good[0], stale, good[1])
            ]
        )
        equal([each.accepted for each in answers], [True, False, True])
        wanted = [Wanted(run=each.fence.run, results=("a",)) for each in (good[0], stale, good[1])]
        found = [len(each.results) for each in await bench.store.load(wanted)]
        equal(found, [1, 0, 1])

    @case
    async def test_checkpoints_of_one_fence_are_written_in_order(self, bench: Bench) -> None:
        """Also when they come in one batch; what ends the item makes the rest stale."""
        got = await bench.start()
        effects = (Move("b", ""), Move("c", ""), End(output="x"), Move("d", ""))
        answers = await bench.store.commit(
            [Checkpoint(fence=got.fence, effect=effect) for effect in effects]
        )
        equal([each.accepted for each in answers], [True, True, True, False])
        equal((await bench.record()).output, "x")
        equal(await bench.store.commit([]), [])

    @case
    async def test_fences_are_the_items_own(self, bench: Bench) -> None:
        """An arm's fence doesn't write to its sibling, nor after the arm has ended."""
        root = await bench.start()
        one, two = (await bench.spawn(root, 2, keep=2)).claimed
        await bench.commit(one, End(output="one"))
        await bench.expect_stale(one)
        await bench.expect_stale(root)
        mixed = Fence(two.fence.run, two.fence.item, two.fence.epoch + 1)
        await bench.expect_stale(mixed)
        await bench.commit(two, End(output="two"))
