"""Started again from a node: what comes before it is taken from the earlier run, never called."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import (
    Again,
    ConflictPolicy,
    Done,
    Flow,
    InstanceAlreadyExists,
    InstanceNotFound,
    LoopResult,
    PayloadError,
    RerunRefused,
    await_signal,
    branch,
    delay,
    fork,
    loop,
    result_of,
    task,
    workflow,
    workflow_input,
)
from sayiir.client import AsyncWorkflowClient
from sayiir.errors import StoreUnavailable
from sayiir.events import TaskFinished, TaskStarted
from sayiir.status import AwaitingSignal, Completed, Failed, InProgress
from sayiir.stores.memory import MemoryStore
from tests.engine.bench import LEASE_OVER_SECONDS, Bench, CrashingStore
from tests.engine.corpus import CASES, Case

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir.testing.clock import MovedClock
    from sayiir.workflow import Workflow

pytestmark = pytest.mark.anyio


class Calls:
    """Tasks that say when they are called."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def task(self, name: str, what: Callable[[Any], Any] = lambda value: value + 1) -> Any:
        def called(value: Any) -> Any:
            self.made.append(name)
            return what(value)

        return task(name)(called)

    def taken(self) -> list[str]:
        made, self.made = sorted(self.made), []
        return made


@pytest.fixture
def calls() -> Calls:
    return Calls()


async def again(
    bench: Bench, flow: Workflow[Any, Any], start: Any, name: str = "again", source: str = "i"
) -> Any:
    status = await bench.runner.rerun(flow, source, name, start=start)
    return await bench.to_end(flow, status, name)


async def attempts(bench: Bench, name: str = "again") -> dict[str, int]:
    return {one.path: one.attempts for one in await bench.client.task_results(name)}


# -- what is kept


async def test_what_comes_before_is_kept_and_the_rest_runs(bench: Bench, calls: Calls) -> None:
    first, second, third = (calls.task(name) for name in ("first", "second", "third"))
    flow = workflow("w", first >> second >> third)
    await bench.run(flow, 1)
    assert calls.taken() == ["first", "second", "third"]
    before = await bench.client.task_results("i")

    assert await again(bench, flow, "second") == Completed(4)
    assert calls.taken() == ["second", "third"]
    assert await attempts(bench) == {"first": 0, "second": 1, "third": 1}
    assert await bench.client.task_results("i") == before, "the earlier one stays as it is"
    assert await again(bench, flow, third, "third") == Completed(4)
    assert calls.taken() == ["third"]
    assert await again(bench, flow, "first", "all") == Completed(4)
    assert calls.taken() == ["first", "second", "third"]


async def test_what_stands_beside_it_is_kept(bench: Bench, calls: Calls) -> None:
    left, right, end = calls.task("left"), calls.task("right"), calls.task("end", sum)
    flow = workflow("w", calls.task("load") >> fork(left, right >> calls.task("more")) >> end)
    await bench.run(flow, 1)
    calls.taken()
    for start, called in (
        ("fork[0]/left", ["end", "left"]),
        ("fork[1]/more", ["end", "more"]),
        ("fork[1]/right", ["end", "more", "right"]),
        ("fork", ["end", "left", "more", "right"]),
        ("end", ["end"]),
    ):
        assert await again(bench, flow, start, start) == Completed(7)
        assert calls.taken() == called


async def test_one_item_or_all_of_a_map(bench: Bench, calls: Calls) -> None:
    items = calls.task("clean") >> calls.task("parse")
    split = calls.task("split", lambda n: list(range(n)))
    flow = workflow("w", split >> items.map(max_concurrency=2) >> calls.task("end", sum))
    await bench.run(flow, 4)
    calls.taken()
    assert await again(bench, flow, "map[2]/parse", "one") == Completed(14)
    assert calls.taken() == ["end", "parse"]
    assert await again(bench, flow, "map/parse", "all") == Completed(14)
    assert calls.taken() == ["end", *["parse"] * 4]
    assert await again(bench, flow, "end", "after") == Completed(14)
    assert calls.taken() == ["end"]


