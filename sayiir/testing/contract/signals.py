"""Events and waits: none lost, none given twice, first in first out."""

from __future__ import annotations

from sayiir.errors import InvalidTransition
from sayiir.stores.records import (
    Await,
    Control,
    End,
    Event,
    Fail,
    InstanceState,
    Move,
    Phase,
    Retry,
    Wanted,
)
from sayiir.testing.contract.bench import SECOND_US, Bench, Maker, case, equal, expect, raises

__all__ = ["SignalCases"]


def payload_of(event: Event | None) -> bytes | None:
    """The payload, or None where there is no event."""
    return None if event is None else event.payload


class SignalCases(Maker):
    """One event, one wait."""

    @case
    async def test_a_wait_holds_no_lease(self, bench: Bench) -> None:
        """It isn't due until an event comes, without a timeout never."""
        got = await bench.start()
        answer = await bench.wait_for(got)
        equal((answer.event, answer.claimed, answer.control), (None, (), Control.NONE))
        await bench.expect_stale(got)
        bench.later(100_000)
        await bench.expect_idle()
        [wait] = await bench.parked()
        equal((wait.path, wait.signal_name, wait.wake_at_us), ("s", "go", None))

    @case
    async def test_an_event_wakes_the_wait(self, bench: Bench) -> None:
        """Claimed in phase SIGNAL with the event."""
        await bench.wait_for(await bench.start(), timeout=60)
        bench.later(10)
        await bench.store.send_event("i", "go", b"pay\0load")
        equal((await bench.record()).ready, 1)
        got = await bench.claim_one()
        equal((got.phase, got.path, payload_of(got.event)), (Phase.SIGNAL, "s", b"pay\0load"))
        await bench.commit(got, Move("b", ""))
        bench.later(100)
        again = await bench.claim_one()
        equal((again.path, again.event, again.phase), ("b", None, Phase.READY))

    @case
    async def test_events_before_the_wait_are_kept_in_order(self, bench: Bench) -> None:
        """Each wait gets the oldest at once and keeps its lease."""
        got = await bench.start()
        for payload in (b"1", b"2", b"3"):
            await bench.store.send_event("i", "go", payload)
        for payload in (b"1", b"2", b"3"):
            answer = await bench.wait_for(got, path=f"s[{payload.decode()}]")
            equal(payload_of(answer.event), payload)
            await bench.expect_idle()
        equal((await bench.wait_for(got, path="last")).event, None)

    @case
    async def test_an_event_that_was_given_at_once_survives_its_worker(self, bench: Bench) -> None:
        """The lease is lost, the event is not; the next claim brings the same one."""
        got = await bench.start(lease=30)
        await bench.store.send_event("i", "go", b"1")
        await bench.store.send_event("i", "go", b"2")
        answer = await bench.wait_for(got)
        bench.later(30)
        again = await bench.claim_one()
        equal((again.phase, again.path, again.event), (Phase.SIGNAL, "s", answer.event))

    @case
    async def test_an_event_outlives_the_prune_of_the_step_that_waits_for_it(
        self, bench: Bench
    ) -> None:
        """What is pruned was there before: the wait of the next round stands where one stood."""
        got = await bench.start(lease=30)
        await bench.store.send_event("i", "go", b"1")
        wait = Await(path="l[0]/s", input="", signal_name="go")
        answer = await bench.commit(got, wait, prune=("l[0]/",))
        equal(payload_of(answer.event), b"1")
        bench.later(30)
        again = await bench.claim_one()
        equal((again.path, again.event), ("l[0]/s", answer.event))

    @case
    async def test_consumed_events_can_be_read(self, bench: Bench) -> None:
        """By id, as long as they aren't pruned."""
        got = await bench.start()
        await bench.store.send_event("i", "go", b"1")
        answer = await bench.wait_for(got)
        event_id = answer.event.event_id if answer.event else -1
        await bench.commit(got, Move("b", ""))
        [loaded] = await bench.store.load([Wanted(run=got.fence.run, events=(event_id,))])
        equal(loaded.events, {event_id: b"1"})

    @case
    async def test_the_longest_wait_gets_the_event(self, bench: Bench) -> None:
        """By when it began to wait, not by its place in the graph."""
        arms = (await bench.spawn(await bench.start(), 3, keep=3)).claimed
        for index in (2, 0, 1):
            await bench.wait_for(arms[index], path=f"f[{index}]/s")
        order: list[int] = []
        for payload in (b"1", b"2", b"3"):
            await bench.store.send_event("i", "go", payload)
            got = await bench.claim_one()
            equal(payload_of(got.event), payload)
            order.append(got.fence.item.index)
        equal(order, [2, 0, 1])

    @case
    async def test_waits_in_turn_get_one_event_each(self, bench: Bench) -> None:
        """Two events for two waits: nobody gets both."""
        arms = (await bench.spawn(await bench.start(), 2, keep=2)).claimed
        for index in (0, 1):
            await bench.wait_for(arms[index], path=f"f[{index}]/s")
        await bench.store.send_event("i", "go", b"1")
        await bench.store.send_event("i", "go", b"2")
        found = {each.path: payload_of(each.event) for each in await bench.claim()}
        equal(found, {"f[0]/s": b"1", "f[1]/s": b"2"})

    @case
    async def test_a_second_event_is_kept_for_the_next_wait(self, bench: Bench) -> None:
        """The wait that has one already takes no other."""
        await bench.wait_for(await bench.start())
        await bench.store.send_event("i", "go", b"1")
        await bench.store.send_event("i", "go", b"2")
        got = await bench.claim_one()
        equal(payload_of(got.event), b"1")
        equal(payload_of((await bench.wait_for(got, path="next")).event), b"2")

    @case
    async def test_names_are_apart(self, bench: Bench) -> None:
        """An event of another name is kept and wakes nobody; instances are apart too."""
        await bench.wait_for(await bench.start(), "go")
        await bench.start("other")
        await bench.store.send_event("i", "Go", b"1")
        await bench.store.send_event("other", "go", b"2")
        await bench.expect_idle()

    @case
    async def test_an_event_can_be_addressed(self, bench: Bench) -> None:
        """To the wait at a path, past those that have waited longer."""
        arms = (await bench.spawn(await bench.start(), 3, keep=3)).claimed
        for index in (0, 1, 2):
            await bench.wait_for(arms[index], path=f"f[{index}]/s")
        await bench.store.send_event("i", "go", b"x", path="f[1]/s")
        got = await bench.claim_one()
        equal((got.path, payload_of(got.event)), ("f[1]/s", b"x"))

    @case
    async def test_an_addressed_event_waits_for_its_wait(self, bench: Bench) -> None:
        """Others pass it by, whether they wait already or come later."""
        arms = (await bench.spawn(await bench.start(), 3, keep=3)).claimed
        await bench.wait_for(arms[0], path="f[0]/s")
        await bench.store.send_event("i", "go", b"x", path="f[2]/s")
        await bench.expect_idle()
        equal((await bench.wait_for(arms[1], path="f[1]/s")).event, None)
        equal(payload_of((await bench.wait_for(arms[2], path="f[2]/s")).event), b"x")

    @case
    async def test_a_wait_takes_the_oldest_that_it_may(self, bench: Bench) -> None:
        """Addressed or not, in the order they were accepted."""
        got = await bench.start()
        for payload, path in ((b"1", None), (b"2", "s"), (b"3", "other"), (b"4", None)):
            await bench.store.send_event("i", "go", payload, path=path)
        for payload in (b"1", b"2"):
            equal(payload_of((await bench.wait_for(got, path="s")).event), payload)
        equal(payload_of((await bench.wait_for(got, path="s2")).event), b"4")
        equal(payload_of((await bench.wait_for(got, path="other")).event), b"3")

    @case
    async def test_a_timeout_is_claimed_without_an_event(self, bench: Bench) -> None:
        """At its microsecond, in phase SIGNAL."""
        await bench.wait_for(await bench.start(), timeout=10)
        bench.later(9.999_999)
        await bench.expect_idle()
        bench.later(0.000_001)
        got = await bench.claim_one()
        equal((got.phase, got.path, got.event), (Phase.SIGNAL, "s", None))
        equal(got.interruptions, 0)

    @case
    async def test_event_and_timeout_have_one_winner_the_event(self, bench: Bench) -> None:
        """The timeout has passed but nobody has noticed: the event may still have it."""
        await bench.wait_for(await bench.start(), timeout=10)
        bench.later(20)
        await bench.store.send_event("i", "go", b"1")
        got = await bench.claim_one()
        equal(payload_of(got.event), b"1")
        await bench.commit(got, End(output="x"))

    @case
    async def test_event_and_timeout_have_one_winner_the_timeout(self, bench: Bench) -> None:
        """Claimed first, the timeout stands; the event is kept for the next wait."""
        await bench.wait_for(await bench.start(), timeout=10)
        bench.later(20)
        got = await bench.claim_one()
        equal(got.event, None)
        await bench.store.send_event("i", "go", b"1")
        await bench.expect_idle()
        equal(payload_of((await bench.wait_for(got, path="next")).event), b"1")

    @case
    async def test_a_timed_out_wait_that_is_given_back_may_have_the_event(
        self, bench: Bench
    ) -> None:
        """An event that came while it was claimed isn't left beside an open wait."""
        await bench.wait_for(await bench.start(), timeout=10)
        bench.later(10)
        got = await bench.claim_one()
        await bench.store.send_event("i", "go", b"1")
        await bench.store.release([got.fence])
        equal(payload_of((await bench.claim_one()).event), b"1")

    @case
    async def test_an_item_that_waits_no_longer_gets_no_event(self, bench: Bench) -> None:
        """A timed-out wait that its holder left, for another step or to try again."""
        for name, phase in (("moved", Phase.READY), ("retried", Phase.BACKOFF)):
            await bench.wait_for(await bench.start(name), timeout=10)
            bench.later(10)
            got = await bench.claim_one()
            retry = Retry(error=b"e", wait_us=0, in_place=True)
            await bench.commit(got, Move("b", "") if name == "moved" else retry)
            await bench.store.release([got.fence])
            await bench.store.send_event(name, "go", b"1")
            got = await bench.claim_one()
            equal((got.phase, got.event), (phase, None))
            equal(payload_of((await bench.wait_for(got, path="next")).event), b"1")

    @case
    async def test_events_are_for_unfinished_instances(self, bench: Bench) -> None:
        """Completed, failed and cancelled ones refuse them."""
        await bench.commit(await bench.start("completed"), End(output="x"))
        await bench.commit(await bench.start("failed"), Fail(error=b"e"))
        await bench.create("cancelled")
        await bench.store.request_cancel("cancelled")
        for name in ("completed", "failed", "cancelled"):
            await raises(InvalidTransition, bench.store.send_event(name, "go", b""))

    @case
    async def test_a_paused_wait_gets_its_event(self, bench: Bench) -> None:
        """And is due when the pause ends."""
        await bench.wait_for(await bench.start())
        await bench.store.request_pause("i")
        await bench.store.send_event("i", "go", b"1")
        await bench.expect_idle()
        await bench.store.unpause("i")
        equal(payload_of((await bench.claim_one()).event), b"1")

    @case
    async def test_a_refused_wait_consumes_nothing(self, bench: Bench) -> None:
        """A stale worker's Await leaves the event for the rightful one."""
        stale = await bench.start(lease=5)
        await bench.store.send_event("i", "go", b"1")
        bench.later(5)
        got = await bench.claim_one()
        wait = Await(path="s", input="", signal_name="go")
        answer = await bench.write(stale, wait)
        equal((answer.accepted, answer.event), (False, None))
        equal(payload_of((await bench.wait_for(got)).event), b"1")

    @case
    async def test_woken_waits_rank_by_their_events(self, bench: Bench) -> None:
        """Ready since the event came, not since the wait began."""
        for name in ("one", "two"):
            await bench.wait_for(await bench.start(name))
        bench.later(5)
        await bench.store.send_event("two", "go", b"")
        bench.later(5)
        await bench.store.send_event("one", "go", b"")
        equal([each.instance_id for each in await bench.claim()], ["two", "one"])

    @case
    async def test_hundreds_of_events_come_in_order(self, bench: Bench) -> None:
        """Some before, some after the waits begin; each once."""
        got = await bench.start(lease=100_000)
        sent = seen = 0
        order: list[bytes | None] = []
        while seen < 300:
            for _ in range(seen % 3):
                await bench.store.send_event("i", "go", b"%d" % sent)
                sent += 1
            event = (await bench.wait_for(got, path=f"s[{seen}]")).event
            if event is None:
                await bench.store.send_event("i", "go", b"%d" % sent)
                sent += 1
                got = await bench.claim_one(lease=100_000)
                event = got.event
            order.append(payload_of(event))
            seen += 1
        equal(order, [b"%d" % number for number in range(300)])
        expect(sent >= seen, "fewer sent than seen")
        await bench.expect_state(InstanceState.RUNNING)
        equal((await bench.store.renew([got.fence], SECOND_US))[0].held, True)
