"""Creating, continuing and meeting what is there already."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING, Any, cast

import pytest
from pydantic import BaseModel

from sayiir import (
    ConflictPolicy,
    DefinitionMismatch,
    InstanceAlreadyExists,
    InstanceNotFound,
    InvalidInstanceId,
    InvalidTransition,
    PayloadError,
    await_signal,
    delay,
    open_store,
    task,
    workflow,
)
from sayiir.access.connection import place_of
from sayiir.client import AsyncWorkflowClient
from sayiir.status import (
    AwaitingSignal,
    Cancelled,
    Completed,
    Failed,
    InProgress,
    Paused,
    Waiting,
)
from tests.engine.bench import eventually
from tests.engine.corpus import double, inc, odd_fails

if TYPE_CHECKING:
    from pathlib import Path

    from sayiir.stores.protocols import Store
    from tests.engine.bench import Bench

pytestmark = pytest.mark.anyio

plain = workflow("w", inc >> double)
parked = workflow("w", inc >> delay("1h") >> double)


class Order(BaseModel):
    number: int


async def test_run_and_submit_refuse_a_taken_id(bench: Bench) -> None:
    await bench.runner.run(plain, "i", 1)
    with pytest.raises(InstanceAlreadyExists):
        await bench.runner.run(plain, "i", 1)
    with pytest.raises(InstanceAlreadyExists):
        await bench.client.submit(plain, "i", 1)


async def test_use_existing_gives_what_is_there_and_runs_nothing(bench: Bench) -> None:
    user = bench.new_runner(conflict_policy=ConflictPolicy.USE_EXISTING)
    status = await user.run(parked, "i", 1)
    assert isinstance(status, Waiting)
    bench.clock.shift(3601)
    assert isinstance(await user.run(parked, "i", 1), InProgress), "due, but not run"
    client = bench.client.with_conflict_policy(ConflictPolicy.USE_EXISTING)
    assert isinstance(await client.submit(parked, "i", 1), InProgress)
    await user.resume(parked, "i")
    assert await user.run(parked, "i", 1) == Completed(4)
    with pytest.warns(UserWarning, match="different input"):
        assert await client.submit(parked, "i", 99) == Completed(4)


async def test_terminate_existing_begins_anew(bench: Bench) -> None:
    runs: list[str] = []

    @task
    async def mark(n: int) -> int:
        runs.append("run")
        return n

    flow = workflow("w", mark >> await_signal("s", int))
    await bench.runner.run(flow, "i", 1)
    await bench.client.pause("i")
    first = (await bench.client.list()).items[0]
    again = bench.new_runner(conflict_policy=ConflictPolicy.TERMINATE_EXISTING)
    assert isinstance(await again.run(flow, "i", 2), AwaitingSignal), "the pause is gone too"
    second = (await bench.client.list()).items
    assert [entry.instance_id for entry in second] == ["i"]
    assert second[0].run_id != first.run_id
    assert runs == ["run", "run"]
    assert await bench.client.get_task_result("i", "mark") == 2


async def test_terminate_existing_cuts_off_who_runs_the_old_one(bench: Bench) -> None:
    started, cancelled = asyncio.Event(), []

    @task
    async def long(n: int) -> int:
        if n == 2:
            return n
        started.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.append(n)
            raise
        return n

    flow = workflow("w", long)
    old = asyncio.ensure_future(bench.runner.run(flow, "i", 1))
    await started.wait()
    again = bench.new_runner(conflict_policy=ConflictPolicy.TERMINATE_EXISTING)
    assert await again.run(flow, "i", 2) == Completed(2)
    await eventually(lambda: cancelled, 3)
    await asyncio.gather(old, return_exceptions=True)


@pytest.mark.parametrize("policy", list(ConflictPolicy))
async def test_another_definition_is_refused_under_every_policy(
    bench: Bench, policy: ConflictPolicy
) -> None:
    await bench.runner.run(parked, "i", 1)
    other = workflow("w", inc >> delay("1h") >> inc)
    runner = bench.new_runner(conflict_policy=policy)
    client = bench.client.with_conflict_policy(policy)
    for call in (
        lambda: runner.run(other, "i", 1),
        lambda: runner.resume(other, "i"),
        lambda: runner.ensure(other, "i", 1),
        lambda: client.submit(other, "i", 1),
        lambda: client.status("i", other),
        lambda: client.task_results("i", other),
        lambda: client.get_task_result("i", "inc", other),
        lambda: client.send_event("i", "s", 1, workflow=other),
    ):
        with pytest.raises(DefinitionMismatch) as mismatch:
            await call()
        error = mismatch.value
        assert (error.expected, error.found) == (other.definition_hash, parked.definition_hash)
        assert any("double" in line for line in error.difference), error.difference


async def test_ensure_starts_continues_and_leaves_ends_alone(bench: Bench) -> None:
    flow = workflow("w", inc >> delay("1h") >> odd_fails)
    assert isinstance(await bench.runner.ensure(flow, "i", 2), Waiting)
    assert isinstance(await bench.new_runner().ensure(flow, "i", 2), Waiting)
    bench.clock.shift(3601)
    failed = await bench.runner.ensure(flow, "i", 2)
    assert isinstance(failed, Failed)
    assert await bench.runner.ensure(flow, "i", 2) == failed
    await bench.runner.ensure(flow, "j", 1)
    await bench.client.pause("j", "why")
    bench.clock.shift(3601)
    assert await bench.runner.ensure(flow, "j", 1) == Paused(
        "why", None, (await bench.client.status("j")).parked
    )
    await bench.client.cancel("j", "why")
    assert await bench.runner.ensure(flow, "j", 1) == Cancelled("why")
    await bench.runner.ensure(flow, "k", 1)
    bench.clock.shift(3601)
    assert await bench.runner.ensure(flow, "k", 1) == Completed(2)
    assert await bench.runner.ensure(flow, "k", 1) == Completed(2)


async def test_ensure_runs_a_submitted_one(bench: Bench) -> None:
    await bench.client.submit(plain, "i", 1)
    assert await bench.runner.ensure(plain, "i", 1) == Completed(4)


async def test_ensure_gives_finished_ones_of_other_definitions_as_plain_data(bench: Bench) -> None:
    @task
    async def make(n: int) -> Order:
        return Order(number=n)

    await bench.runner.run(workflow("w", make), "i", 1)
    other = workflow("w", make >> (lambda order: order))
    assert await bench.runner.ensure(other, "i", 1) == Completed({"number": 1})
    with pytest.raises(DefinitionMismatch):
        await bench.runner.resume(other, "i")


async def test_ensure_waits_with_wait(bench: Bench) -> None:
    running = asyncio.ensure_future(bench.runner.ensure(parked, "i", 1, wait=True))
    while not running.done():
        await asyncio.sleep(0)
        await bench.clock.advance("1m")
    assert running.result() == Completed(4)


async def test_what_runs_elsewhere_is_waited_for(bench: Bench) -> None:
    started, go = asyncio.Event(), asyncio.Event()

    @task
    async def gated(n: int) -> int:
        started.set()
        await go.wait()
        return n

    flow = workflow("w", gated >> inc)
    first = asyncio.ensure_future(bench.runner.run(flow, "i", 1))
    await started.wait()
    second = asyncio.ensure_future(bench.new_runner().ensure(flow, "i", 1))
    await asyncio.sleep(0.1)
    assert not second.done()
    go.set()
    assert await asyncio.wait_for(first, 3) == Completed(2)
    assert await asyncio.wait_for(second, 3) == Completed(2)


async def test_resume_all_continues_what_is_due_of_several_versions(bench: Bench) -> None:
    old, new = workflow("w", inc >> inc), workflow("w", inc >> double)
    for number in range(5):
        await bench.client.submit(old, f"old{number}", 1)
        await bench.client.submit(new, f"new{number}", 1)
    await bench.client.submit(parked, "foreign", 1)
    assert await bench.runner.resume_all([old, new]) == 10
    assert await bench.runner.resume_all([old, new]) == 0
    assert await bench.client.status("old3", old) == Completed(3)
    assert await bench.client.status("new3", new) == Completed(4)
    assert isinstance(await bench.client.status("foreign"), InProgress)


async def test_resume_all_claims_no_more_than_its_limit(bench: Bench) -> None:
    for number in range(5):
        await bench.client.submit(plain, f"i{number}", 1)
    assert await bench.runner.resume_all([plain], limit=2) == 2
    done = await bench.client.list(status="Completed")
    assert len(done.items) == 2
    assert await bench.runner.resume_all([plain], limit=100) == 3


async def test_the_most_urgent_go_first(bench: Bench) -> None:
    order: list[int] = []

    @task
    async def mark(n: int) -> int:
        order.append(n)
        return n

    flow = workflow("w", mark)
    for priority in (5, 3, 1, 4, 2):
        await bench.client.submit(flow, f"i{priority}", priority, priority=priority)
    for _ in range(5):
        await bench.runner.resume_all([flow], limit=1)
    assert order == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("before", ["delay", "signal", "inner"])
async def test_what_waits_has_the_priority_of_what_follows(bench: Bench, before: str) -> None:
    order: list[str] = []

    def marking(name: str, priority: int) -> Any:
        @task(name, priority=priority)
        async def mark(value: str) -> None:
            order.append(name)

        return mark

    late, soon = marking("late", 5), marking("soon", 1)
    waits: Any = {
        "delay": delay("1h"),
        "signal": await_signal("s", str, timeout="1h", default="s"),
        "inner": workflow("inner", delay("1h")),
    }[before]
    flows = [workflow("late", waits >> late), workflow("soon", waits >> soon)]
    for flow in flows:
        await bench.runner.run(flow, flow.name, "x")
    bench.clock.shift(3600)
    for _ in flows:
        await bench.runner.resume_all(flows, limit=1)
    assert order == ["soon", "late"]


async def test_nobody_starves_behind_the_urgent(bench: Bench) -> None:
    order: list[str] = []

    @task
    async def mark(name: str) -> str:
        order.append(name)
        return name

    flow = workflow("w", mark)
    await bench.client.submit(flow, "old", "old", priority=5)
    bench.clock.shift(1201)
    await bench.client.submit(flow, "urgent", "urgent", priority=1)
    await bench.runner.resume_all([flow], limit=1)
    assert order == ["old"]


async def test_inputs_are_validated_before_anything_is_stored(bench: Bench) -> None:
    @task
    async def take(order: Order) -> int:
        return order.number

    flow = workflow("w", take)
    assert await bench.runner.run(flow, "dict", {"number": "7"}) == Completed(7)
    for bad in (object(), {"number": "x"}, None, 3):
        with pytest.raises(PayloadError):
            await bench.runner.run(flow, "bad", bad)
        with pytest.raises(PayloadError):
            await bench.client.submit(flow, "bad", bad)
        with pytest.raises(PayloadError):
            await flow.arun(bad)
    with pytest.raises(InstanceNotFound):
        await bench.client.status("bad")


@pytest.mark.parametrize("bad", ["", "a\nb", "x" * 257, "é" * 129, "nul\0", 7, None])
async def test_bad_ids_are_refused_at_every_entry(bench: Bench, bad: Any) -> None:
    client, runner = bench.client, bench.runner
    for call in (
        lambda: client.submit(plain, bad, 1),
        lambda: client.status(bad),
        lambda: client.result(bad),
        lambda: client.send_event(bad, "s", 1),
        lambda: client.cancel(bad),
        lambda: client.pause(bad),
        lambda: client.unpause(bad),
        lambda: client.retry(bad),
        lambda: client.delete(bad),
        lambda: client.get_task_result(bad, "inc"),
        lambda: client.get_task_result_of(bad, inc),
        lambda: client.task_results(bad),
        lambda: client.count_task_results(bad, "inc"),
        lambda: runner.run(plain, bad, 1),
        lambda: runner.ensure(plain, bad, 1),
        lambda: runner.resume(plain, bad),
    ):
        with pytest.raises(InvalidInstanceId):
            await call()


@pytest.mark.parametrize("good", ["x" * 256, "é" * 128, "a/b c:d#e[1]", "日本", "'; drop--"])
async def test_other_ids_are_taken_as_they_are(bench: Bench, good: str) -> None:
    assert await bench.runner.run(plain, good, 1) == Completed(4)
    assert await bench.client.status(good, plain) == Completed(4)


async def test_what_is_not_there_is_not_found(bench: Bench) -> None:
    client, runner = bench.client, bench.runner
    for call in (
        lambda: client.status("i"),
        lambda: client.result("i"),
        lambda: client.send_event("i", "s", 1),
        lambda: client.cancel("i"),
        lambda: client.pause("i"),
        lambda: client.unpause("i"),
        lambda: client.retry("i"),
        lambda: client.delete("i"),
        lambda: client.get_task_result("i", "inc"),
        lambda: client.get_task_result_of("i", inc),
        lambda: client.task_results("i"),
        lambda: client.describe("i"),
        lambda: client.picture("i"),
        lambda: client.rerun(plain, "i", "j", start="inc"),
        lambda: runner.resume(plain, "i"),
    ):
        with pytest.raises(InstanceNotFound) as missing:
            await call()
        # Which store was asked, is the first thing to look at; its password isn't told.
        assert str(missing.value) == f"there is no instance 'i' in {place_of(bench.store)}"
        assert missing.value.store == place_of(bench.store)


async def test_where_a_store_is(bench: Bench, tmp_path: Path, monkeypatch: Any) -> None:
    """A relative path is told whole: the same words mean another file in another folder."""
    kind = type(bench.store).__name__
    assert place_of(bench.store).startswith(
        {"MemoryStore": "memory://", "SqliteStore": "sqlite://"}.get(kind, "postgresql://")
    )
    monkeypatch.chdir(tmp_path)
    store = await open_store("sqlite:///orders.db")
    try:
        assert place_of(store) == f"sqlite:///{tmp_path.resolve()}/orders.db"
    finally:
        await store.close()

    class Another:
        """A third party's store that doesn't say where it is."""

    assert place_of(cast("Store", Another())) == "this Another"


async def test_delete_is_for_finished_ones(bench: Bench) -> None:
    await bench.runner.run(parked, "i", 1)
    with pytest.raises(InvalidTransition):
        await bench.client.delete("i")
    await bench.client.cancel("i")
    await bench.client.delete("i")
    with pytest.raises(InstanceNotFound):
        await bench.client.status("i")
    assert isinstance(await bench.runner.run(parked, "i", 1), Waiting)


async def test_result_waits_and_may_give_up(bench: Bench) -> None:
    await bench.client.submit(plain, "i", 1)
    with pytest.raises(TimeoutError):
        await bench.client.result("i", timeout=0.02)
    waiting = asyncio.ensure_future(bench.client.result("i", plain))
    await asyncio.sleep(0.01)
    await bench.runner.resume_all([plain])
    assert await asyncio.wait_for(waiting, 2) == 4


async def test_a_client_may_share_a_store(bench: Bench) -> None:
    async with AsyncWorkflowClient.from_shared(bench.store) as shared:
        await shared.submit(plain, "i", 1)
    assert isinstance(await bench.client.status("i"), InProgress), "closing left it open"


async def test_the_same_input_is_no_cause_for_a_warning(bench: Bench) -> None:
    client = bench.client.with_conflict_policy(ConflictPolicy.USE_EXISTING)
    await client.submit(plain, "i", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        await client.submit(plain, "i", 1)


@pytest.mark.parametrize("text", ["\ud800", "fine until \udfff", 7])
async def test_texts_that_no_store_could_keep_are_refused(bench: Bench, text: Any) -> None:
    """Every store says so, with the same error and the name of the parameter."""
    client = bench.client
    flow = workflow("w", inc)
    await client.submit(flow, "i", 1)
    kind = PayloadError if isinstance(text, str) else TypeError
    for said, call in [
        ("reason", lambda: client.cancel("i", text)),
        ("cancelled_by", lambda: client.cancel("i", "why", text)),
        ("reason", lambda: client.pause("i", text)),
        ("paused_by", lambda: client.pause("i", "why", text)),
        ("traceparent", lambda: client.submit(flow, "j", 1, traceparent=text)),
    ]:
        with pytest.raises(kind, match=said):
            await call()
    assert isinstance(await client.status("i"), InProgress)
    with pytest.raises(InstanceNotFound):
        await client.status("j")


async def test_submitting_reads_nothing_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A submission costs one write; what it answers is what the status says then."""
    async with AsyncWorkflowClient("memory://") as client:
        store = await client.store()
        for flow, name in [(plain, "i"), (workflow("d", delay("1h") >> inc), "j")]:
            with monkeypatch.context() as patched:
                for read in ("describe", "load", "page", "results"):
                    patched.delattr(type(store), read)
                submitted = await client.submit(flow, name, 1)
            assert submitted == await client.status(name, flow) == InProgress()
