"""Workers in one process: they claim what is due, and survive what happens."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import pytest

from sayiir import (
    AsyncPooledWorker,
    RetryPolicy,
    SayiirError,
    StoreUnavailable,
    TaskContext,
    delay,
    fork,
    task,
    workflow,
)
from sayiir.errors import StoreError, WorkflowFailed
from sayiir.status import Completed, Failed, Paused
from tests.engine.bench import LEASE_OVER_SECONDS, Bench, eventually
from tests.engine.corpus import double, inc
from tests.engine.test_outages import OutStore
from tests.engine.workers import Gated, chain, eventually_async, is_parked, leases_of, worker

pytestmark = pytest.mark.anyio


async def test_what_is_submitted_is_run(bench: Bench) -> None:
    """Before it starts and while it runs, without anybody else."""
    await bench.client.submit(chain, "before", 1)
    async with worker(bench):
        await bench.client.submit(chain, "during", 2)
        assert await bench.client.result("before", chain, timeout=10) == 5
        assert await bench.client.result("during", chain, timeout=10) == 7


async def test_work_is_found_by_polling_where_no_wake_up_comes(bench: Bench) -> None:
    class Deaf:
        """A store whose watches never notice anything."""

        def __getattr__(self, name: str) -> Any:
            return getattr(bench.store, name)

        def watch(self, run: int | None = None) -> Any:
            del run
            return bench.store.watch(-1)

    async with worker(bench, store=Deaf(), poll_interval="5s"):
        await eventually(lambda: bench.clock.sleepers)
        await bench.client.submit(chain, "i", 1)
        await asyncio.sleep(0.05)
        assert await leases_of(bench.store, "i") == (0, 1), "nobody has seen it"
        await bench.clock.advance("5s")
        assert await bench.client.result("i", chain, timeout=10) == 5


async def test_timers_are_met(bench: Bench) -> None:
    flow = workflow("w", inc >> delay("1h") >> double)
    async with worker(bench, flow, poll_interval="1d"):
        await bench.client.submit(flow, "i", 1)
        await eventually_async(lambda: is_parked(bench.store, "i"))
        await eventually(lambda: bench.clock.sleepers)
        await bench.clock.advance("3599s")
        await asyncio.sleep(0.02)
        assert await is_parked(bench.store, "i")
        await bench.clock.advance("2s")
        assert await bench.client.result("i", flow, timeout=10) == 4


# -- slots


async def test_no_more_run_at_once_than_it_has_slots_and_each_is_refilled_by_itself(
    bench: Bench,
) -> None:
    """One that ends makes room for one, while the others still run."""
    gates = {n: asyncio.Event() for n in range(12)}
    running: set[int] = set()
    most = 0

    @task
    async def gated(n: int) -> int:
        nonlocal most
        running.add(n)
        most = max(most, len(running))
        await gates[n].wait()
        running.discard(n)
        return n

    flow = workflow("w", gated)
    for n in range(12):
        await bench.client.submit(flow, f"i{n}", n)
    async with worker(bench, flow, concurrency=4):
        for _ in range(8):
            await eventually(lambda: len(running) == 4)
            gates[min(running)].set()
            await eventually(lambda: not any(gates[n].is_set() for n in running))
        for gate in gates.values():
            gate.set()
        for n in range(12):
            assert await bench.client.result(f"i{n}", flow, timeout=10) == n
    assert most == 4


async def test_arms_run_on_several_workers_at_once_and_join_once(bench: Bench) -> None:
    gated = Gated()
    joined: list[int] = []

    @task
    async def join(values: tuple[int, ...]) -> int:
        joined.append(len(values))
        return sum(values)

    flow = workflow("w", fork(*(inc >> gated.task.named(f"arm{n}") for n in range(40))) >> join)
    await bench.client.submit(flow, "i", 1)
    workers = [worker(bench, flow, concurrency=10, worker_id=f"w{n}") for n in range(4)]
    try:
        for each in workers:
            await each.start()
        await eventually(lambda: gated.now == 40)
        gated.gate.set()
        assert await bench.client.result("i", flow, timeout=10) == 80
    finally:
        for each in workers:
            await each.shutdown()
    assert joined == [40]
    assert gated.most == 40, "on all four at once: each has ten slots"


# -- definitions


async def test_two_versions_run_side_by_side_and_unknown_definitions_wait(bench: Bench) -> None:
    one = workflow("w", inc >> inc, version="1")
    two = workflow("w", inc >> double, version="2")
    other = workflow("w", inc >> inc >> inc, version="3")
    for name, flow in (("one", one), ("two", two), ("other", other)):
        await bench.client.submit(flow, name, 5)
    async with worker(bench, one, two):
        assert await bench.client.result("one", one, timeout=10) == 7
        assert await bench.client.result("two", two, timeout=10) == 12
        assert await leases_of(bench.store, "other") == (0, 1)
    async with worker(bench, other):
        assert await bench.client.result("other", other, timeout=10) == 8


# -- what must not end a worker


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), ValueError("no")])
@pytest.mark.parametrize("where", ["loop", "thread"])
async def test_an_exit_that_a_task_asks_for_is_a_failure(
    bench: Bench, error: BaseException, where: str
) -> None:
    def fail(n: int) -> int:
        raise error

    async def fail_in_loop(n: int) -> int:
        raise error

    flow = workflow("w", task("fails")(fail if where == "thread" else fail_in_loop))
    async with worker(bench, flow, chain):
        await bench.client.submit(flow, "bad", 1)
        with pytest.raises(WorkflowFailed):
            await bench.client.result("bad", flow, timeout=10)
        await bench.client.submit(chain, "good", 1)
        assert await bench.client.result("good", chain, timeout=10) == 5
    status = await bench.client.status("bad")
    assert isinstance(status, Failed)
    assert status.error.type_name == type(error).__name__


async def test_an_exit_is_retried_where_the_policy_names_it(bench: Bench) -> None:
    attempts: list[int] = []

    @task(retries=RetryPolicy(max_retries=2, initial_delay=0, retry_on=SystemExit))
    async def exits(n: int, ctx: TaskContext) -> int:
        attempts.append(ctx.attempt)
        if ctx.attempt < 3:
            raise SystemExit(1)
        return n

    flow = workflow("w", exits)
    await bench.client.submit(flow, "i", 1)
    async with worker(bench, flow):
        assert await bench.client.result("i", flow, timeout=10) == 1
    assert attempts == [1, 2, 3]


async def test_a_store_that_is_away_is_waited_for(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """It claims again by itself, and the log isn't flooded meanwhile."""
    store = OutStore(bench.store, "claim", "commit", "release", "renew", "check")
    gated = Gated()
    flow = workflow("w", inc >> gated.task >> inc)
    for n in range(5):
        await bench.client.submit(flow, f"i{n}", 1)
    with caplog.at_level(logging.DEBUG, "sayiir"):
        async with worker(bench, flow, store=store, poll_interval="20ms"):
            await eventually(lambda: gated.now == 5)
            store.error = StoreUnavailable("out")
            gated.gate.set()
            while store.refused < 12:
                await bench.clock.advance("20ms")
                await asyncio.sleep(0.01)
            store.error = None
            for n in range(5):
                assert await bench.client.result(f"i{n}", flow, timeout=20) == 3
    lines = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
    assert len(lines) == len(set(lines)) <= 4, lines
    assert any(line.startswith("claiming work failed") for line in lines)


