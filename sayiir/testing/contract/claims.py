"""Which items a claim answers, in which order, and what is due next."""

from __future__ import annotations

from sayiir.stores.records import Await, End, Move, NewItem, Park, Retry, Spawn
from sayiir.testing.contract.bench import SECOND_US, Bench, Maker, case, equal

__all__ = ["ClaimCases"]


class ClaimCases(Maker):
    """Order, filters, limits, next due times."""

    @case
    async def test_an_item_is_claimed_once(self, bench: Bench) -> None:
        """The second worker finds nothing."""
        await bench.create()
        await bench.claim_one(holder="one")
        await bench.expect_idle(holder="two")

    @case
    async def test_what_has_been_ready_longest_comes_first(self, bench: Bench) -> None:
        """At equal priorities: one after the other, by the time they became ready."""
        for name in ("b", "a", "c"):
            await bench.create(name)
            bench.later(1)
        equal([each.instance_id for each in await bench.claim()], ["b", "a", "c"])

    @case
    async def test_urgent_items_overtake_by_five_minutes_a_step(self, bench: Bench) -> None:
        """Priority 1 comes before a 3 that became ready less than ten minutes earlier."""
        await bench.create("normal", priority=3)
        bench.later(599)
        await bench.create("urgent", priority=1)
        await bench.create("middle", priority=2)
        names = [each.instance_id for each in await bench.claim()]
        equal(names, ["urgent", "normal", "middle"])

    @case
    async def test_an_input_that_comes_along_is_the_instances(self, bench: Bench) -> None:
        """A store may bring what the holder reads first, or leave it to be asked for."""
        await bench.create("one", input=b"1")
        await bench.create("other", input=b"2")
        for claimed, data in zip(await bench.claim(), (b"1", b"2"), strict=True):
            if claimed.input_data not in (None, data):
                raise AssertionError(f"{claimed.input_data!r} came along, not {data!r}")

    @case
    async def test_nothing_starves(self, bench: Bench) -> None:
        """A 5 that has waited over twenty minutes comes before a new 1."""
        await bench.create("patient", priority=5)
        bench.later(1_201)
        await bench.create("urgent", priority=1)
        equal([each.instance_id for each in await bench.claim()], ["patient", "urgent"])

    @case
    async def test_the_roots_own_priority_wins_over_the_instances(self, bench: Bench) -> None:
        """It is its first task's."""
        await bench.create("plain", priority=2)
        await bench.create("own", priority=5, root_priority=1)
        equal([each.instance_id for each in await bench.claim()], ["own", "plain"])

    @case
    async def test_arms_have_priorities_of_their_own(self, bench: Bench) -> None:
        """An arm without one has its instance's."""
        root = await bench.start(priority=3)
        items = tuple(
            NewItem(index=index, path=f"f[{index}]/t", input="", priority=priority)
            for index, priority in enumerate((4, None, 1))
        )
        await bench.commit(root, Spawn(path="f", input="", items=items, total=3))
        equal([each.fence.item.index for each in await bench.claim()], [2, 1, 0])

    @case
    async def test_what_is_parked_waits_with_the_priority_of_what_follows(
        self, bench: Bench
    ) -> None:
        """Timers, waits and joins; one that names none has its instance's."""
        starts = ("none", "timer", "wait", "join")
        none, timer, wait, join = [await bench.start(name, priority=3) for name in starts]
        arm = NewItem(index=0, path="f[0]/t", input="")
        spawn = Spawn(path="f", input="", items=(arm,), total=1, keep=1, priority=1)
        [kept] = (await bench.commit(join, spawn)).claimed
        await bench.commit(none, Park(path="d", input="", wait_us=0))
        await bench.commit(timer, Park(path="d", input="", wait_us=0, priority=4))
        await bench.commit(
            wait, Await(path="s", input="", signal_name="go", timeout_us=0, priority=2)
        )
        [joined] = (await bench.commit(kept, End(output=""))).claimed
        await bench.store.release([joined.fence])
        names = [each.instance_id for each in await bench.claim()]
        equal(names, ["join", "wait", "none", "timer"])

    @case
    async def test_a_move_brings_the_next_tasks_priority(self, bench: Bench) -> None:
        """It counts when the item must be claimed again."""
        first, second = await bench.start("first"), await bench.start("second")
        await bench.commit(first, Move("b", "x"))
        await bench.commit(second, Move("b", "x", priority=1))
        await bench.store.release([first.fence, second.fence])
        equal([each.instance_id for each in await bench.claim()], ["second", "first"])

    @case
    async def test_a_timer_ranks_by_the_time_it_was_over(self, bench: Bench) -> None:
        """Not by when somebody came to look."""
        late, soon = await bench.start("late"), await bench.start("soon")
        await bench.commit(late, Park(path="d", input="", wait_us=20 * SECOND_US))
        await bench.commit(soon, Park(path="d", input="", wait_us=10 * SECOND_US))
        bench.later(15)
        await bench.create("between")
        bench.later(100)
        names = [each.instance_id for each in await bench.claim()]
        equal(names, ["soon", "between", "late"])

    @case
    async def test_ties_are_broken_by_run_path_and_index(self, bench: Bench) -> None:
        """So that everybody touches rows in one order."""
        roots = [await bench.start(name) for name in ("z", "a")]
        for root in roots:
            await bench.spawn(root, 12)
        found = [(each.instance_id, each.fence.item.index) for each in await bench.claim()]
        equal(found, [(name, index) for name in ("z", "a") for index in range(12)])

    @case
    async def test_the_limit_is_kept(self, bench: Bench) -> None:
        """And the answer tells that more is due now."""
        for number in range(5):
            await bench.create(f"i{number}")
        answer = await bench.ask(limit=2)
        equal([each.instance_id for each in answer.items], ["i0", "i1"])
        equal(answer.next_due_in_us, 0)
        equal(len(await bench.claim()), 3)

    @case
    async def test_claims_are_filtered_by_definition(self, bench: Bench) -> None:
        """A worker gets only what it can run; None is any, an empty set nothing."""
        for number in (1, 2, 3):
            await bench.create(f"i{number}", definition_hash=f"hash-{number}")
        await bench.expect_idle(definitions=frozenset[str]())
        await bench.expect_idle(definitions=frozenset({"unknown"}))
        some = await bench.claim(definitions=frozenset({"hash-1", "hash-3", "unknown"}))
        equal([each.instance_id for each in some], ["i1", "i3"])
        equal((await bench.claim_one()).instance_id, "i2")

    @case
    async def test_claims_are_filtered_by_instance(self, bench: Bench) -> None:
        """And by definition at the same time."""
        for number in (1, 2):
            await bench.create(f"i{number}", definition_hash=f"hash-{number}")
        await bench.expect_idle(instance_id="unknown")
        await bench.expect_idle(instance_id="i2", definitions=frozenset({"hash-1"}))
        equal((await bench.claim_one(instance_id="i2")).instance_id, "i2")
        equal((await bench.claim_one()).instance_id, "i1")

    @case
    async def test_nothing_known_is_due_never(self, bench: Bench) -> None:
        """In an empty store, and where all waits for a signal without a timeout."""
        equal((await bench.ask()).next_due_in_us, None)
        await bench.wait_for(await bench.start())
        equal((await bench.ask()).next_due_in_us, None)

    @case
    async def test_the_answer_tells_when_the_next_timer_is_over(self, bench: Bench) -> None:
        """The earliest within the filters, as a span."""
        for name, seconds in (("late", 50), ("soon", 20)):
            park = Park(path="d", input="", wait_us=seconds * SECOND_US)
            await bench.commit(await bench.start(name), park)
        bench.later(5)
        equal((await bench.ask()).next_due_in_us, 15 * SECOND_US)
        equal((await bench.ask(instance_id="late")).next_due_in_us, 45 * SECOND_US)
        equal((await bench.ask(definitions=frozenset({"other"}))).next_due_in_us, None)

    @case
    async def test_the_answer_tells_when_the_next_lease_ends(self, bench: Bench) -> None:
        """A lost worker's item must be looked at then."""
        await bench.start(lease=30)
        bench.later(10)
        equal((await bench.ask()).next_due_in_us, 20 * SECOND_US)

    @case
    async def test_a_timer_is_never_early(self, bench: Bench) -> None:
        """Due at its microsecond, not before; the phase tells that it was a timer."""
        got = await bench.start()
        answer = await bench.commit(got, Park(path="d", input="y", wait_us=10 * SECOND_US))
        equal(answer.claimed, ())
        bench.later(9.999_999)
        await bench.expect_idle()
        bench.later(0.000_001)
        got = await bench.claim_one()
        equal((got.phase.value, got.path, got.input), ("delay", "d", "y"))
        equal((got.interruptions, got.interruptions_ever), (0, 0))

    @case
    async def test_a_timer_can_be_set_to_a_moment(self, bench: Bench) -> None:
        """One that is past is due at once."""
        got = await bench.start("past")
        await bench.commit(got, Park(path="d", input="", at_us=bench.now_us - SECOND_US))
        equal((await bench.claim_one()).phase.value, "delay")
        got = await bench.start("future")
        await bench.commit(got, Park(path="d", input="", at_us=bench.now_us + 5 * SECOND_US))
        bench.later(4.999_999)
        await bench.expect_idle()
        bench.later(0.000_001)
        equal((await bench.claim_one(instance_id="future")).path, "d")

    @case
    async def test_a_backoff_is_a_timer_that_tries_again(self, bench: Bench) -> None:
        """It keeps position and input, and counts the failure."""
        got = await bench.start()
        retry = Retry(error=b"e", wait_us=10 * SECOND_US, in_place=False)
        await bench.commit(got, retry)
        await bench.expect_stale(got)
        bench.later(9.999_999)
        await bench.expect_idle()
        bench.later(0.000_001)
        got = await bench.claim_one()
        equal((got.phase.value, got.path, got.input), ("backoff", "a", "input-of-a"))
        equal((got.failures, got.interruptions_ever), (1, 0))

    @case
    async def test_what_is_ready_stays_so_when_the_clock_goes_back(self, bench: Bench) -> None:
        """Readiness is a fact, not a time."""
        await bench.create()
        bench.later(-86_400)
        await bench.claim_one()

    @case
    async def test_timers_wait_when_the_clock_goes_back(self, bench: Bench) -> None:
        """They are over by the store's clock, whatever was seen before."""
        got = await bench.start()
        await bench.commit(got, Park(path="d", input="", wait_us=10 * SECOND_US))
        other = await bench.start("other")
        await bench.commit(other, Park(path="d", input="", wait_us=9 * SECOND_US))
        bench.later(11)
        equal(len(await bench.claim(limit=1)), 1)
        bench.later(-5)
        await bench.expect_idle()
        bench.later(4)
        equal((await bench.claim_one(limit=1)).instance_id, "i")

    @case
    async def test_leases_stand_when_the_clock_goes_back(self, bench: Bench) -> None:
        """They end later then; nobody is robbed."""
        got = await bench.start(lease=30)
        bench.later(-3_600)
        await bench.expect_idle()
        equal((await bench.commit(got, Move("b", ""))).accepted, True)

    @case
    async def test_a_finished_instance_is_never_claimed(self, bench: Bench) -> None:
        """However long one waits."""
        await bench.commit(await bench.start(), End(output="x"))
        bench.later(100_000)
        answer = await bench.ask()
        equal((answer.items, answer.next_due_in_us), ((), None))

    @case
    async def test_many_items_are_each_claimed_once(self, bench: Bench) -> None:
        """By workers that take turns with different limits."""
        await bench.spawn(await bench.start(), 200)
        seen: list[int] = []
        for turn in range(60):
            claimed = await bench.claim(holder=f"w{turn % 3}", limit=turn % 5 + 2)
            seen += [each.fence.item.index for each in claimed]
        equal(seen, list(range(200)))
