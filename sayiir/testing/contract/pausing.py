"""Pausing and going on, in every phase that an item can be in."""

from __future__ import annotations

from sayiir.errors import InvalidTransition
from sayiir.stores.records import (
    Checkpoint,
    Claimed,
    Control,
    End,
    Fail,
    InstanceQuery,
    InstanceState,
    ItemKey,
    Move,
    Phase,
    Retry,
    StatusName,
)
from sayiir.testing.contract.bench import SECOND_US, Bench, Maker, case, equal, raises, result
from sayiir.testing.contract.phases import PHASES, instances, stand

__all__ = ["PauseCases"]


class PauseCases(Maker):
    """Nothing new starts; nothing is lost."""

    @case
    async def test_nothing_of_a_paused_instance_starts(self, bench: Bench) -> None:
        """In every phase; after the pause each is due by its own time."""
        async for name in instances(bench):
            await bench.store.request_pause(name, "rest", "ada")
            found = await bench.record(name)
            equal((found.state, found.control), (InstanceState.RUNNING, Control.PAUSE), name)
            equal((found.reason, found.requested_by), ("rest", "ada"), name)
        answer = await bench.ask()
        equal((answer.items, answer.next_due_in_us), ((), None))
        page = await bench.store.page(InstanceQuery(status=StatusName.PAUSED))
        equal(sorted(each.instance_id for each in page.records), sorted(PHASES))
        for name in PHASES:
            await bench.store.unpause(name)
            equal((await bench.record(name)).control, Control.NONE, name)
        now = {each.instance_id: each.phase.value for each in await bench.claim(lease=900)}
        wanted = {"ready": "ready", "event": "signal", "join": "join", "held": "ready"}
        equal(now, wanted)
        bench.later(10)
        then = {each.instance_id: each.phase.value for each in await bench.claim()}
        equal(then, {"delay": "delay", "backoff": "backoff"})

    @case
    async def test_times_go_on_during_a_pause(self, bench: Bench) -> None:
        """What came due meanwhile is due when it ends."""
        await stand(bench, "delay")
        await bench.wait_for(await bench.start("timeout"), timeout=20)
        for name in ("delay", "timeout"):
            await bench.store.request_pause(name)
        bench.later(100)
        await bench.expect_idle()
        for name in ("delay", "timeout"):
            await bench.store.unpause(name)
        equal([each.instance_id for each in await bench.claim()], ["delay", "timeout"])

    @case
    async def test_a_pause_lets_checkpoints_through(self, bench: Bench) -> None:
        """What runs is written; the lease is given up and the holder told."""
        got = await bench.start()
        await bench.store.request_pause("i")
        equal((await bench.record()).leased, 1)
        answer = await bench.commit(got, Move("b", "in"), result=result("a"))
        equal((answer.control, answer.claimed), (Control.PAUSE, ()))
        await bench.expect_stale(got)
        await bench.expect_idle()
        equal((await bench.record()).leased, 0)
        await bench.store.unpause("i")
        got = await bench.claim_one()
        equal((got.path, got.input, got.phase), ("b", "in", Phase.READY))
        equal((got.interruptions, got.interruptions_ever), (0, 0))

    @case
    async def test_a_paused_retry_goes_on_later(self, bench: Bench) -> None:
        """The failure is counted, whichever way the holder meant to wait."""
        for in_place in (True, False):
            got = await bench.start(f"{in_place}")
            await bench.store.request_pause(f"{in_place}")
            retry = Retry(error=b"e", wait_us=SECOND_US, in_place=in_place)
            equal((await bench.commit(got, retry)).control, Control.PAUSE)
            bench.later(1)
            await bench.expect_idle()
            await bench.store.unpause(f"{in_place}")
            got = await bench.claim_one(lease=900)
            equal((got.path, got.failures), ("a", 1))

    @case
    async def test_a_pause_holds_the_join_back(self, bench: Bench) -> None:
        """The last arm's end brings no parent; it is due afterwards."""
        [arm] = (await bench.spawn(await bench.start(), 1, keep=1)).claimed
        await bench.store.request_pause("i")
        answer = await bench.commit(arm, End(output="x"))
        equal((answer.control, answer.claimed), (Control.PAUSE, ()))
        await bench.expect_idle()
        await bench.store.unpause("i")
        equal((await bench.claim_one()).phase, Phase.JOIN)

    @case
    async def test_a_pause_keeps_no_arms(self, bench: Bench) -> None:
        """They are created and due afterwards; so is a join of none."""
        root, empty = await bench.start("arms"), await bench.start("empty")
        for name in ("arms", "empty"):
            await bench.store.request_pause(name)
        answer = await bench.spawn(root, 2, keep=2)
        equal((answer.control, answer.claimed), (Control.PAUSE, ()))
        answer = await bench.spawn(empty, 0)
        equal((answer.control, answer.joined), (Control.PAUSE, False))
        await bench.expect_idle()
        for name in ("arms", "empty"):
            await bench.store.unpause(name)
        found = [(each.path, each.phase) for each in await bench.claim()]
        ready = [("f[0]/t", Phase.READY), ("f[1]/t", Phase.READY)]
        equal(sorted(found, key=str), sorted([*ready, ("f", Phase.JOIN)], key=str))

    @case
    async def test_a_paused_spawn_is_taken_up_again(self, bench: Bench) -> None:
        """From as many as had been created."""
        root = await bench.start()
        await bench.store.request_pause("i")
        await bench.spawn(root, 2, total=5)
        await bench.store.unpause("i")
        claimed = {each.fence.item: each for each in await bench.claim()}
        equal(len(claimed), 3)
        equal((claimed[ItemKey()].spawned, claimed[ItemKey()].spawn_total), (2, 5))

    @case
    async def test_a_paused_wait_has_consumed_its_event(self, bench: Bench) -> None:
        """It was written; whoever claims it after the pause has it."""
        got = await bench.start()
        await bench.store.send_event("i", "go", b"1")
        await bench.store.request_pause("i")
        answer = await bench.wait_for(got)
        equal(answer.control, Control.PAUSE)
        await bench.expect_stale(got)
        await bench.expect_idle()
        await bench.store.unpause("i")
        got = await bench.claim_one()
        equal((got.phase, got.event and got.event.payload), (Phase.SIGNAL, b"1"))

    @case
    async def test_a_pause_keeps_no_next_item(self, bench: Bench) -> None:
        """The held item is readied, and claimed after the pause."""
        [arm] = (await bench.spawn(await bench.start(), 3, limit=1, keep=1)).claimed
        await bench.store.request_pause("i")
        equal((await bench.commit(arm, End(output="x", keep=True))).claimed, ())
        await bench.store.unpause("i")
        equal((await bench.claim_one()).fence.item.index, 1)

    @case
    async def test_the_roots_end_completes_a_paused_instance(self, bench: Bench) -> None:
        """There is nothing left to pause; a failure fails it likewise."""
        completed, failed = await bench.start("completed"), await bench.start("failed")
        for name in ("completed", "failed"):
            await bench.store.request_pause(name)
        await bench.commit(completed, End(output="x"))
        await bench.commit(failed, Fail(error=b"e"))
        await bench.expect_state(InstanceState.COMPLETED, "completed")
        await bench.expect_state(InstanceState.FAILED, "failed")
        await bench.store.retry("failed")
        equal((await bench.claim_one()).instance_id, "failed", "retry ends the pause")

    @case
    async def test_a_lost_lease_waits_for_the_end_of_the_pause(self, bench: Bench) -> None:
        """It is one interruption, counted when it is claimed."""
        await bench.start(lease=30)
        await bench.store.request_pause("i")
        bench.later(100)
        await bench.expect_idle()
        await bench.store.unpause("i")
        equal((await bench.claim_one()).interruptions, 1)

    @case
    async def test_paused_once_none_runs(self, bench: Bench) -> None:
        """Until the last holder has committed the instance is in progress."""
        one, two = (await bench.spawn(await bench.start(), 2, keep=2)).claimed
        await bench.store.request_pause("i")
        await bench.commit(one, Move("b", ""))
        await bench.expect_no_status(StatusName.PAUSED)
        await bench.commit(two, Move("b", ""))
        await bench.expect_no_status(StatusName.IN_PROGRESS)

    @case
    async def test_pausing_again_is_harmless(self, bench: Bench) -> None:
        """And one unpause ends it; without a pause there is nothing to end."""
        await bench.create()
        await raises(InvalidTransition, bench.store.unpause("i"))
        await bench.store.request_pause("i")
        await bench.store.request_pause("i")
        await bench.store.unpause("i")
        found = await bench.record()
        equal((found.control, found.reason, found.requested_by), (Control.NONE, None, None))
        await raises(InvalidTransition, bench.store.unpause("i"))
        await bench.claim_one()

    @case
    async def test_a_pause_does_not_undo_a_cancel(self, bench: Bench) -> None:
        """Nor can a cancel be unpaused."""
        got = await bench.start()
        await bench.store.request_cancel("i")
        await bench.store.request_pause("i")
        equal((await bench.store.check([got.fence]))[0].control, Control.CANCEL)
        await raises(InvalidTransition, bench.store.unpause("i"))
        await bench.commit(got, Move("b", ""))
        await bench.expect_state(InstanceState.CANCELLED)

    @case
    async def test_a_pause_is_one_instances(self, bench: Bench) -> None:
        """Others in the same batch go on."""
        got: list[Claimed] = [await bench.start(name) for name in ("i", "other")]
        await bench.store.request_pause("i")
        answers = await bench.store.commit(
            [Checkpoint(fence=each.fence, effect=Move("b", "")) for each in got]
        )
        equal([each.control for each in answers], [Control.PAUSE, Control.NONE])
        states = await bench.store.check([each.fence for each in got])
        equal([each.held for each in states], [False, True])