async def test_what_the_store_makes_no_sense_of_is_left_to_its_lease(bench: Bench) -> None:
    """To give it back would bring it again at once, and again; the others go on."""
    calls: list[str] = []

    class Picky(OutStore):
        def __getattr__(self, name: str) -> Any:
            method = super().__getattr__(name)
            if name != "commit":
                return method

            async def commit(checkpoints: Any) -> Any:
                for each in checkpoints:
                    if each.result is not None and each.result.path == "bad":
                        calls.append("refused")
                        raise StoreError("this makes no sense")
                return await method(checkpoints)

            return commit

    bad = workflow("w", task("bad")(_same) >> inc)
    await bench.client.submit(bad, "bad", 1)
    async with worker(bench, bad, chain, store=Picky(bench.store), poll_interval="10ms"):
        await eventually(lambda: calls)
        for n in range(10):
            await bench.client.submit(chain, f"i{n}", 1)
            assert await bench.client.result(f"i{n}", chain, timeout=10) == 5
        assert len(calls) <= 2
        assert await leases_of(bench.store, "bad") == (1, 0)
        before = len(calls)
        while len(calls) == before:  # more than once: a claim may be on its way as the clock moves
            await bench.clock.advance(LEASE_OVER_SECONDS)
            await asyncio.sleep(0.01)


def _same(n: int) -> int:
    return n


async def test_a_blocked_event_loop_keeps_its_leases(bench: Bench) -> None:
    """Renewals come from elsewhere: nobody else gets what a blocked worker holds."""
    attempts: list[int] = []

    @task
    async def blocks(n: int, ctx: TaskContext) -> int:
        attempts.append(ctx.attempt)
        time.sleep(1.0)  # the whole loop, for several leases
        return n

    flow = workflow("w", blocks)
    first = worker(bench, flow, lease="0.3s")
    await bench.client.submit(flow, "i", 1)
    renewed: list[int] = []
    renew = bench.store.renew

    async def counted(fences: Any, lease_us: int) -> Any:
        states = await renew(fences, lease_us)
        renewed.append(len(fences))
        return states

    bench.store.renew = counted  # type: ignore[method-assign]
    async with first:
        assert await bench.client.result("i", flow, timeout=20) == 1
    assert attempts == [1]
    assert len(renewed) >= 3, "while nothing else could run"


