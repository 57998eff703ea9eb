"""``Workflow``: forms of the decorator, what is refused, runs in memory, use as a child."""

from __future__ import annotations

import asyncio
import threading
import traceback
from typing import Any

import pytest

from sayiir import (
    Again,
    BranchResult,
    DefinitionError,
    Done,
    Flow,
    TaskFailed,
    Workflow,
    await_signal,
    branch,
    delay,
    fork,
    loop,
    task,
    workflow,
)
from sayiir.codec.protocol import UNDECLARED
from sayiir.dsl.branch import BranchFlow
from sayiir.dsl.nodes import ChildWorkflow


@task
def double(number: int) -> int:
    return 2 * number


@task
async def count_down(number: int) -> Again[int] | Done[str]:
    return Again(number - 1) if number > 0 else Done("go")


def build() -> Flow[int, int]:
    return double >> double


def test_every_form_of_the_decorator() -> None:
    options: dict[str, Any] = {
        "version": "2",
        "timeout": "1h",
        "priority": 1,
        "tags": ["x"],
        "description": "words",
    }
    assert workflow(build).name == "build"
    assert workflow("a")(build).name == "a"
    assert workflow(name="a")(build).name == "a"
    assert workflow()(build).name == "build"
    for made in (
        workflow("a", **options)(build),
        workflow(name="a", **options)(build),
        workflow("a", double >> double, **options),
    ):
        definition = made.definition
        assert (made.name, made.version, definition.timeout_seconds) == ("a", "2", 3600.0)
        assert (definition.priority, definition.tags) == (1, ("x",))
        assert definition.description == "words"
        assert made(3) == 12


def test_the_builder_is_called_once() -> None:
    calls: list[int] = []

    @workflow
    def counted() -> Flow[int, int]:
        calls.append(1)
        return double >> double

    assert counted(1) == counted(1)
    assert calls == [1]


def test_the_builders_annotation_declares_input_and_output() -> None:
    class Local: ...

    def local(value: Local) -> Local:
        return value

    @workflow
    def annotated() -> Flow[Local, Local]:
        return task(local) >> (lambda value: value)

    assert annotated.definition.input_type is Local
    assert annotated.definition.output_type is Local


def test_what_a_builder_builds_is_checked_against_its_annotation() -> None:
    with pytest.raises(DefinitionError, match="wrong"):

        @workflow
        def wrong() -> Flow[str, int]:
            return double >> double  # type: ignore[return-value]


def no_flow() -> Any:
    return None


def takes_input(number: int) -> Flow[int, int]:
    return double


def annotated_otherwise() -> int:
    return 3


async def build_async() -> Flow[int, int]:
    return double


@pytest.mark.parametrize(
    ("builder", "message"),
    [
        (no_flow, "made of a flow"),
        (takes_input, "parameter 'number'"),
        (annotated_otherwise, "annotate it"),
        (build_async, "is async"),
        (double, "a flow becomes a workflow"),
        (3, "decorates a function"),
        (int, "decorates a function"),
    ],
)
def test_builders_that_are_refused(builder: Any, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        workflow(builder)


def test_the_annotation_of_a_branch_tells_its_envelope() -> None:
    @workflow
    def branched() -> BranchFlow[int, int]:
        return branch(str, {"1": double}, default=double)

    assert branched.definition.output_type == BranchResult[int]
    assert branched(1) == BranchResult("1", 2)


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": "soon"},
        {"priority": 6},
        {"tags": "x"},
        {"version": 2},
        {"name": "a/b"},
    ],
)
def test_options_out_of_their_bounds(options: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError):
        workflow(**options)(build)


def test_names_given_twice_or_not_at_all_are_refused() -> None:
    with pytest.raises(DefinitionError, match="named twice"):
        workflow("a", double, name="b")  # type: ignore[call-overload]
    with pytest.raises(DefinitionError, match="name first"):
        workflow(double, double)  # type: ignore[call-overload]


@workflow
def everything() -> Flow[int, str]:
    return (
        double
        >> fork(double, lambda number: number + 1)
        >> (lambda a, b: a + b)
        >> branch(lambda number: number > 5, {True: double, False: double}).merge()
        >> delay("1h")
        >> (lambda number: number - number + 3)
        >> loop(count_down)
    )


class MovedClock:
    """A clock that jumps over every sleep."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000_000

    def now_us(self) -> int:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += round(seconds * 1_000_000)
        await asyncio.sleep(0)


def test_run_and_arun_give_the_output() -> None:
    assert everything.run(1, clock=MovedClock()) == "go"
    assert asyncio.run(everything.arun(1, clock=MovedClock())) == "go"


def test_a_blocking_run_works_inside_a_running_loop_and_keeps_context() -> None:
    async def inside() -> tuple[int, int]:
        return workflow("child", double >> double)(1), threading.get_ident()

    result, _ = asyncio.run(inside())
    assert result == 4


def test_a_failure_comes_out_of_every_form_of_run() -> None:
    @task
    def fails(number: int) -> int:
        raise ValueError("no")

    failing = workflow("failing", double >> fails)

    async def inside() -> None:
        failing(1)

    with pytest.raises(TaskFailed) as direct:
        failing(1)
    with pytest.raises(TaskFailed) as nested:
        asyncio.run(inside())
    with pytest.raises(TaskFailed) as awaited:
        asyncio.run(failing.arun(1))
    for raised in (direct, nested, awaited):
        assert isinstance(raised.value.__cause__, ValueError)
        assert raised.value.__context__ is None, "nothing unrelated comes before it"
        assert raised.value.__cause__.__context__ is None
        cause = traceback.extract_tb(raised.value.__cause__.__traceback__)
        assert [frame.name for frame in cause] == ["fails"]
    assert [frame.name for frame in traceback.extract_tb(direct.tb)][1:] == ["__call__", "run"]


def test_events_are_received() -> None:
    waits = workflow("waits", double >> await_signal("x", str))
    assert waits.run(1, events={"x": ["here"]}) == "here"


def test_a_workflow_is_a_flow_and_becomes_a_child() -> None:
    child = workflow("child", double >> double, version="3")
    parent = workflow("parent", child >> child.named("again") >> str)
    nodes = dict(parent.nodes())
    assert list(nodes) == [
        "child",
        "child/double",
        "child/double#2",
        "again",
        "again/double",
        "again/double#2",
        "str",
    ]
    node = nodes["again"]
    assert isinstance(node, ChildWorkflow)
    assert (node.name, node.version) == ("child", "3")
    assert parent(1) == "16"
    assert isinstance(child.named("x"), Workflow)


@pytest.mark.parametrize("options", [{"timeout": "1h"}, {"priority": 2}])
def test_a_workflow_with_timeout_or_priority_can_not_be_a_child(options: dict[str, Any]) -> None:
    child = workflow("child", double, **options)
    for use in (
        lambda: double >> child,
        lambda: child >> double,
        lambda: fork(child, double),
        child.map,
        lambda: workflow("outer", child),
    ):
        with pytest.raises(DefinitionError, match=r"'child'.*can't be a child"):
            use()
    assert child(2) == 4


def test_an_undeclared_workflow_knows_no_types() -> None:
    made = workflow("made", (lambda x: x) >> delay(0))
    assert made.definition.input_type is UNDECLARED


def test_mermaid_draws_every_node_once() -> None:
    text = everything.to_mermaid()
    assert text.startswith("flowchart TD\n")
    assert text.count("subgraph") == text.count("\n    end") == 1
    for label in ("delay: 3600 s", "count_down", "branch: lambda", "[[fork]]", "|again|", "|True|"):
        assert label in text
    assert text.count("[double]") == 4
