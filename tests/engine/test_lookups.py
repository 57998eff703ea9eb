"""``result_of``, ``workflow_input`` and asking for task results: which one is meant."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from sayiir import (
    Again,
    Done,
    branch,
    fork,
    loop,
    result_of,
    task,
    workflow,
    workflow_input,
)
from sayiir.errors import StoreUnavailable
from sayiir.status import Completed, Failed
from tests.engine.bench import LEASE_OVER_SECONDS, Bench, CrashingStore
from tests.engine.corpus import double, inc, odd_fails, show, upto

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.anyio


class Model(BaseModel):
    n: int


@task
async def model(n: int) -> Model:
    return Model(n=n)


@task
async def same(m: Model) -> Model:
    return m


@task
async def up(n: int) -> Again[int] | Done[int]:
    return Again(n + 1) if n % 3 else Done(n)


async def test_the_highest_iteration_stands_for_a_task(bench: Bench) -> None:
    await bench.runner.run(workflow("w", loop(inc >> up, history="all") >> show), "i", 0)
    assert await bench.client.get_task_result_of("i", inc) == 3
    assert await bench.client.get_task_result("i", "loop[0]/inc") == 1
    assert await bench.client.get_task_result_of("i", inc, path="loop[0]/inc") == 1


async def test_iterations_beyond_nine_are_ordered_as_numbers(bench: Bench) -> None:
    @task
    async def count(n: int) -> Again[int] | Done[int]:
        return Again(n + 1) if n < 11 else Done(n)

    flow = workflow("w", loop(count, max_iterations=20, history="all"))
    await bench.runner.run(flow, "i", 0)
    assert await bench.client.get_task_result_of("i", count) == Done(11)


async def test_then_the_last_in_definition_order(bench: Bench) -> None:
    await bench.runner.run(workflow("w", inc >> fork(inc >> inc, inc) >> show), "i", 0)
    assert await bench.client.get_task_result_of("i", inc) == 2
    assert await bench.client.get_task_result("i", "fork[0]/inc#2") == 3


async def test_then_the_highest_item(bench: Bench) -> None:
    await bench.runner.run(workflow("w", upto >> inc.map() >> show), "i", 12)
    assert await bench.client.get_task_result_of("i", inc) == 12
    assert await bench.client.get_task_result_of("i", inc, path="map[3]/inc") == 4
    assert await bench.client.count_task_results("i", "map/inc") == 12


async def test_a_task_that_has_no_result_yet(bench: Bench) -> None:
    await bench.client.submit(workflow("w", inc), "i", 0)
    assert await bench.client.get_task_result_of("i", inc) is None
    assert await bench.client.get_task_result_of("i", inc, default="none") == "none"
    assert await bench.client.get_task_result("i", "inc", default=3) == 3
    assert await bench.client.task_results("i") == []


async def test_what_the_definition_does_not_have_is_refused(bench: Bench) -> None:
    await bench.client.submit(workflow("w", inc >> double), "i", 0)
    with pytest.raises(ValueError, match="no task 'show'"):
        await bench.client.get_task_result_of("i", show)
    for path in ("double", "nowhere", "fork[0]/inc", "]["):
        with pytest.raises(ValueError, match="inc"):
            await bench.client.get_task_result_of("i", inc, path=path)
    with pytest.raises(TypeError):
        await bench.client.get_task_result_of("i", inc >> double)


async def test_results_come_back_typed_where_the_task_or_workflow_is_named(bench: Bench) -> None:
    flow = workflow("w", model >> same)
    assert await bench.runner.run(flow, "i", 1) == Completed(Model(n=1))
    client = bench.client
    assert await client.get_task_result_of("i", model) == Model(n=1)
    assert await client.get_task_result("i", "model", flow) == Model(n=1)
    assert await client.get_task_result("i", "model") == {"n": 1}
    assert [entry.output for entry in await client.task_results("i", flow)] == [Model(n=1)] * 2
    assert await client.result("i", flow) == Model(n=1)
    assert (await client.status("i")).output == {"n": 1}


class Size(Enum):
    BIG = "big"
    SMALL = "small"


@pytest.mark.parametrize(
    ("answer", "kind"), [(True, bool), (7, int), ("k", str), (Size.BIG, Size)], ids=str
)
async def test_the_result_of_a_branchs_key(bench: Bench, answer: Any, kind: type) -> None:
    def ask(_: int) -> Any:
        return answer

    ask.__annotations__["return"] = kind
    key: Any = task("key")(ask)
    flow = workflow("w", branch(key, {answer: inc}))
    await bench.runner.run(flow, "i", 0)
    assert await bench.client.get_task_result("i", "branch", flow) == answer
    assert await bench.client.get_task_result_of("i", key) == answer


async def test_a_tasks_result_whose_type_only_its_consumer_declares(bench: Bench) -> None:
    @task
    async def untyped(n: int):  # type: ignore[no-untyped-def]
        return Model(n=n)

    @task
    async def consumer(m: Model) -> int:
        return m.n

    flow = workflow("w", untyped >> consumer)
    assert await bench.runner.run(flow, "i", 4) == Completed(4)
    assert await bench.client.get_task_result("i", "untyped", flow) == Model(n=4)
    assert await bench.client.get_task_result_of("i", untyped) in (Model(n=4), {"n": 4})


async def test_histories_are_in_the_order_of_commits(bench: Bench) -> None:
    await bench.runner.run(workflow("w", inc >> double >> odd_fails >> show), "i", 0)
    history = await bench.client.task_results("i")
    assert [entry.path for entry in history] == ["inc", "double", "odd_fails", "show"]
    assert [entry.attempts for entry in history] == [1, 1, 1, 1]
    assert all(entry.error is None for entry in history)
    assert all(entry.started_at <= entry.finished_at for entry in history)


# -- result_of


async def both_ways(bench: Bench, flow: Any, value: Any) -> Any:
    """The output in memory and durable, and continued in a new process after every write."""
    in_memory = await flow.arun(value)
    durable = await bench.runner.run(flow, "i", value)
    assert durable == Completed(in_memory)
    for at in range(1, 40):
        crashing = CrashingStore(bench.store, at, written=True)
        try:
            await bench.new_runner(crashing).run(flow, f"crash{at}", value)
        except StoreUnavailable:
            bench.clock.shift(LEASE_OVER_SECONDS)
            status = await bench.runner.resume(flow, f"crash{at}")
            assert status == Completed(in_memory), f"after a crash at write {at}"
        if not crashing.dead:
            break
    return in_memory


@task
async def pair(n: Any, of_inc: int = result_of(inc)) -> list[Any]:
    return [n, of_inc]


async def test_the_nearest_before(bench: Bench) -> None:
    assert await both_ways(bench, workflow("w", inc >> inc >> double >> pair), 0) == [4, 2]


async def test_the_same_iteration(bench: Bench) -> None:
    @task
    async def until(n: int, of_inc: int = result_of(inc)) -> Again[int] | Done[list[int]]:
        return Again(of_inc) if of_inc < 3 else Done([n, of_inc])

    assert await both_ways(bench, workflow("w", loop(inc >> double >> until)), 0) == [6, 3]


async def test_a_loops_last_iteration(bench: Bench) -> None:
    assert await both_ways(bench, workflow("w", loop(inc >> up) >> pair), 0) == [3, 3]


async def test_the_last_of_nested_loops(bench: Bench) -> None:
    flow = workflow(
        "w", loop(loop(inc >> up) >> (lambda n: Done(value=n) if n > 5 else Again(n))) >> pair
    )
    assert await both_ways(bench, flow, 0) == [6, 6]


async def test_inside_a_forks_arms_after_it(bench: Bench) -> None:
    flow = workflow("w", fork(inc >> double, double >> inc) >> (lambda a, b: a + b) >> pair)
    assert await both_ways(bench, flow, 1) == [7, 3]


async def test_in_whichever_arm_of_a_branch_ran(bench: Bench) -> None:
    def flow(name: str) -> Any:
        arms = {True: inc >> double, False: double >> inc}
        return workflow(name, branch(lambda n: n > 5, arms).merge() >> pair)

    assert await both_ways(bench, flow("w"), 9) == [20, 10]
    assert await flow("v").arun(1) == [3, 3]


async def test_within_an_item_of_a_map(bench: Bench) -> None:
    flow = workflow("w", upto >> (inc >> double >> pair).map())
    assert await both_ways(bench, flow, 3) == [[2, 1], [4, 2], [6, 3]]


async def test_within_a_loop_in_a_map_in_a_loop(bench: Bench) -> None:
    item = loop(inc >> up) >> pair
    flow = workflow("w", loop(upto >> item.map() >> (lambda pairs: Done(value=pairs))))
    assert await both_ways(bench, flow, 3) == [[3, 3], [6, 6], [3, 3]]


async def test_a_stored_result_that_a_changed_type_cannot_read(bench: Bench) -> None:
    """It fails with PayloadError, and goes on by retry once the type fits again."""

    def version(kind: Any) -> Any:
        def make(n: int) -> Any:
            return Model(n=n) if kind is Model else n

        make.__annotations__["return"] = kind
        made: Any = task("made")(make)

        @task
        async def last(n: int, before: Any = result_of(made)) -> str:
            return repr(before)

        from sayiir import delay

        return workflow("w", made >> (lambda m: 1) >> delay("1h") >> last)

    await bench.runner.run(version(Model), "i", 1)
    bench.clock.shift(3601)
    status = await bench.runner.resume(version(list[int]), "i")
    assert isinstance(status, Failed)
    assert (status.error.kind, status.error.path) == ("PayloadError", "last")
    await bench.client.retry("i")
    assert await bench.runner.resume(version(Model), "i") == Completed("Model(n=1)")


# -- workflow_input


@task
async def with_whole(n: int, whole: int = workflow_input(int)) -> list[int]:
    return [n, whole]


@pytest.mark.parametrize(
    ("name", "make", "outcome"),
    [
        ("root", lambda child: inc >> with_whole, [1, 0]),
        ("child", lambda child: inc >> double >> child, [3, 2]),
        ("in_loop", lambda child: loop(inc >> child >> (lambda p: Done(value=p))), [2, 1]),
        ("in_map", lambda child: inc >> (lambda n: [5, 6]) >> child.map(), [[6, 5], [7, 6]]),
        ("in_fork", lambda child: fork(inc >> child, child), ([2, 1], [1, 0])),
    ],
)
async def test_the_input_of_the_nearest_workflow(
    bench: Bench, name: str, make: Callable[[Any], Any], outcome: Any
) -> None:
    child = workflow("child", inc >> with_whole)
    assert await both_ways(bench, workflow(name, make(child)), 0) == outcome
