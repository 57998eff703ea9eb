"""Cancelling, in every phase that an item can be in."""

from __future__ import annotations

from sayiir.errors import InvalidTransition
from sayiir.stores.records import (
    Control,
    Effect,
    End,
    Fail,
    InstanceState,
    LeaseState,
    Move,
    Park,
    Retry,
)
from sayiir.testing.contract.bench import SECOND_US, Bench, Maker, case, equal, raises, result
from sayiir.testing.contract.phases import instances

__all__ = ["CancelCases"]


class CancelCases(Maker):
    """Who ends at once, who is told, and who wins."""

    @case
    async def test_cancel_is_at_once_where_nobody_works(self, bench: Bench) -> None:
        """In every phase; reason and name are kept, and nothing is due any more."""
        async for name in instances(bench):
            await bench.store.request_cancel(name, "because", "ada")
            found = await bench.record(name)
            equal(
                (found.state, found.reason, found.requested_by),
                (
                    InstanceState.CANCELLED,
                    "because",
                    "ada",
                ),
                name,
            )
            equal((found.finished_at_us, found.output), (bench.now_us, None), name)
            equal((found.ready, found.leased, found.parked), (0, 0, ()), name)
        bench.later(1_000)
        answer = await bench.ask()
        equal((answer.items, answer.next_due_in_us), ((), None))

    @case
    async def test_any_text_may_say_who_asked_and_why(self, bench: Bench) -> None:
        """It comes back as it was given, whatever characters it has."""
        for number, text in enumerate(("", " é\n\t", "'\"%s\\;--", "\U0001f600\u200f\ufffe")):
            await bench.create(f"c{number}")
            await bench.store.request_cancel(f"c{number}", text, text + "!")
            await bench.create(f"p{number}")
            await bench.store.request_pause(f"p{number}", text + "!", text)
            asked = [await bench.record(f"{kind}{number}") for kind in "cp"]
            told = [(each.reason, each.requested_by) for each in asked]
            equal(told, [(text, text + "!"), (text + "!", text)])

    @case
    async def test_cancel_waits_for_who_works(self, bench: Bench) -> None:
        """The holder learns it by its checkpoint, whose result is kept; then it is over."""
        got = await bench.start()
        await bench.store.request_cancel("i", "because")
        found = await bench.record()
        equal(
            (found.state, found.control, found.leased),
            (
                InstanceState.RUNNING,
                Control.CANCEL,
                1,
            ),
        )
        answer = await bench.commit(got, Move("b", ""), result=result("a"))
        equal((answer.control, answer.claimed), (Control.CANCEL, ()))
        found = await bench.record()
        equal((found.state, found.reason), (InstanceState.CANCELLED, "because"))
        equal([each.path for each in await bench.store.results("i")], ["a"])
        await bench.expect_stale(got)

    @case
    async def test_a_cancel_wins_over_a_later_end(self, bench: Bench) -> None:
        """Acknowledged first, it stands; the result is kept, the output isn't."""
        got = await bench.start()
        await bench.store.request_cancel("i")
        answer = await bench.commit(got, End(output="x"), result=result("a"))
        equal(answer.control, Control.CANCEL)
        found = await bench.record()
        equal((found.state, found.output), (InstanceState.CANCELLED, None))
        equal(len(await bench.store.results("i")), 1)

    @case
    async def test_a_cancelled_write_prunes(self, bench: Bench) -> None:
        """Its result is kept, and what that leaves behind isn't."""
        got = await bench.start()
        for number in (0, 1):
            await bench.commit(got, Move("x", ""), result=result(f"l[{number}]/a"))
        await bench.store.request_cancel("i")
        await bench.commit(got, Move("y", ""), result=result("b"), prune=("l[0]/",))
        equal([each.path for each in await bench.store.results("i")], ["l[1]/a", "b"])

    @case
    async def test_the_last_holder_ends_a_cancelled_instance(self, bench: Bench) -> None:
        """Arms that nobody holds end at once, the others one by one."""
        root = await bench.start()
        one, two = (await bench.spawn(root, 4, keep=2)).claimed
        await bench.store.request_cancel("i")
        await bench.expect_idle()
        equal((await bench.commit(one, End(output="x", keep=True))).claimed, ())
        await bench.expect_state(InstanceState.RUNNING)
        equal((await bench.commit(two, End(output="x"))).control, Control.CANCEL)
        await bench.expect_state(InstanceState.CANCELLED)

    @case
    async def test_every_effect_ends_in_a_cancelled_instance(self, bench: Bench) -> None:
        """Whatever a holder wanted to do next, it is not begun."""
        effects: dict[str, Effect] = {
            "move": Move("b", ""),
            "park": Park(path="d", input="", wait_us=SECOND_US),
            "retry": Retry(error=b"e", wait_us=0, in_place=True),
            "fail": Fail(error=b"e"),
        }
        for name, effect in effects.items():
            got = await bench.start(name)
            await bench.store.request_cancel(name)
            equal((await bench.commit(got, effect)).control, Control.CANCEL, name)
            found = await bench.record(name)
            equal((found.state, found.error), (InstanceState.CANCELLED, None), name)
        got = await bench.start("spawn")
        await bench.store.request_cancel("spawn")
        answer = await bench.spawn(got, 2, keep=2)
        equal((answer.control, answer.claimed, answer.joined), (Control.CANCEL, (), False))
        got = await bench.start("await")
        await bench.store.send_event("await", "go", b"1")
        await bench.store.request_cancel("await")
        equal((await bench.wait_for(got)).event, None)
        [arm] = (await bench.spawn(await bench.start("collect"), 2, path="m", keep=1)).claimed
        [inner] = (await bench.spawn(arm, 1, path="m[0]/f", keep=1)).claimed
        await bench.store.request_cancel("collect")
        collect = Fail(error=b"e", scope=arm.fence.item)
        equal((await bench.commit(inner, collect)).control, Control.CANCEL)
        for name in ("spawn", "await", "collect"):
            await bench.expect_state(InstanceState.CANCELLED, name)
        bench.later(1_000)
        await bench.expect_idle()

    @case
    async def test_a_lost_holder_does_not_hold_a_cancel_up(self, bench: Bench) -> None:
        """When its lease is over, a claim ends what is left and answers nothing."""
        got = await bench.start(lease=30)
        await bench.store.request_cancel("i")
        bench.later(29)
        await bench.expect_idle()
        await bench.expect_state(InstanceState.RUNNING)
        bench.later(1)
        answer = await bench.ask()
        equal((answer.items, answer.next_due_in_us), ((), None))
        await bench.expect_state(InstanceState.CANCELLED)
        await bench.expect_stale(got)

    @case
    async def test_leftovers_do_not_use_up_a_claims_limit(self, bench: Bench) -> None:
        """What runs behind them is answered by the same claim."""
        for number in range(3):
            await bench.start(f"i{number}", lease=30)
            await bench.store.request_cancel(f"i{number}")
        bench.later(31)
        await bench.create("good")
        equal((await bench.claim_one(limit=1)).instance_id, "good")

    @case
    async def test_a_released_item_of_a_cancelled_instance_ends(self, bench: Bench) -> None:
        """At once; with the last one the instance is cancelled."""
        one, two = (await bench.spawn(await bench.start(), 2, keep=2)).claimed
        await bench.store.request_cancel("i")
        await bench.store.release([one.fence])
        await bench.expect_state(InstanceState.RUNNING)
        await bench.store.release([two.fence])
        await bench.expect_state(InstanceState.CANCELLED)
        await bench.expect_idle()

    @case
    async def test_holders_renew_while_they_cancel(self, bench: Bench) -> None:
        """A task that takes its time to stop keeps its lease."""
        got = await bench.start(lease=30)
        await bench.store.request_cancel("i")
        bench.later(20)
        states = await bench.store.renew([got.fence], 30 * SECOND_US)
        equal(states, [LeaseState(True, Control.CANCEL)])
        bench.later(20)
        await bench.expect_idle()
        await bench.expect_state(InstanceState.RUNNING)

    @case
    async def test_cancelling_again_is_harmless(self, bench: Bench) -> None:
        """While it is under way and when it is done; the first reason stays."""
        got = await bench.start()
        for reason in ("first", "second"):
            await bench.store.request_cancel("i", reason)
        await bench.commit(got, Move("b", ""))
        await bench.store.request_cancel("i", "third")
        found = await bench.record()
        equal((found.state, found.reason), (InstanceState.CANCELLED, "first"))

    @case
    async def test_finished_instances_cannot_be_cancelled_or_paused(self, bench: Bench) -> None:
        """``InvalidTransition`` says so; only cancelling a cancelled one is harmless."""
        await bench.commit(await bench.start("completed"), End(output="x"))
        await bench.commit(await bench.start("failed"), Fail(error=b"e"))
        await bench.create("cancelled")
        await bench.store.request_cancel("cancelled")
        for name in ("completed", "failed"):
            await raises(InvalidTransition, bench.store.request_cancel(name))
        for name in ("completed", "failed", "cancelled"):
            await raises(InvalidTransition, bench.store.request_pause(name))
            await raises(InvalidTransition, bench.store.unpause(name))
        await bench.expect_state(InstanceState.COMPLETED, "completed")

    @case
    async def test_a_paused_instance_is_cancelled_at_once(self, bench: Bench) -> None:
        """In every phase, and the cancel's reason replaces the pause's."""
        async for name in instances(bench):
            await bench.store.request_pause(name, "rest", "ada")
            await bench.store.request_cancel(name, "enough", "bob")
            found = await bench.record(name)
            wanted = (InstanceState.CANCELLED, "enough", "bob")
            equal((found.state, found.reason, found.requested_by), wanted, name)