async def test_an_item_whose_failure_was_collected_runs_again(bench: Bench, calls: Calls) -> None:
    fails = True

    def parse(number: int) -> int:
        if fails and number == 1:
            raise ValueError("not this one")
        return number

    split = calls.task("split", lambda n: list(range(n)))
    end = calls.task("end", lambda found: [str(type(one).__name__) for one in found])
    flow = workflow("w", split >> calls.task("parse", parse).map(on_error="collect") >> end)
    assert await bench.run(flow, 3) == Completed(["int", "ItemFailed", "int"])
    fails = False
    calls.taken()
    assert await again(bench, flow, "end") == Completed(["int", "int", "int"])
    assert calls.taken() == ["end", "parse"]


async def test_a_branch_isnt_asked_again(bench: Bench, calls: Calls) -> None:
    key = calls.task("key", lambda value: "odd" if value % 2 else "even")
    arms = {"odd": calls.task("o") >> calls.task("p"), "even": calls.task("e")}
    flow = workflow("w", branch(key, arms).merge() >> calls.task("end"))
    await bench.run(flow, 1)
    calls.taken()
    assert await again(bench, flow, "branch[odd]/p", "inside") == Completed(4)
    assert calls.taken() == ["end", "p"]
    assert await again(bench, flow, "end", "after") == Completed(4)
    assert calls.taken() == ["end"]
    with pytest.raises(RerunRefused, match="it has never come there"):
        await bench.runner.rerun(flow, "i", "never", start="branch[even]/e")


def step(value: int) -> LoopResult[int, int]:
    return Again(value + 1) if value < 4 else Done(value)


async def test_after_a_loop_its_last_iteration_is_kept(bench: Bench, calls: Calls) -> None:
    ask, judge = calls.task("ask", lambda value: value), calls.task("judge", step)

    @task
    def end(value: int, asked: int = result_of(ask)) -> tuple[int, int]:
        calls.made.append("end")
        return value, asked

    flow = workflow("w", loop(ask >> judge) >> calls.task("between") >> end)
    await bench.run(flow, 1)
    calls.taken()
    assert await again(bench, flow, "end", "end") == Completed((5, 4))
    assert calls.taken() == ["end"]
    assert await attempts(bench, "end") == {
        "loop[3]/ask": 0,
        "loop[3]/judge": 0,
        "between": 0,
        "end": 1,
    }
    assert await again(bench, flow, "between", "twice", source="end") == Completed((5, 4))
    assert calls.taken() == ["between", "end"]
    assert await again(bench, flow, "loop", "loop") == Completed((5, 4))
    assert calls.taken() == [*["ask"] * 4, "between", "end", *["judge"] * 4]
    with pytest.raises(RerunRefused, match=r"no result for 'loop\[0\]/ask'.*history"):
        await bench.runner.rerun(flow, "i", "no", start="loop[1]/judge")


async def test_an_iteration_of_a_loop_that_keeps_all(bench: Bench, calls: Calls) -> None:
    ask, judge = calls.task("ask", lambda value: value), calls.task("judge", step)
    flow = workflow("w", loop(ask >> judge, history="all") >> calls.task("end"))
    await bench.run(flow, 1)
    calls.taken()
    assert await again(bench, flow, "loop[2]/judge", "third") == Completed(5)
    assert calls.taken() == ["ask", "end", "judge", "judge"]
    assert await again(bench, flow, "loop/ask", "first") == Completed(5)
    assert calls.taken() == [*["ask"] * 4, "end", *["judge"] * 4]


async def test_inside_a_child(bench: Bench, calls: Calls) -> None:
    @task
    def inner(value: int, given: int = workflow_input(int)) -> int:
        calls.made.append("inner")
        return value + 10 * given

    child = workflow("child", calls.task("first") >> inner)
    flow = workflow("w", calls.task("before") >> child >> calls.task("end"))
    await bench.run(flow, 1)
    calls.taken()
    assert await again(bench, flow, "child/inner") == Completed(24)
    assert calls.taken() == ["end", "inner"]
    assert await again(bench, flow, "child", "child") == Completed(24)
    assert calls.taken() == ["end", "first", "inner"]


