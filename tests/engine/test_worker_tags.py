"""Tags: a worker takes what asks for nothing that it lacks, and hands the rest over."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import (
    Again,
    AsyncPooledWorker,
    Done,
    RetryPolicy,
    TaskContext,
    await_signal,
    branch,
    delay,
    fork,
    loop,
    task,
    workflow,
)
from sayiir.status import Completed, Waiting
from tests.engine.bench import Bench, eventually
from tests.engine.workers import eventually_async, is_parked, leases_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio


class Told:
    """Workers on one store, and what each of them has begun."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.ran: dict[str, list[str]] = {}
        self.started: list[AsyncPooledWorker] = []

    async def start(self, name: str, flow: Any, *tags: str, **options: Any) -> AsyncPooledWorker:
        ran = self.ran.setdefault(name, [])

        def listen(event: Any) -> None:
            if type(event).__name__ == "TaskStarted":
                ran.append(event.path)

        worker = AsyncPooledWorker(
            self.bench.store,
            workflows=[flow],
            tags=tags,
            clock=self.bench.clock,
            worker_id=name,
            on_event=listen,
            **options,
        )
        self.started.append(worker)
        await worker.start()
        return worker


@pytest.fixture
async def told(bench: Bench) -> AsyncIterator[Told]:
    made = Told(bench)
    yield made
    for worker in made.started:
        await worker.shutdown()


def step(name: str, *tags: str, **options: Any) -> Any:
    @task(name, tags=tags, **options)
    async def run(n: int) -> int:
        return n + 1

    return run


async def test_an_item_goes_to_whoever_has_what_its_next_task_asks_for(
    bench: Bench, told: Told
) -> None:
    """There and back again, without a lease left in between."""
    flow = workflow("w", step("a") >> step("b", "gpu") >> step("c") >> step("d", "gpu", "big"))
    await bench.client.submit(flow, "i", 0)
    await told.start("plain", flow)
    await eventually(lambda: told.ran["plain"] == ["a"])
    await eventually_async(lambda: is_ready(bench, "i"))
    await asyncio.sleep(0.05)
    assert await leases_of(bench.store, "i") == (0, 1), "nobody here has a gpu"
    await told.start("gpu", flow, "gpu")
    await eventually(lambda: told.ran["gpu"][:1] == ["b"])
    await eventually(lambda: "c" in told.ran["gpu"] + told.ran["plain"])
    await told.start("big", flow, "gpu", "big", "spare")
    assert await bench.client.result("i", flow, timeout=10) == 4
    assert told.ran["big"] == ["d"]
    assert told.ran["gpu"] == ["b", "c"], "what asks for nothing stays where it is"


async def is_ready(bench: Bench, name: str) -> bool:
    return await leases_of(bench.store, name) == (0, 1)


async def test_a_workflows_tags_hold_for_everything_in_it(bench: Bench, told: Told) -> None:
    flow = workflow(
        "w", step("a") >> fork(step("b"), delay("1h") >> step("c")) >> sum_of, tags=["eu"]
    )
    await bench.client.submit(flow, "i", 0)
    await told.start("plain", flow)
    await told.start("us", flow, "us")
    await asyncio.sleep(0.05)
    assert await leases_of(bench.store, "i") == (0, 1)
    await told.start("eu", flow, "eu", "us")
    await eventually_async(lambda: is_parked(bench.store, "i"))
    await eventually(lambda: bench.clock.sleepers >= 3)
    await bench.clock.advance("1h")
    assert await bench.client.result("i", flow, timeout=10) == 4
    assert told.ran["plain"] == told.ran["us"] == []


@task
async def sum_of(a: int, b: int) -> int:
    return a + b


async def test_arms_go_where_they_can_run_and_the_join_goes_on_where_it_can(
    bench: Bench, told: Told
) -> None:
    joined = step("last", "cpu")
    flow = workflow(
        "w",
        step("a", "cpu")
        >> fork(step("left", "gpu"), step("right", "cpu") >> step("more", "gpu"))
        >> sum_of
        >> joined,
    )
    await bench.client.submit(flow, "i", 0)
    await told.start("cpu", flow, "cpu")
    await told.start("gpu", flow, "gpu")
    assert await bench.client.result("i", flow, timeout=10) == 6
    assert sorted(told.ran["gpu"][:2]) == ["fork[0]/left", "fork[1]/more"]
    assert {"a", "fork[1]/right", "last"} <= set(told.ran["cpu"])


