"""Failures: of the instance, collected by a map item, and what retry does."""

from __future__ import annotations

from sayiir.errors import InvalidTransition, StoreError
from sayiir.stores.records import (
    Checkpoint,
    Claimed,
    Control,
    End,
    Fail,
    InstanceState,
    ItemKey,
    LeaseState,
    Move,
    Park,
    Phase,
    Retry,
)
from sayiir.testing.contract.bench import SECOND_US, Bench, Maker, case, equal, raises, result

__all__ = ["FailureCases"]


class FailureCases(Maker):
    """The first committed failure decides, and nothing that was done is lost."""

    @case
    async def test_a_failure_ends_the_instance(self, bench: Bench) -> None:
        """With error and time; the failing item has no lease any more."""
        got = await bench.start()
        bench.later(3)
        answer = await bench.commit(got, Fail(error=b"boom"))
        equal((answer.accepted, answer.claimed), (True, ()))
        found = await bench.record()
        equal((found.state, found.error, found.output), (InstanceState.FAILED, b"boom", None))
        equal((found.finished_at_us, found.leased, found.ready), (bench.now_us, 0, 0))
        await bench.expect_stale(got)

    @case
    async def test_nothing_of_a_failed_instance_is_due(self, bench: Bench) -> None:
        """Not its ready arms, timers or waits, nor what its deadline would wake."""
        root = await bench.start(timeout_us=1_000 * SECOND_US)
        arms = (await bench.spawn(root, 4, keep=3)).claimed
        await bench.commit(arms[0], Park(path="d", input="", wait_us=5 * SECOND_US))
        await bench.wait_for(arms[1], timeout=5)
        await bench.commit(arms[2], Fail(error=b"e"))
        bench.later(5_000)
        answer = await bench.ask()
        equal((answer.items, answer.next_due_in_us), ((), None))
        found = await bench.record()
        equal((found.ready, found.leased, found.parked), (0, 0, ()))

    @case
    async def test_running_siblings_may_still_commit(self, bench: Bench) -> None:
        """What they finished is kept, and they are told to stop."""
        root = await bench.start()
        arms = (await bench.spawn(root, 4, keep=4)).claimed
        await bench.commit(arms[0], Fail(error=b"e"))
        states = await bench.store.renew([arms[1].fence], 60 * SECOND_US)
        equal(states, [LeaseState(True, Control.STOP)])
        moved = await bench.commit(arms[1], Move("f[1]/u", "in"), result=result("f[1]/t"))
        parked = await bench.commit(arms[2], Park(path="f[2]/d", input="", wait_us=9))
        ended = await bench.commit(arms[3], End(output="x", keep=True))
        for answer in (moved, parked, ended):
            equal((answer.control, answer.claimed), (Control.STOP, ()))
        for arm in arms:
            await bench.expect_stale(arm)
        await bench.expect_idle()
        equal((await bench.record()).error, b"e")
        await bench.store.retry("i")
        bench.later(1)
        claimed = {each.fence.item.index: each for each in await bench.claim()}
        equal(sorted(claimed), [0, 1, 2], "arms that go on")
        equal((claimed[1].path, claimed[1].input), ("f[1]/u", "in"))
        equal(claimed[2].phase, Phase.DELAY)
        equal(await bench.join(root.fence.run), [(3, "x", None)])

    @case
    async def test_leases_of_a_failed_instance_are_not_taken_over(self, bench: Bench) -> None:
        """However long they have been over."""
        root = await bench.start(lease=30)
        one, two = (await bench.spawn(root, 2, keep=2)).claimed
        await bench.commit(one, Fail(error=b"e"))
        bench.later(100)
        await bench.expect_idle()
        await bench.commit(two, Move("f[1]/u", ""))

    @case
    async def test_the_first_failure_is_the_instances(self, bench: Bench) -> None:
        """A second one is kept at its item only, in the same batch too."""
        root = await bench.start()
        arms = (await bench.spawn(root, 3, keep=3)).claimed
        errors = (b"first", b"second")
        answers = await bench.store.commit(
            [
                Checkpoint(fence=arm.fence, effect=Fail(error=error))
                for arm, error in zip(arms, errors, strict=False)
            ]
        )
        equal([each.accepted for each in answers], [True, True])
        equal(answers[1].control, Control.STOP)
        bench.later(1)
        await bench.commit(arms[2], Fail(error=b"third"))
        found = await bench.record()
        equal((found.error, found.finished_at_us), (b"first", bench.now_us - SECOND_US))
        told = [each.error for each in await bench.store.results("i")]
        equal(told, [b"first", b"second", b"third"])

    @case
    async def test_history_tells_failures_with_their_attempts(self, bench: Bench) -> None:
        """The attempts that failed and the one that failed for good."""
        got = await bench.start()
        for _ in range(2):
            await bench.commit(got, Retry(error=b"e", wait_us=0, in_place=True))
        await bench.commit(got, Fail(error=b"last"), result=None)
        [told] = await bench.store.results("i")
        equal((told.path, told.output, told.error, told.attempts), ("a", None, b"last", 3))

    @case
    async def test_retry_begins_with_fresh_counts(self, bench: Bench) -> None:
        """At the position and input where it failed."""
        await bench.create()
        await bench.claim_one(lease=30)
        bench.later(30)
        got = await bench.claim_one()
        await bench.commit(got, Retry(error=b"e", wait_us=0, in_place=True))
        await bench.commit(got, Fail(error=b"e"))
        await bench.store.retry("i")
        found = await bench.record()
        equal((found.state, found.error), (InstanceState.RUNNING, None))
        equal((found.finished_at_us, found.control, found.ready), (None, Control.NONE, 1))
        equal(await bench.store.results("i"), [])
        again = await bench.claim_one()
        equal((again.path, again.input, again.phase), ("a", "input-of-a", Phase.BACKOFF))
        equal((again.failures, again.interruptions, again.interruptions_ever), (0, 0, 0))
        await bench.commit(again, End(output="x"))
        await bench.expect_state(InstanceState.COMPLETED)

    @case
    async def test_retry_can_go_on_elsewhere(self, bench: Bench) -> None:
        """Where the failure says: a loop's next iteration, for one."""
        got = await bench.start()
        await bench.commit(got, Fail(error=b"e", at=Move("l[3]/t", "in")), result=result("a"))
        await bench.store.retry("i")
        again = await bench.claim_one()
        equal((again.path, again.input, again.phase), ("l[3]/t", "in", Phase.READY))
        equal([each.path for each in await bench.store.results("i")], ["a"])

    @case
    async def test_a_result_is_never_left_where_retry_goes_on(self, bench: Bench) -> None:
        """It couldn't be written there again; a collected item doesn't go on, and may have one."""
        root = await bench.start()
        [arm] = (await bench.spawn(root, 1, keep=1)).claimed
        await raises(StoreError, bench.commit(arm, Fail(error=b"e"), result=result("f[0]/t")))
        equal(await bench.store.results("i"), [])
        await bench.commit(arm, Fail(error=b"e", scope=arm.fence.item), result=result("f[0]/t"))
        told = [(each.path, each.error) for each in await bench.store.results("i")]
        equal(told[0], ("f[0]/t", None))

    @case
    async def test_retry_gives_a_fresh_deadline(self, bench: Bench) -> None:
        """The whole timeout again, from now."""
        got = await bench.start(timeout_us=60 * SECOND_US)
        bench.later(50)
        await bench.commit(got, Fail(error=b"e"))
        bench.later(100)
        await bench.store.retry("i")
        equal((await bench.record()).deadline_at_us, bench.now_us + 60 * SECOND_US)
        equal((await bench.claim_one()).deadline_in_us, 60 * SECOND_US)

    @case
    async def test_retry_is_for_failed_instances(self, bench: Bench) -> None:
        """Running, paused, completed and cancelled ones are refused."""
        got = await bench.start()
        await raises(InvalidTransition, bench.store.retry("i"))
        await bench.store.request_pause("i")
        await raises(InvalidTransition, bench.store.retry("i"))
        await bench.store.unpause("i")
        await bench.commit(got, End(output="x"))
        await raises(InvalidTransition, bench.store.retry("i"))
        await bench.create("cancelled")
        await bench.store.request_cancel("cancelled")
        await raises(InvalidTransition, bench.store.retry("cancelled"))

    @case
    async def test_retry_wakes_each_item_by_its_phase(self, bench: Bench) -> None:
        """Timers and timeouts at their old times, held items when there is room."""
        root = await bench.start()
        arms = (await bench.spawn(root, 6, limit=5, keep=5)).claimed
        await bench.commit(arms[0], Park(path="delay", input="", wait_us=50 * SECOND_US))
        await bench.wait_for(arms[1], "x", path="timeout", timeout=60)
        await bench.wait_for(arms[2], "x", path="forever")
        await bench.commit(arms[3], Retry(error=b"e", wait_us=70 * SECOND_US, in_place=False))
        await bench.commit(arms[4], Fail(error=b"e"))
        bench.later(10)
        await bench.store.retry("i")
        equal((await bench.claim_one(lease=900)).fence.item.index, 4)
        for seconds, path, phase in (
            (40, "delay", Phase.DELAY),
            (10, "timeout", Phase.SIGNAL),
            (10, "f[3]/t", Phase.BACKOFF),
        ):
            bench.later(seconds - 0.000_001)
            await bench.expect_idle()
            bench.later(0.000_001)
            got = await bench.claim_one(lease=900)
            equal((got.path, got.phase, got.failures), (path, phase, 0))
        await bench.commit(got, End(output="x"))
        equal((await bench.claim_one()).fence.item.index, 5)

    @case
    async def test_retry_keeps_the_event_of_a_wait(self, bench: Bench) -> None:
        """A failure over an event's payload gives it to the wait again."""
        got = await bench.start()
        await bench.store.send_event("i", "go", b"bad")
        answer = await bench.wait_for(got)
        await bench.commit(got, Fail(error=b"e"))
        await bench.store.retry("i")
        again = await bench.claim_one()
        equal((again.phase, again.event), (Phase.SIGNAL, answer.event))

    @case
    async def test_retry_offers_kept_events_to_waits(self, bench: Bench) -> None:
        """An event that came while a timed-out wait was claimed isn't left beside it."""
        await bench.wait_for(await bench.start(), timeout=5)
        bench.later(5)
        got = await bench.claim_one()
        await bench.store.send_event("i", "go", b"late")
        await bench.commit(got, Fail(error=b"timed out"))
        await bench.store.retry("i")
        again = await bench.claim_one()
        equal((again.phase, again.event and again.event.payload), (Phase.SIGNAL, b"late"))

    @case
    async def test_retry_leaves_live_leases_alone(self, bench: Bench) -> None:
        """Who still works may commit; the item is due at the lease's end."""
        root = await bench.start(lease=30)
        arms = (await bench.spawn(root, 3, keep=3)).claimed
        await bench.commit(arms[0], Fail(error=b"e"))
        await bench.store.retry("i")
        equal((await bench.claim_one(lease=900)).fence.item.index, 0)
        states = await bench.store.check([arms[1].fence])
        equal(states, [LeaseState(True, Control.NONE)])
        answer = await bench.commit(arms[1], Move("f[1]/u", ""))
        equal(answer.control, Control.NONE)
        bench.later(30)
        equal([each.fence.item.index for each in await bench.claim()], [1, 2])

    @case
    async def test_retry_leaves_the_counts_of_who_works(self, bench: Bench) -> None:
        """Its next attempt has the next number, with its holder and after it; the limit is new."""
        root = await bench.start(lease=30)
        arms = (await bench.spawn(root, 2, keep=2)).claimed
        await bench.commit(arms[1], Retry(error=b"e", wait_us=SECOND_US, in_place=True))
        bench.later(30)
        one, two = sorted(await bench.claim(lease=30), key=lambda each: each.fence.item.index)
        equal((two.failures, two.interruptions, two.interruptions_ever), (1, 1, 1))
        await bench.commit(one, Fail(error=b"e"))
        await bench.store.retry("i")
        equal((await bench.claim_one(lease=900)).fence.item.index, 0)
        bench.later(30)
        two = await bench.claim_one()
        equal((two.failures, two.interruptions, two.interruptions_ever), (1, 1, 2))

    @case
    async def test_a_done_join_is_due_after_retry(self, bench: Bench) -> None:
        """When the last arm ended in the failed instance, or the join itself failed."""
        root = await bench.start()
        one, two = (await bench.spawn(root, 2, keep=2)).claimed
        await bench.commit(one, Fail(error=b"e"))
        equal((await bench.commit(two, End(output="two"))).claimed, ())
        await bench.store.retry("i")
        again = await bench.claim_one()
        [joined] = (await bench.commit(again, End(output="one"))).claimed
        await bench.commit(joined, Fail(error=b"e"))
        await bench.store.retry("i")
        equal((await bench.claim_one()).phase, Phase.JOIN)

    # -- collected failures

    @case
    async def test_a_map_item_collects_its_failure(self, bench: Bench) -> None:
        """It ends with the error in the join; the instance goes on."""
        root = await bench.start()
        one, two = (await bench.spawn(root, 2, keep=2)).claimed
        answer = await bench.commit(one, Fail(error=b"e", scope=one.fence.item))
        equal((answer.control, answer.claimed), (Control.NONE, ()))
        await bench.expect_stale(one)
        [joined] = (await bench.commit(two, End(output="two"))).claimed
        equal(joined.phase, Phase.JOIN)
        equal(await bench.join(root.fence.run), [(0, None, b"e"), (1, "two", None)])
        found = await bench.record()
        equal((found.state, found.error), (InstanceState.RUNNING, None))

    @case
    async def test_the_last_item_can_end_by_its_failure(self, bench: Bench) -> None:
        """Then the answer brings the parent."""
        root = await bench.start()
        [arm] = (await bench.spawn(root, 1, keep=1)).claimed
        answer = await bench.commit(arm, Fail(error=b"e", scope=arm.fence.item))
        equal([(c.fence.item, c.phase) for c in answer.claimed], [(ItemKey(), Phase.JOIN)])

    @case
    async def test_a_collected_failure_readies_the_next_item(self, bench: Bench) -> None:
        """For whoever comes, or kept by the caller."""
        root = await bench.start()
        [arm] = (await bench.spawn(root, 3, limit=1, keep=1)).claimed
        answer = await bench.commit(arm, Fail(error=b"e", scope=arm.fence.item, keep=True))
        [arm] = answer.claimed
        equal(arm.fence.item.index, 1)
        answer = await bench.commit(arm, Fail(error=b"e", scope=arm.fence.item))
        equal(answer.claimed, ())
        equal((await bench.claim_one()).fence.item.index, 2)

    @case
    async def test_a_collected_failure_removes_what_runs_below(self, bench: Bench) -> None:
        """Arms of the item, however deep; their workers are stale, and their timers gone."""
        root = await bench.start()
        items = (await bench.spawn(root, 11, path="m", keep=11)).claimed
        inner = (await bench.spawn(items[1], 3, path="m[1]/f", keep=2)).claimed
        deep = (await bench.spawn(inner[0], 2, path="m[1]/f[0]/g", keep=2)).claimed
        await bench.commit(deep[0], Park(path="m[1]/f[0]/g[0]/d", input="", wait_us=9))
        [ten] = (await bench.spawn(items[10], 1, path="m[10]/f", keep=1)).claimed
        fail = Fail(error=b"e", scope=ItemKey("m", 1))
        answer = await bench.commit(inner[1], fail, result=result("m[1]/f[1]/x"))
        equal((answer.accepted, answer.claimed), (True, ()))
        for stale in (inner[0], inner[1], deep[0], deep[1]):
            await bench.expect_stale(stale)
        bench.later(1)
        await bench.expect_idle()
        run = root.fence.run
        equal(await bench.join(run, "m"), [(1, None, b"e")])
        equal(await bench.join(run, "m[1]/f"), [])
        [back] = (await bench.commit(ten, End(output="x"))).claimed
        equal(back.fence.item, ItemKey("m", 10))
        told = [each.path for each in await bench.store.results("i") if each.output]
        equal(told, ["m[1]/f[1]/x"], "results are kept")

    @case
    async def test_waits_below_a_collected_failure_get_no_event(self, bench: Bench) -> None:
        """They are gone; the event is kept for the next wait."""
        root = await bench.start()
        one, two = (await bench.spawn(root, 2, path="m", keep=2)).claimed
        a, b = (await bench.spawn(one, 2, path="m[0]/f", keep=2)).claimed
        await bench.wait_for(a, path="m[0]/f[0]/s")
        await bench.commit(b, Fail(error=b"e", scope=one.fence.item))
        await bench.store.send_event("i", "go", b"payload")
        answer = await bench.wait_for(two, path="m[1]/s")
        equal(answer.event and answer.event.payload, b"payload")

    @case
    async def test_collected_items_join_at_last(self, bench: Bench) -> None:
        """A map whose items all fail below joins with all the errors."""
        root = await bench.start()
        items = (await bench.spawn(root, 3, path="m", keep=3)).claimed
        claimed: list[Claimed] = []
        for index, item in enumerate(items):
            [arm] = (await bench.spawn(item, 1, path=f"m[{index}]/f", keep=1)).claimed
            fail = Fail(error=b"%d" % index, scope=ItemKey("m", index))
            claimed += (await bench.commit(arm, fail)).claimed
        equal([each.fence.item for each in claimed], [ItemKey()])
        wanted = [(index, None, b"%d" % index) for index in range(3)]
        equal(await bench.join(root.fence.run, "m"), wanted)

    @case
    async def test_history_tells_collected_failures(self, bench: Bench) -> None:
        """As errors of their items, with the attempts."""
        root = await bench.start()
        one, _ = (await bench.spawn(root, 2, keep=2)).claimed
        await bench.commit(one, Retry(error=b"e", wait_us=0, in_place=True))
        await bench.commit(one, Fail(error=b"last", scope=one.fence.item))
        [told] = await bench.store.results("i")
        equal((told.path, told.error, told.attempts), ("f[0]/t", b"last", 2))

    @case
    async def test_a_scope_must_be_an_open_map_item(self, bench: Bench) -> None:
        """Anything else is a mistake that writes nothing."""
        root = await bench.start()
        [arm] = (await bench.spawn(root, 1, keep=1)).claimed
        for scope in (ItemKey("f", 7), ItemKey("unknown", 0)):
            await raises(StoreError, bench.write(arm, Fail(error=b"e", scope=scope)))
        await bench.commit(arm, End(output="x"))
