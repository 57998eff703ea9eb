"""What the next task asks of a worker: who may claim an item, and handing it over."""

from __future__ import annotations

from sayiir.stores.records import (
    Await,
    Claimed,
    Control,
    End,
    Fail,
    InstanceState,
    Move,
    NewItem,
    Park,
    Retry,
    Spawn,
)
from sayiir.testing.contract.bench import SECOND_US, Bench, Maker, case, equal, expect, result
from sayiir.testing.contract.watching import sees

__all__ = ["TagCases"]

GPU = ("gpu",)
NOTHING = frozenset[str]()


def able(*tags: str) -> frozenset[str]:
    """What a worker can do."""
    return frozenset(tags)


def names(claimed: list[Claimed]) -> list[str]:
    """The instances of what was claimed, in that order."""
    return [each.instance_id for each in claimed]


class TagCases(Maker):
    """A claim answers items that ask for none but its tags."""

    # -- which items

    @case
    async def test_a_claim_gets_what_asks_for_none_but_its_tags(self, bench: Bench) -> None:
        """All that an item asks for, not some of it; more than it asks for doesn't matter."""
        for name, tags in (("plain", ()), ("one", GPU), ("both", ("eu", "gpu")), ("eu", ("eu",))):
            await bench.create(name, root_tags=tags)
        equal(names(await bench.claim(tags=NOTHING)), ["plain"])
        equal(names(await bench.claim(tags=able("gpu", "us"))), ["one"])
        equal(names(await bench.claim(tags=able("us"))), [])
        equal(names(await bench.claim(tags=able("gpu", "eu"))), ["both", "eu"])

    @case
    async def test_a_claim_without_a_filter_gets_whatever_is_asked(self, bench: Bench) -> None:
        """No filter isn't a filter without tags."""
        await bench.create("plain")
        await bench.create("one", root_tags=GPU)
        equal(names(await bench.claim(tags=None)), ["plain", "one"])

    @case
    async def test_tags_are_taken_by_the_letter(self, bench: Bench) -> None:
        """No prefix, no case, and nothing in them means anything."""
        odd = ('"a", "b"', "a,b", "ä", "%", "it's", "a\n")
        for tag in ("gpu", *odd):
            await bench.create(tag, root_tags=(tag,))
        wrong = able("gp", "gpus", "GPU", "a", "b", "a\u0308", "")
        equal(names(await bench.claim(tags=wrong)), [])
        for tag in odd:
            equal(names(await bench.claim(tags=able(tag))), [tag])

    @case
    async def test_tags_and_definitions_must_both_fit(self, bench: Bench) -> None:
        """The same tags in two workflows are two things."""
        for name in ("one", "two"):
            for tags in ((), GPU):
                await bench.create(
                    "-".join((name, *tags)),
                    root_tags=tags,
                    definition_hash=name,
                    definition=name.encode(),
                )
        known = frozenset({"two"})
        equal(names(await bench.claim(tags=NOTHING, definitions=known)), ["two"])
        equal(names(await bench.claim(tags=able("gpu"), definitions=known)), ["two-gpu"])
        equal(names(await bench.claim(tags=able("gpu"))), ["one", "one-gpu"])

    @case
    async def test_a_claim_of_one_instance_looks_at_tags_too(self, bench: Bench) -> None:
        """With waits after interruptions skipped, as well."""
        await bench.create("i", root_tags=GPU)
        await bench.create("other", root_tags=GPU)
        how = {"instance_id": "i", "skip_interruption_waits": True}
        equal(names(await bench.claim(tags=NOTHING, **how)), [])
        equal(names(await bench.claim(tags=able("gpu"), **how)), ["i"])

    @case
    async def test_what_it_may_not_have_counts_for_nothing(self, bench: Bench) -> None:
        """Neither towards the limit nor in the order."""
        for number in range(5):
            await bench.create(f"not-{number}", root_tags=GPU, priority=1)
        for number in range(3):
            await bench.create(f"i-{number}")
        answer = await bench.ask(limit=2, tags=NOTHING)
        equal(names(list(answer.items)), ["i-0", "i-1"])
        equal(answer.next_due_in_us, 0)
        equal(names(await bench.claim(limit=2, tags=NOTHING)), ["i-2"])

    @case
    async def test_rank_decides_across_tags(self, bench: Bench) -> None:
        """Whatever they ask for, among those that a worker may have."""
        for name, tags in (("a", GPU), ("b", ()), ("c", ("eu", "gpu")), ("d", ())):
            await bench.create(name, root_tags=tags)
            bench.later(1)
        await bench.create("urgent", root_tags=("eu",), priority=1)
        equal(names(await bench.claim(tags=able("eu", "gpu"))), ["urgent", "a", "b", "c", "d"])

    @case
    async def test_what_is_ready_at_one_moment_has_one_order(self, bench: Bench) -> None:
        """Equal ranks are taken by run and key, whichever tags they ask for."""
        names_of_all = [f"{number:02}" for number in range(12)]
        for number, name in enumerate(names_of_all):
            await bench.create(name, root_tags=(f"tag-{-number % 4}",))
        taken = await bench.claim(limit=12, lease=30)
        equal(names(taken), names_of_all)
        bench.later(30)
        for first in range(0, 12, 3):
            equal(names(await bench.claim(limit=3)), names_of_all[first : first + 3])

    @case
    async def test_the_next_due_time_is_of_what_it_may_have(self, bench: Bench) -> None:
        """A worker isn't woken for the timers and leases of others."""
        for name, tags, wait in (("i", (), 50), ("other", GPU, 20)):
            root = await bench.start(name, root_tags=tags)
            await bench.commit(root, Park(path="d", input="", wait_us=wait * SECOND_US, tags=tags))
        equal((await bench.ask(tags=NOTHING)).next_due_in_us, 50 * SECOND_US)
        equal((await bench.ask(tags=able("gpu"))).next_due_in_us, 20 * SECOND_US)
        equal((await bench.ask(tags=NOTHING, instance_id="other")).next_due_in_us, None)
        bench.later(20)
        equal((await bench.ask(tags=NOTHING)).next_due_in_us, 30 * SECOND_US)
        await bench.claim_one(tags=able("gpu"), lease=5.0)
        equal((await bench.ask(tags=NOTHING)).next_due_in_us, 30 * SECOND_US)
        equal((await bench.ask(tags=None)).next_due_in_us, 5 * SECOND_US)

    # -- where they come from

    @case
    async def test_a_move_brings_the_next_tasks_tags(self, bench: Bench) -> None:
        """They count when the item must be claimed again; the lease is kept."""
        root = await bench.start()
        await bench.commit(root, Move("b", "x", tags=GPU))
        await bench.commit(root, Move("c", "y", tags=GPU))
        await bench.store.release([root.fence])
        await bench.expect_idle(tags=NOTHING)
        again = await bench.claim_one(tags=able("gpu"))
        equal((again.path, again.input), ("c", "y"))

    @case
    async def test_a_move_without_tags_asks_for_none(self, bench: Bench) -> None:
        """Those of the last task are over, also where the task stays the same."""
        root = await bench.start(root_tags=GPU)
        await bench.commit(root, Move("a", ""))
        await bench.store.release([root.fence])
        again = await bench.claim_one(tags=NOTHING)
        await bench.commit(again, Move("b", "", tags=GPU))
        await bench.commit(again, Move("c", ""))
        await bench.store.release([again.fence])
        await bench.claim_one(tags=NOTHING)
        await bench.expect_idle()

    @case
    async def test_nothing_is_left_where_the_item_was_before(self, bench: Bench) -> None:
        """Its lease, too, is then for others to look after."""
        root = await bench.start(lease=30.0)
        await bench.commit(root, Move("b", "", tags=GPU))
        equal((await bench.ask(tags=NOTHING)).next_due_in_us, None)
        bench.later(30)
        await bench.expect_idle(tags=NOTHING)
        await bench.claim_one(tags=able("gpu"))

    @case
    async def test_what_is_parked_waits_with_the_tags_of_what_follows(self, bench: Bench) -> None:
        """Timers, waits with and without an event, and joins."""
        starts = ("timer", "timeout", "event", "join")
        timer, timeout, event, join = [await bench.start(name) for name in starts]
        await bench.commit(timer, Park(path="d", input="", wait_us=0, tags=GPU))
        for root, timeout_us in ((timeout, 0), (event, None)):
            wait = Await(path="s", input="", signal_name="go", timeout_us=timeout_us, tags=GPU)
            await bench.commit(root, wait)
        arm = NewItem(index=0, path="f[0]/t", input="")
        spawn = Spawn(path="f", input="", items=(arm,), total=1, tags=GPU)
        await bench.commit(join, spawn)
        arm_claimed = await bench.claim_one(tags=NOTHING)
        [joined] = (await bench.commit(arm_claimed, End(output=""))).claimed
        await bench.store.release([joined.fence])
        await bench.store.send_event("event", "go", b"")
        await bench.expect_idle(tags=NOTHING)
        equal(sorted(names(await bench.claim(tags=able("gpu")))), sorted(starts))

    @case
    async def test_arms_have_tags_of_their_own(self, bench: Bench) -> None:
        """Neither their parent's nor each other's; a held one keeps its own until its turn."""
        root = await bench.start(root_tags=("eu",))
        items = tuple(
            NewItem(index=index, path=f"f[{index}]/t", input="", tags=tags)
            for index, tags in enumerate(((), GPU, ("eu",), GPU))
        )
        await bench.commit(root, Spawn(path="f", input="", items=items, total=4, limit=2))
        plain = await bench.claim_one(tags=able("eu"))
        equal(plain.fence.item.index, 0)
        equal((await bench.claim_one(tags=able("gpu"))).fence.item.index, 1)
        await bench.commit(plain, End(output=""))
        await bench.expect_idle(tags=able("gpu"))
        second = await bench.claim_one(tags=able("eu"))
        equal(second.fence.item.index, 2)
        await bench.commit(second, End(output=""))
        equal((await bench.claim_one(tags=able("gpu"))).fence.item.index, 3)

    @case
    async def test_answers_bring_items_whatever_they_ask(self, bench: Bench) -> None:
        """The caller decides: kept arms, the next item and the parent are his at first."""
        root = await bench.start()
        items = tuple(
            NewItem(index=index, path=f"f[{index}]/t", input="", tags=GPU) for index in range(2)
        )
        spawn = Spawn(path="f", input="", items=items, total=2, limit=1, keep=1, tags=("eu",))
        [first] = (await bench.commit(root, spawn)).claimed
        [second] = (await bench.commit(first, End(output="", keep=True))).claimed
        [joined] = (await bench.commit(second, End(output=""))).claimed
        equal(joined.path, "f")
        await bench.store.release([joined.fence])
        await bench.expect_idle(tags=able("gpu"))
        await bench.claim_one(tags=able("eu"))

    @case
    async def test_an_unfinished_spawn_is_claimed_with_its_tags(self, bench: Bench) -> None:
        """Whoever goes on creating arms goes on from the join as well."""
        root = await bench.start()
        new = NewItem(index=0, path="f[0]/t", input="", tags=("eu",))
        await bench.commit(root, Spawn(path="f", input="", items=(new,), total=2, tags=GPU))
        await bench.store.release([root.fence])
        await bench.expect_idle(tags=NOTHING)
        again = await bench.claim_one(tags=able("gpu"))
        equal((again.spawned, again.spawn_total), (1, 2))

    @case
    async def test_an_attempt_elsewhere_brings_its_tags(self, bench: Bench) -> None:
        """A retry that goes on where the item is keeps them."""
        roots = [await bench.start(name, root_tags=GPU) for name in ("stays", "goes")]
        for root, at in zip(roots, (None, Move("b", "", tags=("eu",))), strict=True):
            await bench.commit(root, Retry(error=b"e", wait_us=0, in_place=False, at=at))
        await bench.expect_idle(tags=NOTHING)
        equal(names(await bench.claim(tags=able("eu"))), ["goes"])
        equal(names(await bench.claim(tags=able("gpu"))), ["stays"])

    @case
    async def test_a_failed_instance_goes_on_with_its_tags(self, bench: Bench) -> None:
        """Those of the failure's own position, where it names one."""
        roots = [await bench.start(name, root_tags=GPU) for name in ("stays", "goes")]
        for root, at in zip(roots, (None, Move("b", "", tags=("eu",))), strict=True):
            await bench.commit(root, Fail(error=b"e", at=at))
            await bench.store.retry(root.instance_id)
        await bench.expect_idle(tags=NOTHING)
        equal(names(await bench.claim(tags=able("eu"))), ["goes"])
        equal(names(await bench.claim(tags=able("gpu"))), ["stays"])

    # -- what changes nothing

    @case
    async def test_a_lost_lease_is_seen_by_those_who_may_have_the_item(self, bench: Bench) -> None:
        """And the interruption is counted by their claim, with its wait."""
        await bench.start(root_tags=GPU, lease=1.0)
        bench.later(1)
        await bench.expect_idle(tags=NOTHING)
        again = await bench.claim_one(tags=able("gpu"), lease=1.0)
        equal((again.interruptions, again.fence.epoch), (1, 2))
        bench.later(1)
        await bench.expect_idle(tags=able("gpu"))
        bench.later(2)
        await bench.expect_idle(tags=NOTHING)
        equal((await bench.claim_one(tags=able("gpu"))).interruptions, 2)

    @case
    async def test_a_deadline_is_seen_by_those_who_may_have_the_root(self, bench: Bench) -> None:
        """Nobody else goes on from it."""
        root = await bench.start(timeout_us=10 * SECOND_US)
        await bench.commit(root, Park(path="d", input="", wait_us=60 * SECOND_US, tags=GPU))
        bench.later(10)
        await bench.expect_idle(tags=NOTHING)
        equal((await bench.claim_one(tags=able("gpu"))).deadline_in_us, 0)

    @case
    async def test_pausing_leaves_tags_alone(self, bench: Bench) -> None:
        """What is due after it is due for the same workers."""
        await bench.create(root_tags=GPU)
        await bench.store.request_pause("i")
        await bench.expect_idle(tags=able("gpu"))
        await bench.store.unpause("i")
        await bench.expect_idle(tags=NOTHING)
        await bench.claim_one(tags=able("gpu"))

    @case
    async def test_what_nobody_can_do_counts_as_ready(self, bench: Bench) -> None:
        """A store doesn't know which workers there are."""
        await bench.create(root_tags=GPU)
        equal((await bench.record()).ready, 1)

    @case
    async def test_a_run_that_replaces_another_asks_anew(self, bench: Bench) -> None:
        """Nothing is left of what the old one asked for."""
        await bench.create(root_tags=GPU)
        await bench.create(over=True)
        await bench.expect_idle(tags=able("eu"), definitions=frozenset())
        await bench.claim_one(tags=NOTHING)
        await bench.expect_idle()

    # -- handing over

    @case
    async def test_handing_over_gives_the_lease_up(self, bench: Bench) -> None:
        """The result is kept, the item is due at once, and the fence is stale."""
        root = await bench.start(lease=1_000.0)
        move = Move("b", "r:a", tags=GPU, hand_over=True)
        answer = await bench.commit(root, move, result=result("a"))
        equal((answer.control, answer.claimed), (Control.NONE, ()))
        await bench.expect_stale(root)
        await bench.expect_idle(tags=NOTHING)
        again = await bench.claim_one(tags=able("gpu"))
        equal((again.path, again.input, again.fence.epoch), ("b", "r:a", root.fence.epoch + 1))
        equal([each.path for each in await bench.store.results("i")], ["a"])

    @case
    async def test_handing_over_is_no_interruption(self, bench: Bench) -> None:
        """However often it is done in a row: nobody was lost."""
        root = await bench.start()
        for number in range(5):
            await bench.commit(root, Move(f"b{number}", "", hand_over=True))
            root = await bench.claim_one()
            equal((root.interruptions, root.interruptions_ever, root.failures), (0, 0, 0))

    @case
    async def test_what_is_handed_over_queues_anew(self, bench: Bench) -> None:
        """From the moment of the write, by the next task's priority."""
        first, urgent = await bench.start("first"), await bench.start("urgent")
        bench.later(1)
        await bench.create("between")
        bench.later(1)
        await bench.commit(first, Move("b", "", hand_over=True))
        await bench.commit(urgent, Move("b", "", priority=1, hand_over=True))
        equal(names(await bench.claim()), ["urgent", "between", "first"])

    @case
    async def test_handing_over_wakes_watchers(self, bench: Bench) -> None:
        """Others needn't wait for their next look."""
        root = await bench.start()
        change = bench.commit(root, Move("b", "", tags=GPU, hand_over=True))
        expect(await sees(bench, change), "a Move that hands over")

    @case
    async def test_the_same_tags_can_be_handed_over_too(self, bench: Bench) -> None:
        """The write does as it is told; why, the caller knows."""
        root = await bench.start(root_tags=GPU)
        await bench.commit(root, Move("b", "", tags=GPU, hand_over=True))
        equal((await bench.record()).leased, 0)
        await bench.claim_one(tags=able("gpu"))

    @case
    async def test_in_a_paused_instance_it_waits_for_the_end_of_the_pause(
        self, bench: Bench
    ) -> None:
        """As with any other Move."""
        root = await bench.start()
        await bench.store.request_pause("i")
        answer = await bench.commit(root, Move("b", "", tags=GPU, hand_over=True))
        equal(answer.control, Control.PAUSE)
        await bench.expect_idle()
        await bench.store.unpause("i")
        await bench.expect_idle(tags=NOTHING)
        equal((await bench.claim_one(tags=able("gpu"))).path, "b")

    @case
    async def test_in_a_cancelled_instance_it_is_the_end(self, bench: Bench) -> None:
        """The result is kept and nothing is handed to anybody."""
        root = await bench.start()
        await bench.store.request_cancel("i")
        move = Move("b", "", tags=GPU, hand_over=True)
        answer = await bench.commit(root, move, result=result("a"))
        equal(answer.control, Control.CANCEL)
        await bench.expect_state(InstanceState.CANCELLED)
        await bench.expect_idle()

    @case
    async def test_an_attempts_position_hands_nothing_over(self, bench: Bench) -> None:
        """Within a Retry in place the lease is kept, whatever the Move says."""
        root = await bench.start()
        at = Move("b", "", tags=GPU, hand_over=True)
        await bench.commit(root, Retry(error=b"e", wait_us=0, in_place=True, at=at))
        [state] = await bench.store.check([root.fence])
        expect(state.held, "the lease was given up")
