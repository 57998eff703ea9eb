"""How many items run beside each other in one runner, whichever calls they belong to."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sayiir import CheckpointingRunner, RetryPolicy, delay, fork, task, workflow
from sayiir.engine.slots import Slots
from sayiir.engine.work import Run, Work
from sayiir.status import Completed, Waiting
from sayiir.stores.records import Fence, ItemKey
from tests.engine.bench import LEASE_OVER_SECONDS, Bench, CrashingStore, eventually
from tests.engine.corpus import add_all, inc, upto

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio


class Counted:
    """A task that tells how many of it ran at once."""

    def __init__(self, seconds: float = 0.01) -> None:
        self.now = self.most = 0

        @task("counted")
        async def counted(n: int) -> int:
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(seconds)
            self.now -= 1
            return n

        self.task = counted


async def test_the_bound_holds_for_all_calls_of_a_runner(bench: Bench) -> None:
    counted = Counted()
    flow = workflow("w", inc >> counted.task)
    names = [f"i{number}" for number in range(250)]
    for name in names[:30]:
        await bench.client.submit(flow, name, 1)
    statuses = await asyncio.gather(
        bench.runner.resume_all([flow]),
        *(bench.runner.run(flow, name, 1) for name in names[30:]),
    )
    assert set(map(str, statuses[1:])) == {str(Completed(2))}
    assert 50 <= counted.most <= 100


async def test_large_maps_of_several_calls_share_the_slots(bench: Bench) -> None:
    counted = Counted(0.001)
    flow = workflow("w", upto >> counted.task.map() >> add_all)
    statuses = await asyncio.gather(*(bench.runner.run(flow, f"i{n}", 150) for n in range(4)))
    assert statuses == [Completed(sum(range(150)))] * 4
    assert counted.most <= 100


async def test_a_long_list_does_not_keep_others_from_a_slot(bench: Bench) -> None:
    """A map whose items follow each other gives its slots on, where somebody waits for one."""
    counted, ended = Counted(0.005), []
    large = workflow("large", upto >> counted.task.map(max_concurrency=100) >> add_all)
    running = asyncio.ensure_future(bench.runner.run(large, "large", 2_000))
    running.add_done_callback(lambda _: ended.append("large"))
    # Its items hold all slots; on a slow store many of them are being stored at any moment.
    await eventually(lambda: counted.most >= 20)
    assert await bench.runner.run(workflow("small", inc), "small", 1) == Completed(2)
    ended.append("small")
    assert await running == Completed(sum(range(2_000)))
    assert ended == ["small", "large"]


async def test_a_suspect_runs_alone_in_its_runner(bench: Bench) -> None:
    """Other calls of the runner wait for it, and it waits for them."""
    running: set[str] = set()
    together: list[set[str]] = []
    hang = [True]

    def named(name: str) -> Any:
        @task(name)
        async def run(n: int) -> int:
            running.add(name)
            together.append(set(running))
            await asyncio.sleep(3600 if hang[0] else 0.02)
            running.discard(name)
            return n

        return run

    poison, other = workflow("poison", named("poison")), workflow("other", named("other"))
    await bench.client.submit(poison, "poison", 1)
    for _ in range(2):
        store = CrashingStore(bench.store, -1, written=False)
        runner = bench.new_runner(store)
        driving = asyncio.ensure_future(runner.resume(poison, "poison"))
        await eventually(lambda: "poison" in running)
        store.dead = True
        driving.cancel()
        await asyncio.gather(driving, return_exceptions=True)
        running.clear()
        bench.clock.shift(LEASE_OVER_SECONDS)
    hang[0] = False
    together.clear()
    await asyncio.gather(
        *(bench.runner.run(other, f"before{n}", 1) for n in range(3)),
        bench.runner.resume(poison, "poison"),
        *(bench.runner.run(other, f"after{n}", 1) for n in range(3)),
    )
    assert [names for names in together if "poison" in names] == [{"poison"}]


async def test_instances_that_run_inside_tasks_need_no_slot(bench: Bench) -> None:
    """A hundred tasks that each wait for an instance of their own have all slots."""
    inner = workflow("inner", fork(inc, inc) >> (lambda a, b: a + b))
    inside = asyncio.Barrier(100)

    @task
    async def runs(n: int) -> int:
        await inside.wait()
        status = await bench.runner.run(inner, f"inner{n}", n)
        assert isinstance(status, Completed)
        return status.output

    outer = workflow("outer", upto >> runs.map() >> add_all)
    status = await asyncio.wait_for(bench.runner.run(outer, "i", 100), 20)
    assert status == Completed(sum(2 * (n + 1) for n in range(100)))


def test_so_do_those_that_run_inside_tasks_on_threads(tmp_path: Path) -> None:
    inner = workflow("inner", inc)
    with CheckpointingRunner(f"sqlite:///{tmp_path / 'a.db'}") as runner:

        @task
        def runs(n: int) -> int:
            status = runner.run(inner, f"inner{n}", n)
            assert isinstance(status, Completed)
            return status.output

        outer = workflow("outer", upto >> runs.map() >> add_all)
        assert runner.run(outer, "i", 120) == Completed(sum(range(1, 121)))


async def test_a_call_that_is_cancelled_in_line_leaves_it(bench: Bench) -> None:
    counted = Counted(3600)
    stuck = workflow("stuck", counted.task)
    all_slots = [asyncio.ensure_future(bench.runner.run(stuck, f"s{n}", 1)) for n in range(100)]
    await eventually(lambda: counted.now == 100)
    flow = workflow("w", inc >> delay("1h"))
    waiting = [asyncio.ensure_future(bench.runner.run(flow, f"w{n}", 1)) for n in range(3)]
    await asyncio.sleep(0.1)
    waiting[1].cancel()
    await asyncio.gather(waiting[1], return_exceptions=True)
    record = await bench.store.describe("w1")
    assert record is not None
    assert (record.ready, record.leased) == (1, 0), "given back"
    all_slots[0].cancel()
    await asyncio.wait_for(asyncio.gather(waiting[0], waiting[2]), 5)
    for running in all_slots:
        running.cancel()
    await asyncio.gather(*all_slots, return_exceptions=True)


class Doubtful:
    """A task that hangs until it is told not to, and one that goes on until it is let go."""

    def __init__(self) -> None:
        self.hangs, self.calls, self.went_on = True, 0, 0
        self.let_go = asyncio.Event()

        @task("doubtful")
        async def doubtful(n: int) -> int:
            self.calls += 1
            await asyncio.sleep(3600 if self.hangs else 0)
            return n

        @task("goes_on")
        async def goes_on(n: int) -> int:
            self.went_on += 1
            await self.let_go.wait()
            return n

        self.task, self.goes_on = doubtful, goes_on

    def _called_since(self, before: int) -> bool:
        return self.calls > before

    async def suspected(self, bench: Bench, flow: Any) -> None:
        """Two workers in a row are lost while they run the instance."""
        await bench.client.submit(flow, "suspect", 1)
        for _ in range(2):
            before = self.calls
            store = CrashingStore(bench.store, -1, written=False)
            driving = asyncio.ensure_future(bench.new_runner(store).resume(flow, "suspect"))
            await eventually(partial(self._called_since, before))
            store.dead = True
            driving.cancel()
            await asyncio.gather(driving, return_exceptions=True)
            bench.clock.shift(LEASE_OVER_SECONDS)
        self.hangs = False


@pytest.mark.parametrize("then", ["step", "arms"])
async def test_a_suspect_is_none_after_its_first_step(bench: Bench, then: str) -> None:
    """What it does next keeps nobody from running."""
    doubtful = Doubtful()
    if then == "step":
        flow = workflow("suspect", doubtful.task >> doubtful.goes_on)
    else:
        arms = fork(doubtful.goes_on, doubtful.goes_on)
        flow = workflow("suspect", doubtful.task >> arms >> (lambda a, b: a + b))
    await doubtful.suspected(bench, flow)
    running = asyncio.ensure_future(bench.runner.resume(flow, "suspect"))
    await eventually(lambda: doubtful.went_on == (1 if then == "step" else 2))
    other = workflow("other", inc)
    status = await asyncio.wait_for(bench.runner.run(other, "other", 1), 5)
    assert status == Completed(2)
    doubtful.let_go.set()
    assert isinstance(await running, Completed)


async def test_a_suspect_that_fails_and_is_tried_again_is_none(bench: Bench) -> None:
    tried: list[int] = []
    doubtful = Doubtful()

    @task("flaky", retries=RetryPolicy(max_retries=3, initial_delay="1ms", jitter="none"))
    async def flaky(n: int) -> int:
        tried.append(n)
        doubtful.calls += 1
        if doubtful.hangs:
            await asyncio.sleep(3600)
        if len(tried) <= 3:
            raise ValueError
        await doubtful.let_go.wait()
        return n

    flow = workflow("suspect", flaky)
    await doubtful.suspected(bench, flow)
    running = asyncio.ensure_future(bench.runner.resume(flow, "suspect"))
    async with asyncio.timeout(5):
        while len(tried) < 4:
            await bench.clock.advance("10ms")
            await asyncio.sleep(0.002)
    other = workflow("other", inc)
    assert await asyncio.wait_for(bench.runner.run(other, "other", 1), 5) == Completed(2)
    doubtful.let_go.set()
    assert await running == Completed(1)


async def test_an_item_whose_driving_is_cancelled_before_it_begins_is_given_back(
    bench: Bench,
) -> None:
    """It got the slot in the same turn in which its call was cancelled."""
    counted = Counted(3600)
    stuck, flow = workflow("stuck", counted.task), workflow("w", inc >> delay("1h"))
    all_slots = [asyncio.ensure_future(bench.runner.run(stuck, f"s{n}", 1)) for n in range(100)]
    await eventually(lambda: counted.now == 100)
    waiting = asyncio.ensure_future(bench.runner.run(flow, "w", 1))
    async with asyncio.timeout(5):
        while (record := await bench.store.describe("w")) is None or not record.leased:
            await asyncio.sleep(0.002)
    free = Slots.free

    def cancel_and_free(slots: Slots, work: Work) -> None:
        waiting.cancel()
        free(slots, work)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Slots, "free", cancel_and_free)
        all_slots[0].cancel()
        await asyncio.gather(all_slots[0], waiting, return_exceptions=True)
    record = await bench.store.describe("w")
    assert record is not None
    assert (record.ready, record.leased) == (1, 0), "given back"
    resumed = await asyncio.wait_for(bench.runner.resume(flow, "w"), 5)
    assert isinstance(resumed, Waiting)
    for running in all_slots:
        running.cancel()
    await asyncio.gather(*all_slots, return_exceptions=True)


async def test_what_comes_after_a_suspect_that_waits_is_free_for_others(bench: Bench) -> None:
    doubtful = Doubtful()
    suspect, long = workflow("suspect", doubtful.task), workflow("long", doubtful.goes_on)
    await doubtful.suspected(bench, suspect)
    calls = [asyncio.ensure_future(bench.runner.run(long, "long", 1))]
    await eventually(lambda: doubtful.went_on)
    calls.append(asyncio.ensure_future(bench.runner.resume(suspect, "suspect")))
    while (record := await bench.store.describe("suspect")) is None or not record.leased:
        await asyncio.sleep(0.002)
    other = workflow("other", inc)
    calls.append(asyncio.ensure_future(bench.runner.run(other, "other", 1)))
    async with asyncio.timeout(5):
        while (record := await bench.store.describe("other")) is None or record.leased:
            await asyncio.sleep(0.002)
    assert await bench.new_runner().resume(other, "other") == Completed(2), "in another process"
    doubtful.let_go.set()
    assert await asyncio.gather(*calls) == [Completed(1), Completed(1), Completed(2)]


# -- the line itself

_A_TASK: Any = object
"""Slots only tell one from another."""


class Fake:
    """A sharer that notes what is asked of it."""

    stopping = False

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self.begun: list[Work] = []
        self.back: list[Work] = []
        self.woken = 0

    def begin(self, work: Work) -> None:
        work.task = _A_TASK()
        self.begun.append(work)

    def step_back(self, work: Work) -> None:
        self.back.append(work)

    def wake(self) -> None:
        self.woken += 1


def item(interruptions: int = 0) -> Work:
    program: Any = None
    work = Work(program, Run(1, "r", "i"), Fence(1, ItemKey(), 1), program)
    work.interruptions = interruptions
    return work


async def test_behind_a_suspect_that_waits_nothing_is_claimed_or_kept() -> None:
    slots = Slots(100)
    sharer, other = Fake(slots), Fake(slots)
    long, suspect, late = item(), item(2), item()
    slots.line_up(sharer, long)
    slots.line_up(sharer, suspect)
    assert slots.room() < 0
    assert slots.ask(other, 10) == 0
    slots.line_up(other, late)
    assert other.back == [late], "it is not kept from other processes"
    slots.free(long)
    assert sharer.begun == [long], "what steps back may still be held here"
    slots.gone([late])
    assert sharer.begun == [long, suspect]
    assert slots.ask(other, 10) == 0
    suspect.trust()
    assert other.woken
    assert slots.ask(other, 10) == 10


async def test_what_is_about_to_end_gives_its_slot_on() -> None:
    """What comes next is claimed while ends are stored: of at most as many as there are slots."""
    slots = Slots(2)
    sharer, other = Fake(slots), Fake(slots)
    first, second, third = item(), item(), item()
    slots.line_up(sharer, first)
    slots.line_up(sharer, second)
    assert slots.ask(other, 5) == 0
    slots.ending(first)
    assert other.woken
    assert slots.room() == 1
    slots.ending(second)
    slots.line_up(sharer, third)
    slots.ending(third)
    assert slots.room() == 1, "its end waits for the store's answer in its slot"
    slots.free(first)
    slots.free(third)
    assert slots.room() == 2
    slots.free(second)
    assert slots.room() == 2, "a slot is freed once"


async def test_what_goes_on_after_a_join_ends_in_the_slot_of_an_arm() -> None:
    """Which is freed once, and then no end is waited for."""
    slots = Slots(2)
    sharer = Fake(slots)
    arm, joined, suspect = item(), item(), item(2)
    slots.line_up(sharer, arm)
    joined.task = arm.task
    slots.ending(joined)
    slots.free(arm)
    assert slots.room() == 2
    slots.line_up(sharer, suspect)
    assert sharer.begun == [arm, suspect]


async def test_a_suspect_has_no_company_that_is_about_to_end() -> None:
    slots = Slots(100)
    sharer = Fake(slots)
    ending, suspect, late = item(), item(2), item()
    slots.line_up(sharer, ending)
    slots.line_up(sharer, suspect)
    slots.ending(ending)
    assert sharer.begun == [ending], "its end may not have arrived when the process dies"
    slots.free(ending)
    assert sharer.begun == [ending, suspect]
    slots.ending(suspect)
    slots.line_up(sharer, late)
    assert sharer.back == [late], "it is alone until the store has taken its end"


async def test_a_suspect_waits_for_claims_that_are_on_their_way() -> None:
    slots = Slots(100)
    sharer, other = Fake(slots), Fake(slots)
    suspect, late = item(2), [item() for _ in range(5)]
    kept = slots.ask(other, 5)
    slots.line_up(sharer, suspect)
    assert sharer.begun == []
    for each in late:
        slots.line_up(other, each)
    slots.came(kept)
    assert (sharer.begun, other.back) == ([], late)
    slots.gone(late)
    assert sharer.begun == [suspect]
    slots.line_up(other, late[0])
    assert other.back == [*late, late[0]], "nothing is held beside it either"


async def test_a_suspect_without_company_begins_when_the_claim_has_come() -> None:
    slots = Slots(100)
    sharer = Fake(slots)
    suspect = item(2)
    kept = slots.ask(sharer, 5)
    slots.line_up(sharer, suspect)
    slots.came(kept)
    assert sharer.begun == [suspect]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_suspects_run_alone_and_everything_runs(data: st.DataObject) -> None:
    """Whatever order things happen in: no company for a suspect, no more than the limit."""
    slots = Slots(3)
    sharer = Fake(slots)
    stored = [item(data.draw(st.sampled_from([0, 0, 0, 2]))) for _ in range(8)]
    suspects = {each for each in stored if each.interruptions}
    asked: list[int] = []
    running: list[Work] = []
    ended: set[Work] = set()

    def settle() -> None:
        running.extend(sharer.begun)
        sharer.begun.clear()
        held = [*running, *sharer.back]
        assert len(running) <= 3
        if any(each in suspects for each in running):
            assert len(running) == 1
        assert len(held) == len(set(held))

    for _ in range(200):
        choices = ["claim"] if stored and not asked else []
        choices += ["came"] if asked else []
        choices += ["back"] if sharer.back else []
        choices += ["end", "step"] if running else []
        if not choices:
            break
        match data.draw(st.sampled_from(choices)):
            case "claim":
                if kept := slots.ask(sharer, 2):
                    asked.append(kept)
                assert asked or running or sharer.back, "nothing would ever move"
            case "came":
                kept = asked.pop()
                for each in stored[:kept]:
                    slots.line_up(sharer, each)
                del stored[:kept]
                slots.came(kept)
            case "back":
                back, sharer.back = sharer.back, []
                stored += back
                slots.gone(back)
            case "step":
                suspects.discard(running[0])
                running[0].trust()
            case _:
                ended.add(running[0])
                slots.free(running.pop(0))
        settle()
    else:
        return  # drawn to claim in vain over and over
    assert len(ended) == 8