async def test_nobody_waits_twice(bench: Bench, calls: Calls) -> None:
    waits = delay("1h") >> await_signal("go", int) >> calls.task("use") >> delay("2h")
    flow = workflow("w", calls.task("first") >> waits >> calls.task("end"))
    await bench.run(flow, 1)
    await bench.client.send_event("i", "go", 7)
    await bench.to_end(flow, await bench.runner.resume(flow, "i"))
    calls.taken()
    status = await bench.runner.rerun(flow, "i", "again", start="end")
    assert status == Completed(9)
    assert calls.taken() == ["end"]
    with pytest.raises(RerunRefused, match="the value of 'go', is not kept by itself"):
        await bench.runner.rerun(flow, "i", "no", start="use")
    status = await bench.runner.rerun(flow, "i", "wait", start="go")
    assert isinstance(status, AwaitingSignal)
    await bench.client.send_event("wait", "go", 70)
    status = await bench.to_end(flow, await bench.runner.resume(flow, "wait"), "wait")
    assert status == Completed(72)
    assert calls.taken() == ["end", "use"]


# -- another definition


async def test_the_node_and_what_follows_may_be_another(bench: Bench, calls: Calls) -> None:
    first = calls.task("first")
    await bench.run(workflow("w", first >> calls.task("old") >> calls.task("end")), 1)
    calls.taken()
    new = workflow("v", first >> calls.task("new", lambda n: n * 10) >> calls.task("more"))
    assert await again(bench, new, "new") == Completed(21)
    assert calls.taken() == ["more", "new"]
    later = workflow("w", first >> calls.task("other") >> calls.task("end"))
    with pytest.raises(RerunRefused, match="what differs: other") as refused:
        await bench.runner.rerun(later, "i", "no", start="end")
    assert refused.value.changed == ("other",)
    with pytest.raises(InstanceNotFound):
        await bench.client.status("no")


async def test_arms_beside_it_are_the_same_or_new(bench: Bench, calls: Calls) -> None:
    a, b, c = calls.task("a"), calls.task("b"), calls.task("c")
    end = calls.task("end", sum)
    await bench.run(workflow("w", fork(x=a, y=b) >> (lambda found: [*found.values()]) >> end), 1)
    calls.taken()
    wide = workflow("w", fork(x=a, y=b, z=c) >> (lambda found: [*found.values()]) >> end)
    assert await again(bench, wide, "fork[x]/a") == Completed(6)
    assert calls.taken() == ["a", "c", "end"], "a new arm has no results, and runs"
    other = workflow("w", fork(x=a, y=c) >> (lambda found: [*found.values()]) >> end)
    with pytest.raises(RerunRefused, match=r"fork\[y\]/c"):
        await bench.runner.rerun(other, "i", "no", start="fork[x]/a")


async def test_a_failed_one_goes_on_with_other_code(bench: Bench, calls: Calls) -> None:
    load = calls.task("load")
    broken = workflow("w", load >> calls.task("use", lambda n: n / 0) >> calls.task("end"))
    assert isinstance(await bench.run(broken, 1), Failed)
    calls.taken()
    mended = workflow("w", load >> calls.task("use", lambda n: n * 2) >> calls.task("end"))
    assert await again(bench, mended, "use") == Completed(5)
    assert calls.taken() == ["end", "use"]
    with pytest.raises(RerunRefused, match="no result for 'use'"):
        await bench.runner.rerun(mended, "i", "no", start="end")


async def test_a_result_that_fits_no_more_is_refused(bench: Bench) -> None:
    @task
    def load(n: int) -> str:
        return f"number {n}"

    @task
    def use(value: Any) -> str:
        return str(value)

    await bench.run(workflow("w", load >> use), 1)

    @task(name="load")
    def load_number(n: int) -> int:
        return n

    with pytest.raises(PayloadError, match="'load'"):
        await bench.runner.rerun(workflow("w", load_number >> use), "i", "no", start="use")


