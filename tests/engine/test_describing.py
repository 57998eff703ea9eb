"""Labels to find instances by, and one instance seen closely."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from sayiir import (
    ConflictPolicy,
    DefinitionMismatch,
    InstanceNotFound,
    RetryPolicy,
    await_signal,
    delay,
    fork,
    task,
    workflow,
)
from sayiir.access.statuses import moment
from sayiir.limits import MAX_LABELS
from sayiir.status import AwaitingSignal, Completed, Failed, InProgress
from tests.engine.corpus import add, double, inc, odd_fails

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir.testing.clock import MovedClock
    from tests.engine.bench import Bench

pytestmark = pytest.mark.anyio


class Order(BaseModel):
    pieces: int


plain = workflow("w", inc >> double)
BLUE, RED = {"team": "blue"}, {"team": "red"}


# -- labels


async def test_lists_by_labels(bench: Bench) -> None:
    """Given to ``submit``, ``run`` and ``ensure``; all that are asked for must be there."""
    client, runner = bench.client, bench.runner
    await client.submit(plain, "submitted", 1, labels=BLUE | {"size": "L"})
    await runner.run(plain, "run", 1, labels=BLUE)
    await runner.ensure(plain, "ensured", 1, labels=RED)
    await client.submit(plain, "without", 1)

    async def ids(**filters: Any) -> list[str]:
        return [entry.instance_id for entry in await client.list(**filters)]

    assert await ids(labels=BLUE) == ["run", "submitted"]
    assert await ids(labels={"size": "L"} | BLUE) == ["submitted"]
    assert await ids(labels=BLUE, status="Completed") == ["run"]
    assert await ids(labels=BLUE, workflow="nobody's") == []
    assert await ids(labels={}) == await ids() == ["without", "ensured", "run", "submitted"]
    (entry,) = (await client.list(labels=RED)).items
    assert entry.labels == RED


async def test_labels_of_an_instance_that_exists_stay(bench: Bench) -> None:
    """Unless it is replaced: then the new run has its own."""
    await bench.client.submit(plain, "i", 1, labels=BLUE)
    await bench.runner.ensure(plain, "i", 1, labels=RED)
    using = bench.client.with_conflict_policy(ConflictPolicy.USE_EXISTING)
    await using.submit(plain, "i", 1, labels=RED)
    assert (await bench.client.describe("i")).labels == BLUE
    replacing = bench.client.with_conflict_policy(ConflictPolicy.TERMINATE_EXISTING)
    await replacing.submit(plain, "i", 1, labels=RED)
    assert (await bench.client.describe("i")).labels == RED
    assert (await bench.client.list(labels=BLUE)).items == ()


@pytest.mark.parametrize(
    ("labels", "kind", "words"),
    [
        ({str(n): "" for n in range(MAX_LABELS + 1)}, ValueError, "at most 50 labels, not 51"),
        ({"": "x"}, ValueError, "1 to 64 characters, not 0"),
        ({"n" * 65: "x"}, ValueError, "not 65"),
        ({"n": "v" * 257}, ValueError, "the value of label 'n' has 0 to 256 characters"),
        ({"n\n": "x"}, ValueError, "control"),
        ({"n": "\ud800"}, ValueError, "surrogate"),
        ({"n": 7}, TypeError, "the value of label 'n' is a str, not int"),
        ({7: "n"}, TypeError, "is a str, not int"),
        ([("team", "blue")], TypeError, "a mapping of str to str, not list"),
    ],
)
async def test_labels_that_are_refused(
    bench: Bench, labels: Any, kind: type[Exception], words: str
) -> None:
    """Before anything is stored, and in lists too."""
    with pytest.raises(kind, match=words):
        await bench.client.submit(plain, "i", 1, labels=labels)
    with pytest.raises(kind, match=words):
        await bench.runner.run(plain, "i", 1, labels=labels)
    with pytest.raises(kind, match=words):
        await bench.client.list(labels=labels)
    with pytest.raises(InstanceNotFound):
        await bench.client.describe("i")


async def test_as_many_and_as_long_as_allowed(bench: Bench) -> None:
    labels = {f"{n}".ljust(64, "☃"): "v" * 256 for n in range(MAX_LABELS)}
    await bench.client.submit(plain, "i", 1, labels=labels)
    assert (await bench.client.describe("i")).labels == labels
    assert len(await bench.client.list(labels=labels)) == 1


# -- one instance


async def test_a_new_instance(bench: Bench) -> None:
    """All that was handed in, typed where the workflow is named."""

    @task
    def count(order: Order) -> int:
        return order.pieces

    flow = workflow("orders", count, version="7", timeout="1h")
    at = moment(bench.clock.now_us())
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    order = Order(pieces=3)
    await bench.client.submit(flow, "i", order, priority=2, labels=BLUE, traceparent=trace)
    found = await bench.client.describe("i", flow)
    assert (found.instance_id, found.workflow_name, found.workflow_version) == ("i", "orders", "7")
    assert (found.definition_hash, found.status) == (flow.definition_hash, InProgress())
    assert (found.input, found.labels, found.priority) == (order, BLUE, 2)
    assert (found.traceparent, found.created_at, found.described_at) == (trace, at, at)
    assert (found.finished_at, found.deadline) == (None, at + timedelta(hours=1))
    (item,) = found.open_items
    assert (item.path, item.phase, item.attempt, item.failures) == ("count", "ready", 1, 0)
    assert (item.last_error, item.progress, item.due_at, item.holder) == (None,) * 4
    assert (found.open_item_count, found.pending_events) == (1, ())
    assert (await bench.client.describe("i")).input == {"pieces": 3}
    with pytest.raises(DefinitionMismatch):
        await bench.client.describe("i", plain)
    with pytest.raises(InstanceNotFound):
        await bench.client.describe("nobody")


async def test_a_fork_at_work(bench: Bench) -> None:
    """Who runs, who backs off, who waits."""
    running = asyncio.Event()

    @task
    async def slow(n: int) -> int:
        running.set()
        await asyncio.sleep(3_600)
        return n

    retry = RetryPolicy(max_retries=3, initial_delay=60, jitter="none")
    arms = fork(slow, task("flaky", retries=retry)(fail), await_signal("go", int, timeout="1h"))
    flow = workflow("w", arms >> task("last")(total))
    at = moment(bench.clock.now_us())
    run = asyncio.ensure_future(bench.runner.run(flow, "i", 1))
    await running.wait()
    await wait_for_phases(bench, {"running", "join", "backoff", "signal"})
    found = await bench.client.describe("i")
    assert isinstance(found.status, InProgress)
    items = {item.path: item for item in found.open_items}
    slow_item, flaky = items["fork[0]/slow"], items["fork[1]/flaky"]
    assert slow_item.phase == "running"
    assert slow_item.leased_until == at + timedelta(seconds=30)
    assert slow_item.holder
    assert (flaky.phase, flaky.attempt, flaky.failures) == ("backoff", 2, 1)
    assert flaky.last_error is not None
    assert flaky.last_error.message == "not now"
    assert (flaky.failed_at, flaky.due_at) == (at, at + timedelta(minutes=1))
    assert items["fork"].phase == "join"
    wait = items["fork[2]/go"]
    assert (wait.signal_name, wait.due_at) == ("go", at + timedelta(hours=1))
    assert found.open_items[0] is slow_item
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)


def fail(n: int) -> int:
    raise OSError("not now")


def total(a: int, b: int, c: int) -> int:
    return a + b + c


async def wait_for_phases(bench: Bench, wanted: set[str]) -> None:
    async with asyncio.timeout(10):
        while {i.phase for i in (await bench.client.describe("i")).open_items} != wanted:
            await asyncio.sleep(0.005)


async def test_pending_events(bench: Bench, clock: MovedClock) -> None:
    """In order, with their addresses and times, until a wait has had them."""
    flow = workflow("w", await_signal("a", int) >> await_signal("b", int))
    status = await bench.runner.run(flow, "i", 1)
    assert isinstance(status, AwaitingSignal)
    at = moment(clock.now_us())
    await bench.client.send_event("i", "b", 1)
    clock.shift(1)
    await bench.client.send_event("i", "b", 2, path="b")
    found = await bench.client.describe("i", flow)
    assert [(e.signal_name, e.path) for e in found.pending_events] == [("b", None), ("b", "b")]
    assert [e.sent_at for e in found.pending_events] == [at, at + timedelta(seconds=1)]
    assert found.pending_event_count == 2
    (item,) = found.open_items
    assert (item.path, item.phase, item.signal_name, item.due_at) == ("a", "signal", "a", None)
    await bench.client.send_event("i", "a", 0)
    await bench.runner.resume(flow, "i")
    assert [e.path for e in (await bench.client.describe("i")).pending_events] == ["b"]


async def test_a_wait_whose_event_has_come_waits_no_longer(bench: Bench) -> None:
    """Whoever lists what waits for an answer sees that this one has its own."""
    flow = workflow("w", await_signal("a", int, timeout="1h"))
    await bench.runner.run(flow, "i", 1)
    await bench.client.send_event("i", "a", 0)
    found = await bench.client.describe("i", flow)
    (item,) = found.open_items
    assert (item.path, item.phase, item.signal_name, item.due_at) == ("a", "ready", None, None)
    assert found.pending_events == ()
    assert await bench.runner.resume(flow, "i") == Completed(0)


async def test_ends(bench: Bench) -> None:
    """A completed one has nothing open; a failed one has what ``retry`` would continue."""
    done = workflow("done", fork(inc, double) >> add)
    await bench.run(done, 3, "done")
    found = await bench.client.describe("done", done)
    assert (found.status, found.open_items) == (Completed(10), ())
    assert found.finished_at == moment(bench.clock.now_us())
    await bench.run(workflow("failed", inc >> odd_fails), 2, "failed")
    found = await bench.client.describe("failed")
    assert isinstance(found.status, Failed)
    (item,) = found.open_items
    assert (item.path, item.phase) == ("odd_fails", "stopped")
    assert item.last_error == found.status.error
    parked = workflow("parked", delay("1h"))
    await bench.runner.run(parked, "parked", 1)
    (item,) = (await bench.client.describe("parked")).open_items
    hour = moment(bench.clock.now_us()) + timedelta(hours=1)
    assert (item.phase, item.due_at) == ("delay", hour)


@pytest.mark.parametrize("retries", [0, 2])
async def test_failures_count_the_one_that_stopped_it(bench: Bench, retries: int) -> None:
    """Not what only waited to be tried again; ``retry`` begins to count anew, at once."""
    policy = RetryPolicy(max_retries=retries, initial_delay=0)
    patient = RetryPolicy(max_retries=3, initial_delay=60, jitter="none")
    arms = fork(task("flaky", retries=policy)(fail), task("waits", retries=patient)(fail))
    flow = workflow("w", arms >> add)
    assert isinstance(await bench.run(flow, 1, "i"), Failed)
    items = {item.path: item for item in (await bench.client.describe("i")).open_items}
    flaky, waits = items["fork[0]/flaky"], items["fork[1]/waits"]
    assert (flaky.phase, flaky.attempt, flaky.failures) == ("stopped", retries + 1, retries + 1)
    assert flaky.last_error is not None
    assert flaky.last_error.attempt == retries + 1
    assert waits.phase == "stopped"
    assert (waits.last_error is not None) == waits.failures
    await bench.client.retry("i")
    bench.clock.shift(0.001)
    items = {item.path: item for item in (await bench.client.describe("i")).open_items}
    flaky = items["fork[0]/flaky"]
    assert (flaky.phase, flaky.attempt, flaky.failures) == ("ready", 1, 0)
    assert (flaky.last_error, flaky.due_at) == (None, None)


async def test_a_short_backoff_is_told_as_one(bench: Bench) -> None:
    """Its holder sleeps it, and would run the task by now if nobody looked at the time."""
    retry = RetryPolicy(max_retries=3, initial_delay=2, jitter="none")
    flow = workflow("w", task("flaky", retries=retry)(fail))
    await bench.client.submit(flow, "i", 1)
    run = asyncio.ensure_future(bench.runner.resume(flow, "i"))
    await wait_for_phases(bench, {"backoff"})
    (item,) = (await bench.client.describe("i")).open_items
    assert (item.phase, item.attempt) == ("backoff", 2)
    assert item.due_at == moment(bench.clock.now_us()) + timedelta(seconds=2)
    assert item.holder
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)


@pytest.mark.alone
async def test_a_list_by_labels_reads_what_it_shows(
    bench: Bench, promised: Callable[[float], float], report_figure: Callable[[str], None]
) -> None:
    """Twenty of one team among thousands: as quick as if there were no others."""
    for number in range(1_000):
        team = RED if number % 50 else BLUE
        await bench.client.submit(plain, f"i{number}", 1, labels=team)
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert len(await bench.client.list(labels=BLUE)) == 20
    seconds = loop.time() - began
    report_figure(f"20 of 1,000 by label: {seconds * 1e3:.1f} ms")
    assert seconds < promised(1)
