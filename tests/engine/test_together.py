"""Many instances, several processes, and people who steer in the middle."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import RetryPolicy, await_signal, delay, fork, loop, task, workflow
from sayiir.errors import StoreError, StoreUnavailable
from sayiir.status import Cancelled, Completed, Paused
from tests.engine.bench import LEASE_OVER_SECONDS, Bench, CrashingStore, eventually
from tests.engine.corpus import add, add_all, climb, double, inc, upto

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.stores.protocols import Store
    from sayiir.stores.records import Answer, Checkpoint
    from sayiir.workflow import Workflow

pytestmark = pytest.mark.anyio

mixed = workflow("mixed", inc >> fork(inc >> double, double) >> add >> loop(climb) >> len)


async def test_a_hundred_instances_share_the_commits(bench: Bench) -> None:
    statuses = await asyncio.gather(
        *(bench.runner.run(mixed, f"i{number}", number % 3) for number in range(100))
    )
    assert {str(status) for status in statuses[::3]} == {str(statuses[0])}
    assert all(isinstance(status, Completed) for status in statuses)


async def test_two_processes_divide_one_instance(bench: Bench) -> None:
    ran: list[int] = []

    @task
    async def mark(n: int) -> int:
        ran.append(n)
        await asyncio.sleep(0.001)
        return n

    flow = workflow("w", upto >> mark.map() >> add_all)
    await bench.client.submit(flow, "i", 300)
    first, second = bench.new_runner(), bench.new_runner()
    statuses = await asyncio.gather(first.resume(flow, "i"), second.resume(flow, "i"))
    assert statuses == [Completed(sum(range(300)))] * 2
    assert sorted(ran) == list(range(300)), "each item once"


async def test_two_processes_ensure_the_same_instance(bench: Bench) -> None:
    ran: list[int] = []

    @task
    async def mark(n: int) -> int:
        ran.append(n)
        await asyncio.sleep(0.01)
        return n

    flow = workflow("w", mark >> mark)
    runners = [bench.new_runner() for _ in range(5)]
    statuses = await asyncio.gather(*(runner.ensure(flow, "i", 1) for runner in runners))
    assert statuses == [Completed(1)] * 5
    assert len(ran) == 2


class RefusingStore:
    """A store to which one path makes no sense: a batch that has it raises, and writes nothing."""

    def __init__(self, store: Store, path: str) -> None:
        self._store = store
        self._path = path
        self.refused: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, checkpoints: Sequence[Checkpoint]) -> list[Answer]:
        """Refuse the path, whatever comes with it."""
        if any(each.result is not None and each.result.path == self._path for each in checkpoints):
            self.refused.append(len(checkpoints))
            raise StoreError(f"no {self._path}")
        return await self._store.commit(checkpoints)


async def test_neighbours_of_a_refused_checkpoint_do_not_pay_for_it(bench: Bench) -> None:
    good, bad = workflow("good", inc >> inc >> inc), workflow("bad", inc >> inc.named("bad") >> inc)
    store = RefusingStore(bench.store, "bad")
    runner = bench.new_runner(store)
    answers = await asyncio.gather(
        *(runner.run(good, f"a{number}", 0) for number in range(20)),
        runner.run(bad, "bad", 0),
        *(runner.run(good, f"b{number}", 0) for number in range(20)),
        return_exceptions=True,
    )
    assert isinstance(answers.pop(20), StoreError)
    assert set(map(str, answers)) == {str(Completed(3))}
    assert len(store.refused) == 2, "with the others, then alone"
    assert store.refused[1] == 1 < store.refused[0]


async def _large(bench: Bench) -> tuple[Workflow[Any, Any], asyncio.Future[Any], list[int]]:
    ran: list[int] = []

    @task
    async def mark(n: int) -> int:
        ran.append(n)
        await asyncio.sleep(0.002)
        return n

    flow = workflow("w", upto >> mark.map() >> add_all)
    running = asyncio.ensure_future(bench.runner.run(flow, "i", 2_500))
    await eventually(lambda: len(ran) > 150)
    return flow, running, ran


async def test_cancel_in_the_middle_of_a_large_map(bench: Bench) -> None:
    flow, running, ran = await _large(bench)
    await bench.client.cancel("i")
    assert await asyncio.wait_for(running, 10) == Cancelled()
    assert len(ran) < 2_500
    assert await bench.runner.resume_all([flow]) == 0


async def test_pause_in_the_middle_of_a_large_map(bench: Bench) -> None:
    flow, running, ran = await _large(bench)
    await bench.client.pause("i")
    assert isinstance(await asyncio.wait_for(running, 10), Paused)
    before = len(ran)
    assert before < 2_500
    await bench.client.unpause("i")
    assert await bench.runner.resume(flow, "i") == Completed(sum(range(2_500)))
    assert sorted(ran) == list(range(2_500)), "what finished under the pause was kept"


async def test_a_crash_in_the_middle_of_a_large_map(bench: Bench) -> None:
    ran: list[int] = []

    @task
    async def mark(n: int) -> int:
        ran.append(n)
        return n

    flow = workflow("w", upto >> mark.map() >> add_all)
    doomed = bench.new_runner(CrashingStore(bench.store, 5, written=True))
    with pytest.raises(StoreUnavailable):
        await doomed.run(flow, "i", 500)
    committed = set(await bench.paths())
    again = len(ran)
    bench.clock.shift(LEASE_OVER_SECONDS)
    assert await bench.runner.resume(flow, "i") == Completed(sum(range(500)))
    repeated = set(ran[:again]) & set(ran[again:])
    assert not {f"map[{n}]/mark" for n in repeated} & committed, "what was committed ran once"


async def test_events_for_many_waits_reach_each_of_them(bench: Bench) -> None:
    flow = workflow("w", upto >> await_signal("s", int).map() >> add_all)
    await bench.runner.run(flow, "i", 50)
    await asyncio.gather(*(bench.client.send_event("i", "s", n) for n in range(50)))
    assert await bench.runner.resume(flow, "i") == Completed(sum(range(50)))


async def test_arms_that_back_off_and_wait_beside_each_other(bench: Bench) -> None:
    tries: list[int] = []

    @task(retries=RetryPolicy(max_retries=3, initial_delay="1m", max_delay="1h", jitter="none"))
    async def flaky(n: int) -> int:
        tries.append(n)
        if tries.count(n) < n + 1:
            raise ValueError
        return n

    flow = workflow("w", upto >> fork(flaky, delay("90s")).map() >> (lambda pairs: pairs))
    status = await bench.run(flow, 3)
    assert status == Completed([(0, 0), (1, 1), (2, 2)])
    assert sorted(tries) == [0, 1, 1, 2, 2, 2]


class SlowStore:
    """Answers late; ``hook`` is called between the write number ``at`` and its answer."""

    def __init__(self, store: Any, at: int) -> None:
        self._store = store
        self._at = at
        self._commits = 0
        self.hook: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, checkpoints: Any) -> Any:
        self._commits += 1
        mine = self._commits
        answers = await self._store.commit(checkpoints)
        if mine == self._at:
            self.hook()
        await asyncio.sleep(0.002)
        return answers


@pytest.mark.parametrize("slots", [100, 1])
@pytest.mark.parametrize("at", range(1, 9))
async def test_whoever_is_cancelled_during_a_write_keeps_no_lease(
    bench: Bench, at: int, slots: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what the answer brought would be nobody's until its leases end.

    Without a slot to spare there is no room for arms, but a last arm's end brings its parent.
    """
    monkeypatch.setattr("sayiir.runner.checkpointing.EMBEDDED_CONCURRENCY", slots)
    flow = workflow("w", upto >> fork(inc, double).map(max_concurrency=2) >> len)
    slow = SlowStore(bench.store, at)
    running = asyncio.ensure_future(bench.new_runner(slow).run(flow, "i", 4))
    slow.hook = running.cancel
    with pytest.raises(asyncio.CancelledError):
        await running
    record = await bench.store.describe("i")
    assert record is not None
    assert record.leased == 0
    assert await asyncio.wait_for(bench.runner.resume(flow, "i"), 20) == Completed(4)