# -- whatever happens meanwhile


async def test_a_crash_at_any_write_calls_nothing_that_is_kept(bench: Bench, calls: Calls) -> None:
    left, right = calls.task("left"), calls.task("right") >> delay("1h") >> calls.task("more")
    items = calls.task("item").map()
    split = calls.task("split", lambda n: list(range(n)))
    flow = workflow(
        "w",
        split
        >> items
        >> calls.task("total", sum)
        >> fork(left, right)
        >> calls.task("end", sum)
        >> calls.task("last"),
    )
    whole = await bench.run(flow, 3)
    calls.taken()
    at, crashed = 0, True
    while crashed:
        at += 1
        for written in (False, True):
            name = f"crash-{at}-{written}"
            store = CrashingStore(bench.store, at, written=written)
            dying = bench.new_runner(store)
            try:
                await bench.to_end(flow, await dying.rerun(flow, "i", name, start="end"), name)
            except StoreUnavailable:
                bench.clock.shift(LEASE_OVER_SECONDS)
                status = await bench.new_runner().resume(flow, name)
                assert await bench.to_end(flow, status, name) == whole
            crashed = store.dead
            assert set(calls.taken()) == {"end", "last"}, f"after a crash at write {at}"
    assert at > 6


async def test_others_can_run_it(bench: Bench, calls: Calls) -> None:
    flow = workflow("w", calls.task("first") >> fork(calls.task("a"), calls.task("b")) >> sum)
    await bench.run(flow, 1)
    calls.taken()
    status = await bench.client.rerun(flow, "i", "again", start="fork[1]/b", labels={"of": "i"})
    assert status == InProgress()
    assert [one.instance_id for one in await bench.client.list(labels={"of": "i"})] == ["again"]
    assert await bench.new_runner().resume_all([flow]) > 0
    assert await bench.client.result("again") == 6
    assert calls.taken() == ["b"]


async def test_an_earlier_run_that_is_gone_fails_it(bench: Bench, calls: Calls) -> None:
    flow = workflow("w", calls.task("first") >> calls.task("second"))
    await bench.run(flow, 1)
    calls.taken()
    await bench.client.rerun(flow, "i", "again", start="second")
    await bench.client.delete("i")
    await bench.new_runner().resume_all([flow])
    status = await bench.client.status("again")
    assert isinstance(status, Failed)
    assert status.error.path == "first"
    assert "the run that this one was started again from is gone" in status.error.message
    assert calls.taken() == []


async def test_the_policy_says_what_happens_to_a_taken_id(bench: Bench, calls: Calls) -> None:
    flow = workflow("w", calls.task("first") >> calls.task("second"))
    await bench.run(flow, 1)
    await again(bench, flow, "second")
    with pytest.raises(InstanceAlreadyExists):
        await bench.runner.rerun(flow, "i", "again", start="second")
    with pytest.raises(InstanceAlreadyExists):
        await bench.client.rerun(flow, "i", "again", start="second")
    calls.taken()
    user = bench.new_runner(conflict_policy=ConflictPolicy.USE_EXISTING)
    assert await user.rerun(flow, "i", "again", start="second") == Completed(3)
    assert calls.taken() == []
    replacing = bench.new_runner(conflict_policy=ConflictPolicy.TERMINATE_EXISTING)
    assert await replacing.rerun(flow, "i", "again", start="second") == Completed(3)
    assert calls.taken() == ["second"]


async def test_a_listener_hears_that_it_was_kept(bench: Bench, calls: Calls) -> None:
    flow = workflow("w", calls.task("first") >> calls.task("second"))
    await bench.run(flow, 1)
    told: list[Any] = []
    runner = bench.new_runner(on_event=told.append)
    await runner.rerun(flow, "i", "again", start="second")
    assert [one.path for one in told if isinstance(one, TaskStarted)] == ["second"]
    finished = [(one.path, one.attempt) for one in told if isinstance(one, TaskFinished)]
    assert finished == [("first", 0), ("second", 1)]
    assert [one.task for one in told if isinstance(one, TaskFinished)] == ["first", "second"]