async def test_map_items_that_ask_for_more_go_elsewhere(bench: Bench, told: Told) -> None:
    @task
    async def upto(n: int) -> list[int]:
        return list(range(n))

    @task
    async def add_all(ns: list[int]) -> int:
        return sum(ns)

    body = step("light") >> step("heavy", "gpu")
    flow = workflow("w", upto >> body.map(max_concurrency=3) >> add_all)
    await bench.client.submit(flow, "i", 12)
    await told.start("plain", flow)
    await told.start("gpu", flow, "gpu")
    assert await bench.client.result("i", flow, timeout=10) == sum(range(12)) + 24
    heavy = [path for path in told.ran["gpu"] if path.endswith("heavy")]
    assert len(heavy) == 12
    assert not any(path.endswith("heavy") for path in told.ran["plain"])


async def test_after_a_timer_an_event_and_a_loops_end_it_goes_on_where_it_can(
    bench: Bench, told: Told
) -> None:
    """What follows a loop's last node isn't known before: whoever takes it hands it on."""

    @task("decide", tags=["gpu"])
    async def decide(n: int) -> Again[int] | Done[int]:
        return Done(n) if n >= 3 else Again(n)

    @task("big", tags=["gpu"])
    async def is_big(n: int) -> bool:
        return n > 2

    flow = workflow(
        "w",
        loop(step("up", "cpu") >> decide >> delay("1m"))
        >> await_signal("go", int)
        >> step("seen", "gpu")
        >> branch(is_big, {True: step("yes", "cpu"), False: step("no", "cpu")}).merge(),
    )
    await bench.client.submit(flow, "i", 0)
    await bench.client.send_event("i", "go", 10)
    await told.start("cpu", flow, "cpu")
    await told.start("gpu", flow, "gpu")
    running = asyncio.ensure_future(bench.client.result("i", flow, timeout=20))
    while not running.done():
        await bench.clock.advance("1m")
        await asyncio.sleep(0.01)
    assert await running == 12
    assert {path.split("/")[-1] for path in told.ran["cpu"]} == {"up", "yes"}
    assert {path.split("/")[-1] for path in told.ran["gpu"]} == {"decide", "seen", "branch"}


async def test_retries_stay_with_what_they_ask_for(bench: Bench, told: Told) -> None:
    attempts: list[int] = []

    @task(
        "flaky", tags=["gpu"], retries=RetryPolicy(max_retries=2, initial_delay="1m", jitter="none")
    )
    async def flaky(n: int, ctx: TaskContext) -> int:
        attempts.append(ctx.attempt)
        if ctx.attempt < 3:
            raise ValueError
        return n

    flow = workflow("w", step("a") >> flaky)
    await bench.client.submit(flow, "i", 0)
    await told.start("plain", flow)
    await told.start("gpu", flow, "gpu")
    for wait in ("1m", "2m"):  # no more: what is due on the way is met on the way
        await eventually_async(lambda: is_parked(bench.store, "i"))
        await asyncio.sleep(0.02)
        await bench.clock.advance(wait)
    assert await bench.client.result("i", flow, timeout=10) == 1
    assert attempts == [1, 2, 3]
    assert "flaky" not in told.ran["plain"]


async def test_the_embedded_runner_ignores_tags(bench: Bench) -> None:
    flow = workflow(
        "w", step("a") >> step("b", "gpu") >> delay("1m") >> step("c", "x"), tags=["eu"]
    )
    assert isinstance(await bench.runner.run(flow, "i", 0), Waiting)
    assert await bench.run(flow, 0, "j") == Completed(3)


async def test_a_hand_over_is_one_write(bench: Bench, told: Told) -> None:
    """The result, the position and the lease that is given up."""
    released: list[int] = []
    release = bench.store.release

    async def counted(fences: Any) -> None:
        released.append(len(fences))
        await release(fences)

    bench.store.release = counted  # type: ignore[method-assign]
    flow = workflow("w", step("a") >> step("b", "gpu") >> step("c", "x"))
    await bench.client.submit(flow, "i", 0)
    await told.start("plain", flow)
    await told.start("gpu", flow, "gpu")
    await told.start("x", flow, "x")
    assert await bench.client.result("i", flow, timeout=10) == 3
    assert released == []
