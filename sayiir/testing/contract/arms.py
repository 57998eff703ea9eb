"""Forks and maps: spawning, keeping, holding, joining."""

from __future__ import annotations

from sayiir.stores.records import (
    Checkpoint,
    End,
    InstanceState,
    ItemKey,
    Move,
    Park,
    Phase,
    Wanted,
)
from sayiir.testing.contract.bench import SECOND_US, Bench, Maker, case, equal, expect, result

__all__ = ["ArmCases"]


class ArmCases(Maker):
    """No barrier but the join, and one join."""

    @case
    async def test_arms_are_due_and_their_parent_waits(self, bench: Bench) -> None:
        """The parent gives up its lease; each arm stands at its own path."""
        root = await bench.start()
        answer = await bench.spawn(root, 2)
        equal((answer.claimed, answer.joined), ((), False))
        await bench.expect_stale(root)
        arms = await bench.claim()
        equal([each.fence.item for each in arms], [ItemKey("f", 0), ItemKey("f", 1)])
        equal([(a.path, a.input) for a in arms], [("f[0]/t", "input-0"), ("f[1]/t", "input-1")])
        equal({each.phase for each in arms}, {Phase.READY})

    @case
    async def test_a_spawner_keeps_the_first_arms(self, bench: Bench) -> None:
        """As many as it asked for, as long as its own lease; others take the rest."""
        root = await bench.start(lease=30)
        bench.later(10)
        kept = (await bench.spawn(root, 4, keep=2)).claimed
        equal([each.fence.item.index for each in kept], [0, 1])
        equal({each.lease_until_at_us for each in kept}, {root.lease_until_at_us})
        rest = await bench.claim(holder="other", lease=100)
        equal([each.fence.item.index for each in rest], [2, 3])
        bench.later(20)
        again = await bench.claim(holder="other")
        equal([each.fence.item.index for each in again], [0, 1])

    @case
    async def test_more_can_be_kept_than_there_are(self, bench: Bench) -> None:
        """Then all of them are."""
        kept = (await bench.spawn(await bench.start(), 3, keep=10)).claimed
        equal([each.fence.item.index for each in kept], [0, 1, 2])

    @case
    async def test_the_last_arm_brings_the_parent(self, bench: Bench) -> None:
        """Claimed in the same answer, with the next epoch, at its join."""
        root = await bench.start(lease=30)
        one, two = (await bench.spawn(root, 2, keep=2)).claimed
        equal((await bench.commit(two, End(output="two"))).claimed, ())
        [joined] = (await bench.commit(one, End(output="one"))).claimed
        equal((joined.fence.item, joined.phase), (ItemKey(), Phase.JOIN))
        equal((joined.path, joined.input), ("f", "join"))
        equal((joined.spawned, joined.spawn_total), (2, 2))
        equal(joined.lease_until_at_us, one.lease_until_at_us)
        expect(joined.fence.epoch > root.fence.epoch, "the epoch did not grow")
        await bench.expect_idle()
        await bench.commit(joined, Move("d", ""))

    @case
    async def test_a_join_counts_its_own_attempts(self, bench: Bench) -> None:
        """A worker that was lost while it made the arms wasn't lost at what follows them."""
        await bench.start(lease=30)
        bench.later(30)
        root = await bench.claim_one()
        equal((root.interruptions, root.interruptions_ever), (1, 1))
        await bench.commit(root, Move("f", "join"))
        bench.later(100)
        root = await bench.claim_one()
        [arm] = (await bench.spawn(root, 1, keep=1)).claimed
        [joined] = (await bench.commit(arm, End(output="x"))).claimed
        equal((joined.phase, joined.failures), (Phase.JOIN, 0))
        equal((joined.interruptions, joined.interruptions_ever), (0, 0))

    @case
    async def test_a_join_is_read_in_order_of_index(self, bench: Bench) -> None:
        """Whatever the order of the ends."""
        root = await bench.start()
        arms = (await bench.spawn(root, 12, keep=12)).claimed
        for arm in arms[::-1]:
            await bench.commit(arm, End(output=f"out-{arm.fence.item.index}"))
        wanted = [(index, f"out-{index}", None) for index in range(12)]
        equal(await bench.join(root.fence.run), wanted)

    @case
    async def test_arms_that_end_in_one_batch_join_once(self, bench: Bench) -> None:
        """Exactly one answer holds the parent."""
        root = await bench.start()
        arms = (await bench.spawn(root, 5, keep=5)).claimed
        answers = await bench.store.commit(
            [Checkpoint(fence=arm.fence, effect=End(output="x")) for arm in arms]
        )
        equal([len(each.claimed) for each in answers], [0, 0, 0, 0, 1])
        await bench.expect_idle()

    @case
    async def test_arms_of_two_workers_join_once(self, bench: Bench) -> None:
        """Whoever ends last goes on, and holds the parent by its own name."""
        root = await bench.start()
        await bench.spawn(root, 2)
        one = await bench.claim(holder="one", limit=1)
        two = await bench.claim(holder="two", limit=1, lease=100)
        equal((await bench.commit(one[0], End(output="x"))).claimed, ())
        [joined] = (await bench.commit(two[0], End(output="x"))).claimed
        equal(joined.lease_until_at_us, two[0].lease_until_at_us)

    @case
    async def test_a_repeated_end_does_not_join_twice(self, bench: Bench) -> None:
        """The first one made the fence stale, so nothing is counted again."""
        root = await bench.start()
        one, two = (await bench.spawn(root, 2, keep=2)).claimed
        await bench.commit(one, End(output="x"))
        await bench.expect_stale(one)
        equal((await bench.record()).leased, 1, "open arms")
        equal(len((await bench.commit(two, End(output="x"))).claimed), 1)
        await bench.expect_stale(two)

    @case
    async def test_a_lost_join_is_due_again(self, bench: Bench) -> None:
        """As a join, at its lease's end; the arms don't run again."""
        root = await bench.start(lease=30)
        [arm] = (await bench.spawn(root, 1, keep=1)).claimed
        await bench.commit(arm, End(output="x"))
        bench.later(30)
        got = await bench.claim_one()
        equal((got.phase, got.path, got.fence.item), (Phase.JOIN, "f", ItemKey()))
        await bench.commit(got, End(output="out"))
        await bench.expect_state(InstanceState.COMPLETED)

    @case
    async def test_a_waiting_parent_is_never_due(self, bench: Bench) -> None:
        """While one arm is open, wherever that arm stands."""
        root = await bench.start()
        one, two = (await bench.spawn(root, 2, keep=2)).claimed
        await bench.commit(one, End(output="x"))
        await bench.commit(two, Park(path="f[1]/d", input="", wait_us=500 * SECOND_US))
        bench.later(499)
        await bench.expect_idle()
        bench.later(1)
        equal((await bench.claim_one()).path, "f[1]/d")

    @case
    async def test_arms_go_on_by_themselves(self, bench: Bench) -> None:
        """They move, spawn and join on their own; the outer parent waits for all."""
        root = await bench.start()
        one, two = (await bench.spawn(root, 2, keep=2)).claimed
        inner = (await bench.spawn(one, 2, path="f[0]/g", keep=2)).claimed
        equal([each.fence.item for each in inner], [ItemKey("f[0]/g", 0), ItemKey("f[0]/g", 1)])
        await bench.commit(two, End(output="two"))
        await bench.commit(inner[0], End(output="in-0"))
        [arm] = (await bench.commit(inner[1], End(output="in-1"))).claimed
        equal((arm.fence.item, arm.path), (ItemKey("f", 0), "f[0]/g"))
        [joined] = (await bench.commit(arm, End(output="one"))).claimed
        equal(joined.fence.item, ItemKey())
        run = root.fence.run
        equal(await bench.join(run), [(0, "one", None), (1, "two", None)])
        equal(await bench.join(run, "f[0]/g"), [(0, "in-0", None), (1, "in-1", None)])

    @case
    async def test_a_second_spawn_has_arms_of_its_own(self, bench: Bench) -> None:
        """Straight from the first join, without a move between."""
        root = await bench.start()
        [arm] = (await bench.spawn(root, 1, keep=1)).claimed
        [joined] = (await bench.commit(arm, End(output="x"))).claimed
        arms = (await bench.spawn(joined, 2, path="g", keep=2)).claimed
        equal([each.path for each in arms], ["g[0]/t", "g[1]/t"])
        equal((await bench.commit(arms[0], End(output="y"))).claimed, ())
        [joined] = (await bench.commit(arms[1], End(output="y"))).claimed
        equal((joined.path, joined.spawned, joined.spawn_total), ("g", 2, 2))

    @case
    async def test_a_spawn_of_nothing_joins_at_once(self, bench: Bench) -> None:
        """The caller keeps the lease and goes on; if it is lost, the join is due."""
        root = await bench.start(lease=30)
        answer = await bench.spawn(root, 0)
        equal((answer.joined, answer.claimed), (True, ()))
        equal(await bench.join(root.fence.run), [])
        await bench.expect_idle()
        bench.later(30)
        got = await bench.claim_one()
        equal((got.phase, got.spawned, got.spawn_total), (Phase.JOIN, 0, 0))
        await bench.commit(got, Move("b", ""))

    @case
    async def test_a_map_is_spawned_in_batches(self, bench: Bench) -> None:
        """The parent keeps lease and phase until the last; then it waits."""
        root = await bench.start()
        first = await bench.spawn(root, 3, total=5, keep=1)
        equal((first.joined, len(first.claimed)), (False, 1))
        second = await bench.spawn(root, 2, first=3, total=5, keep=1)
        equal((second.joined, [each.fence.item.index for each in second.claimed]), (False, [3]))
        await bench.expect_stale(root)
        equal([each.fence.item.index for each in await bench.claim()], [1, 2, 4])

    @case
    async def test_an_unfinished_spawn_is_taken_up_again(self, bench: Bench) -> None:
        """The next worker learns how many exist; those it repeats are skipped."""
        root = await bench.start(lease=30)
        await bench.spawn(root, 3, total=5, keep=3)
        bench.later(30)
        claimed = await bench.claim(lease=100)
        got = next(each for each in claimed if each.fence.item == ItemKey())
        equal((got.phase, got.path), (Phase.READY, "f"))
        equal((got.spawned, got.spawn_total), (3, 5))
        await bench.spawn(got, 5, total=5)
        equal([each.fence.item.index for each in await bench.claim()], [3, 4])
        equal((await bench.record()).leased, 5)

    @case
    async def test_repeating_a_batch_changes_nothing(self, bench: Bench) -> None:
        """An arm that has ended stays ended, with its output."""
        root = await bench.start()
        [arm] = (await bench.spawn(root, 1, total=2, keep=1)).claimed
        await bench.commit(arm, End(output="first"))
        equal((await bench.spawn(root, 1, total=2, keep=1)).claimed, ())
        equal(await bench.join(root.fence.run), [(0, "first", None)])
        [last] = (await bench.spawn(root, 1, first=1, total=2, keep=1)).claimed
        [joined] = (await bench.commit(last, End(output="second"))).claimed
        equal(joined.spawned, 2)

    @case
    async def test_nothing_joins_before_all_are_created(self, bench: Bench) -> None:
        """Even when every arm that exists has ended."""
        root = await bench.start()
        for arm in (await bench.spawn(root, 2, total=3, keep=2)).claimed:
            equal((await bench.commit(arm, End(output="x"))).claimed, ())
        await bench.expect_idle()
        [last] = (await bench.spawn(root, 1, first=2, total=3, keep=1)).claimed
        equal(len((await bench.commit(last, End(output="x"))).claimed), 1)

    @case
    async def test_an_unfinished_spawn_without_a_holder_does_not_join(self, bench: Bench) -> None:
        """Its arms' ends bring no parent; it is due to go on spawning."""
        root = await bench.start()
        arms = (await bench.spawn(root, 2, total=3, keep=2)).claimed
        await bench.store.release([root.fence])
        for arm in arms:
            equal((await bench.commit(arm, End(output="x"))).claimed, ())
        got = await bench.claim_one()
        equal((got.phase, got.spawned, got.spawn_total), (Phase.READY, 2, 3))

    @case
    async def test_a_spawn_repeated_at_its_join_joins_at_once(self, bench: Bench) -> None:
        """No arm is left to wait for; the caller keeps the lease and goes on."""
        root = await bench.start()
        [arm] = (await bench.spawn(root, 1, keep=1)).claimed
        [back] = (await bench.commit(arm, End(output="x"))).claimed
        answer = await bench.spawn(back, 1)
        equal((answer.joined, answer.claimed), (True, ()))
        await bench.commit(back, End(output="done"))

    @case
    async def test_items_beyond_the_limit_are_held(self, bench: Bench) -> None:
        """An end readies the next, lowest index first, for whoever comes."""
        root = await bench.start()
        one, two = (await bench.spawn(root, 5, limit=2, keep=5)).claimed
        equal([one.fence.item.index, two.fence.item.index], [0, 1])
        await bench.expect_idle()
        found = await bench.record()
        equal((found.ready, found.leased, found.parked), (0, 2, ()))
        equal((await bench.commit(two, End(output="x"))).claimed, ())
        got = await bench.claim_one(holder="other")
        equal(got.fence.item.index, 2)
        await bench.commit(one, End(output="x"))
        equal((await bench.claim_one()).fence.item.index, 3)

    @case
    async def test_who_ends_an_item_can_keep_the_next(self, bench: Bench) -> None:
        """Claimed in the answer, as long as its own lease; the last brings the parent."""
        root = await bench.start(lease=30)
        [arm] = (await bench.spawn(root, 4, limit=1, keep=1)).claimed
        seen = [arm.fence.item.index]
        for _ in range(3):
            [arm] = (await bench.commit(arm, End(output="x", keep=True))).claimed
            equal(arm.lease_until_at_us, root.lease_until_at_us)
            seen.append(arm.fence.item.index)
        equal(seen, [0, 1, 2, 3])
        [joined] = (await bench.commit(arm, End(output="x", keep=True))).claimed
        equal(joined.phase, Phase.JOIN)

    @case
    async def test_the_limit_holds_over_batches(self, bench: Bench) -> None:
        """And a batch that comes when all earlier items have ended isn't stuck."""
        root = await bench.start()
        arms = (await bench.spawn(root, 2, total=5, limit=2, keep=2)).claimed
        for arm in arms:
            await bench.commit(arm, End(output="x"))
        kept = (await bench.spawn(root, 3, first=2, total=5, limit=2, keep=5)).claimed
        equal([each.fence.item.index for each in kept], [2, 3])
        [last] = (await bench.commit(kept[0], End(output="x", keep=True))).claimed
        equal(last.fence.item.index, 4)

    @case
    async def test_never_more_than_the_limit_are_open(self, bench: Bench) -> None:
        """Through the whole map, with several workers."""
        root = await bench.start()
        await bench.spawn(root, 20, limit=3)
        order: list[int] = []
        open_arms = await bench.claim()
        while open_arms and open_arms[0].phase is Phase.READY:
            expect(len(open_arms) <= 3, f"{len(open_arms)} items were open")
            arm = open_arms.pop(len(order) % len(open_arms))
            order.append(arm.fence.item.index)
            keep = len(order) % 2 == 0
            open_arms += (await bench.commit(arm, End(output="x", keep=keep))).claimed
            open_arms += await bench.claim()
        equal(sorted(order), list(range(20)))
        equal([each.phase for each in open_arms], [Phase.JOIN])

    @case
    async def test_items_carry_their_elements(self, bench: Bench) -> None:
        """Held ones too, until they are pruned."""
        root = await bench.start()
        await bench.spawn(root, 4, limit=1)
        keys = tuple(ItemKey("f", index) for index in (3, 0, 7))
        [loaded] = await bench.store.load([Wanted(run=root.fence.run, elements=keys)])
        equal(loaded.elements, {keys[0]: b"3", keys[1]: b"0"})

    @case
    async def test_a_large_map_runs_in_batches(self, bench: Bench) -> None:
        """Two thousand items, a hundred at a time, all ended once and joined."""
        root = await bench.start(lease=100_000)
        total, size = 2_000, 500
        for first in range(0, total, size):
            await bench.spawn(root, size, first=first, total=total, limit=100)
        done = 0
        batch = await bench.claim(lease=100_000)
        while batch and batch[0].phase is Phase.READY:
            ends = [
                Checkpoint(
                    fence=arm.fence,
                    effect=End(output="x", keep=True),
                    result=result(arm.path, b"", node_path="f/t"),
                )
                for arm in batch
            ]
            answers = await bench.store.commit(ends)
            done += len(ends)
            batch = [each for answer in answers for each in answer.claimed]
        equal((done, [each.phase for each in batch]), (total, [Phase.JOIN]))
        equal(await bench.store.count_results("i", "f/t"), total)
        equal(len(await bench.join(root.fence.run)), total)