async def test_two_at_once_keep_their_own(bench: Bench, calls: Calls) -> None:
    flow: Workflow[int, int] = workflow("w", calls.task("first") >> calls.task("second"))
    await bench.run(flow, 1, "one")
    await bench.run(flow, 10, "ten")
    calls.taken()
    found = await asyncio.gather(
        *(
            bench.runner.rerun(flow, source, f"{source}-{number}", start="second")
            for number in range(20)
            for source in ("one", "ten")
        )
    )
    assert [one for one in found if isinstance(one, Completed)] == [
        Completed(3),
        Completed(12),
    ] * 20
    assert calls.taken() == ["second"] * 40


# -- wrong arguments


async def test_what_is_no_start_is_told(bench: Bench, calls: Calls) -> None:
    first = calls.task("first")
    flow = workflow("w", first >> first >> fork(calls.task("a"), calls.task("b")))
    await bench.run(flow, 1)
    wrong: Any
    for wrong, error, words in (
        ("nowhere", ValueError, "no node at 'nowhere'"),
        ("fork[0]", ValueError, "no node at 'fork.0.'"),
        ("fork[2]/a", ValueError, "no node at"),
        ("", ValueError, "no node at"),
        (first, ValueError, "stands at first, first#2: say which"),
        (calls.task("other"), ValueError, "isn't there"),
        (7, TypeError, "a path, as"),
    ):
        with pytest.raises(error, match=words):
            await bench.client.rerun(flow, "i", "no", start=wrong)
    with pytest.raises(InstanceNotFound):
        await bench.client.rerun(flow, "nobody", "no", start="first")
    replaced: Flow[Any, Any] = first
    with pytest.raises(TypeError):
        await bench.client.rerun(replaced, "i", "no", start="first")  # type: ignore[arg-type]


async def test_a_replaced_source_is_another_run(bench: Bench, calls: Calls) -> None:
    """A new creation under the source's id has a number of its own: its results aren't taken."""
    flow = workflow("w", calls.task("first") >> calls.task("second"))
    await bench.run(flow, 1)
    await bench.client.rerun(flow, "i", "again", start="second")
    replacing = AsyncWorkflowClient(bench.store, conflict_policy=ConflictPolicy.TERMINATE_EXISTING)
    await replacing.submit(flow, "i", 100)
    await bench.new_runner().resume(flow, "again")
    assert isinstance(await bench.client.status("again"), Failed)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_from_every_node_it_comes_to_the_same_end(case: Case, clock: MovedClock) -> None:
    """Whatever the graph: the end is the same, or the start is refused before anything is made."""
    bench = Bench(MemoryStore(clock), clock)
    flow = case.workflow()

    async def send(name: str) -> None:
        for signal, payloads in case.events.items():
            for payload in payloads:
                await bench.client.send_event(name, signal, payload)

    await bench.client.submit(flow, "i", case.value)
    await send("i")
    whole = await bench.to_end(flow, await bench.runner.resume(flow, "i"))
    earlier = {one.path: one.output for one in await bench.client.task_results("i")}
    for number, (path, _) in enumerate(flow.nodes()):
        name = f"again-{number}"
        try:
            await bench.client.rerun(flow, "i", name, start=path)
        except RerunRefused:
            continue
        await send(name)
        status = await bench.to_end(flow, await bench.runner.resume(flow, name), name)
        if isinstance(whole, Completed):
            assert status == whole, f"from {path}"
            found = {one.path: one.output for one in await bench.client.task_results(name)}
            # More may be there: which arms of an item still end that fails is chance.
            assert found | earlier == found, f"from {path}"
        else:
            assert type(status) is type(whole), f"from {path}"
    await bench.close()