async def test_a_pause_holds_in_a_worker_and_ends_with_unpause(bench: Bench) -> None:
    gated = Gated()
    flow = workflow("w", gated.task >> inc)
    await bench.client.submit(flow, "i", 1)
    async with worker(bench, flow, poll_interval="10ms"):
        await eventually(lambda: gated.now == 1)
        await bench.client.pause("i")
        gated.gate.set()
        await eventually_async(lambda: is_paused(bench))
        await bench.client.unpause("i")
        assert await bench.client.result("i", flow, timeout=10) == 2


async def is_paused(bench: Bench) -> bool:
    return isinstance(await bench.client.status("i"), Paused)


# -- lost workers


async def test_a_suspect_runs_alone_and_its_neighbours_complete(bench: Bench) -> None:
    """The poison's leases run out again and again; the others of that worker get through."""
    running: set[str] = set()
    beside_poison: list[set[str]] = []

    @task
    async def poison(n: int) -> int:
        beside_poison.append(set(running))
        raise SystemExit from None

    @task
    async def harmless(n: int) -> int:
        running.add(str(n))
        await asyncio.sleep(0)
        running.discard(str(n))
        return n

    bad, good = workflow("bad", poison), workflow("good", harmless >> harmless)
    await bench.client.submit(bad, "bad", 1)
    # Two workers were lost with it: claimed, and never heard of again.
    from sayiir.stores.records import ClaimRequest

    for _ in range(3):
        request = ClaimRequest(holder="lost", lease_us=1_000_000, limit=10)
        await bench.store.claim(request)
        bench.clock.shift(LEASE_OVER_SECONDS)
    for n in range(20):
        await bench.client.submit(good, f"i{n}", n)
    async with worker(bench, good, bad):
        for n in range(20):
            assert await bench.client.result(f"i{n}", good, timeout=10) == n
        bench.clock.shift(LEASE_OVER_SECONDS)
        await eventually(lambda: beside_poison)
    assert beside_poison == [set()]


# -- starting


async def test_it_starts_once(bench: Bench) -> None:
    async with worker(bench) as one:
        with pytest.raises(SayiirError, match="started already"):
            await one.start()


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"workflows": []}, ValueError, "empty"),
        ({"workflows": chain}, TypeError, r"workflows=\[workflow\]"),
        ({"workflows": ["chain"]}, TypeError, "workflow"),
        ({"concurrency": 0}, ValueError, "concurrency is 1 to"),
        ({"concurrency": 2.5}, TypeError, "whole number"),
        ({"processes": 0}, ValueError, "processes is 1 to"),
        ({"tags": "gpu"}, SayiirError, "list of texts"),
        ({"poll_interval": 0}, ValueError, "poll_interval is longer"),
        ({"lease": 0}, ValueError, "lease is longer"),
        ({"grace": -1}, SayiirError, "-1"),
        ({"worker_id": ""}, ValueError, "worker_id"),
        ({"worker_id": 7}, TypeError, "worker_id"),
        ({"worker_id": "a\nb"}, ValueError, "printable"),
        ({"on_event": 5}, TypeError, "on_event"),
        ({"executors": {"x": 1}}, TypeError, "executor"),
        ({"clock": 5}, TypeError, "clock"),
        ({"codec": "json"}, TypeError, "codec"),
    ],
)
def test_wrong_arguments_are_told(options: dict[str, Any], error: type, says: str) -> None:
    with pytest.raises(error, match=says):
        AsyncPooledWorker("memory://", **{"workflows": [chain], **options})


async def test_what_cannot_run_here_is_told_at_the_start(bench: Bench) -> None:
    @task(run_in="cluster")
    def there(n: int) -> int:
        return n

    async def start() -> None:
        async with worker(bench, workflow("w", there)):
            pass

    with pytest.raises(SayiirError, match="cluster"):
        await start()


def test_two_workers_have_two_ids() -> None:
    one, two = (AsyncPooledWorker("memory://", workflows=[chain]) for _ in range(2))
    assert one.worker_id != two.worker_id
    assert AsyncPooledWorker("memory://", workflows=[chain], worker_id="me").worker_id == "me"


async def test_a_finished_instance_is_seen_by_others(bench: Bench) -> None:
    async with worker(bench):
        await bench.client.submit(chain, "i", 1)
        await bench.client.result("i", chain, timeout=10)
    assert await bench.client.status("i", chain) == Completed(5)
