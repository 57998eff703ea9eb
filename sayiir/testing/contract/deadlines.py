"""The deadline of a workflow bounds the root's due time, whatever the root waits for."""

from __future__ import annotations

from sayiir.stores.records import Control, Fail, InstanceState, ItemKey, Move, Park, Phase, Retry
from sayiir.testing.contract.bench import SECOND_US, Bench, Maker, case, equal, expect

__all__ = ["DeadlineCases"]

IN_A_MINUTE = 60 * SECOND_US


class DeadlineCases(Maker):
    """Instances with a timeout of a minute."""

    @case
    async def test_a_deadline_wakes_a_waiting_parent(self, bench: Bench) -> None:
        """The root, in phase JOIN, though its arms are open; not a microsecond early."""
        root = await bench.start(timeout_us=IN_A_MINUTE)
        arms = (await bench.spawn(root, 2, keep=1)).claimed
        await bench.claim(lease=500)
        await bench.store.renew([arms[0].fence], 500 * SECOND_US)
        equal((await bench.ask()).next_due_in_us, 60 * SECOND_US)
        bench.later(59.999_999)
        await bench.expect_idle()
        bench.later(0.000_001)
        got = await bench.claim_one()
        equal((got.fence.item, got.phase, got.deadline_in_us), (ItemKey(), Phase.JOIN, 0))
        await bench.commit(got, Fail(error=b"too late"))
        await bench.expect_state(InstanceState.FAILED)
        equal((await bench.store.check([arms[0].fence]))[0].control, Control.STOP)

    @case
    async def test_a_deadline_wakes_timers_backoffs_and_waits(self, bench: Bench) -> None:
        """Each claimed in its phase, with no event."""
        delay, backoff, signal = [
            await bench.start(name, timeout_us=IN_A_MINUTE)
            for name in ("delay", "backoff", "signal")
        ]
        await bench.commit(delay, Park(path="d", input="", wait_us=900 * SECOND_US))
        retry = Retry(error=b"e", wait_us=900 * SECOND_US, in_place=False)
        await bench.commit(backoff, retry)
        await bench.wait_for(signal)
        bench.later(59)
        await bench.expect_idle()
        bench.later(3)
        claimed = await bench.claim()
        found = {each.instance_id: each.phase.value for each in claimed}
        equal(found, {name: name for name in ("delay", "backoff", "signal")})
        equal({each.deadline_in_us for each in claimed}, {-2 * SECOND_US})
        equal({each.event for each in claimed}, {None})

    @case
    async def test_a_deadline_takes_no_live_lease(self, bench: Bench) -> None:
        """The holder knows it too; a lost one is claimed at the lease's end."""
        await bench.start(lease=90, timeout_us=IN_A_MINUTE)
        bench.later(89)
        await bench.expect_idle()
        bench.later(1)
        got = await bench.claim_one()
        equal((got.interruptions, got.deadline_in_us), (1, -30 * SECOND_US))

    @case
    async def test_a_deadline_is_the_roots_alone(self, bench: Bench) -> None:
        """Arms that wait aren't woken by it, but know it."""
        root = await bench.start(timeout_us=IN_A_MINUTE)
        [arm] = (await bench.spawn(root, 1, keep=1)).claimed
        equal(arm.deadline_in_us, IN_A_MINUTE)
        await bench.wait_for(arm)
        bench.later(61)
        equal((await bench.claim_one()).fence.item, ItemKey())
        await bench.expect_idle()

    @case
    async def test_an_earlier_time_comes_before_the_deadline(self, bench: Bench) -> None:
        """A timer that is over sooner is claimed sooner."""
        got = await bench.start(timeout_us=IN_A_MINUTE)
        await bench.commit(got, Park(path="d", input="", wait_us=10 * SECOND_US))
        bench.later(10)
        got = await bench.claim_one()
        equal((got.phase, got.deadline_in_us), (Phase.DELAY, 50 * SECOND_US))
        await bench.commit(got, Move("b", ""))

    @case
    async def test_a_pause_holds_the_deadline_back(self, bench: Bench) -> None:
        """Nothing new starts while paused; afterwards it is due at once."""
        got = await bench.start(timeout_us=IN_A_MINUTE)
        await bench.wait_for(got)
        await bench.store.request_pause("i")
        bench.later(100)
        await bench.expect_idle()
        await bench.store.unpause("i")
        deadline = (await bench.claim_one()).deadline_in_us
        expect(deadline is not None and deadline < 0, f"deadline_in_us is {deadline}")

    @case
    async def test_deadlines_count_as_ready_once_passed(self, bench: Bench) -> None:
        """In the description too."""
        await bench.wait_for(await bench.start(timeout_us=IN_A_MINUTE))
        equal((await bench.record()).ready, 0)
        bench.later(60)
        found = await bench.record()
        equal((found.ready, found.parked), (1, ()))
