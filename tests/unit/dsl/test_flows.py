"""``>>``, ``named``, ``map``: ids, immutability, size, and what is refused."""

from __future__ import annotations

import gc
import time
from typing import Any

import pytest

from sayiir import DefinitionError, Flow, branch, delay, fork, loop, task
from sayiir.dsl.nodes import Map, TaskNode
from sayiir.dsl.sequence import sequence_of


@task
def double(number: int) -> int:
    return 2 * number


@task
def half(number: int) -> int:
    return number // 2


def ids(flow: Flow[Any, Any]) -> list[str]:
    return [node.id for node in sequence_of(flow).nodes]


def test_ids_are_unique_in_order_of_appearance() -> None:
    flow = double >> half >> double >> (lambda x: x) >> double >> (lambda x: x)
    assert ids(flow) == ["double", "half", "double#2", "lambda", "double#3", "lambda#2"]


def test_a_name_that_is_given_twice_is_numbered_too() -> None:
    assert ids(half.named("double") >> double >> double) == ["double", "double#2", "double#3"]


def test_ids_do_not_depend_on_how_a_chain_is_put_together() -> None:
    assert ids((double >> half) >> (double >> half)) == ids(double >> (half >> (double >> half)))


def test_chaining_changes_neither_side() -> None:
    left, right = double >> half, half >> double
    joined = left >> right
    assert ids(left) == ["double", "half"]
    assert ids(right) == ["half", "double"]
    assert ids(joined) == ["double", "half", "half#2", "double#2"]
    assert double.named("x") is not double
    assert ids(double) == ["double"]


def test_plain_callables_stand_at_either_end() -> None:
    flow = len >> double >> str
    nodes = sequence_of(flow).nodes
    assert [node.id for node in nodes] == ["len", "double", "str"]
    assert [node.task.decorated for node in nodes if isinstance(node, TaskNode)] == [
        False,
        True,
        False,
    ]


def test_the_same_plain_callable_is_another_task_at_each_place() -> None:
    first, second = sequence_of(double >> str >> len >> str).nodes[1::2]
    assert isinstance(first, TaskNode)
    assert isinstance(second, TaskNode)
    assert first.task is not second.task


def test_a_renamed_task_is_still_the_task() -> None:
    renamed = double.named("twice")
    assert renamed(4) == 8
    assert renamed.spec is double.spec
    assert ids(renamed >> double) == ["twice", "double"]


def test_named_works_on_every_flow_of_one_node() -> None:
    flow = fork(double, half).named("both") >> delay(1).named("rest") >> double.map().named("each")
    assert ids(flow) == ["both", "rest", "each"]
    assert ids(branch(str, {"1": double}).named("way").merge()) == ["way"]
    assert ids(loop(double).named("poll")) == ["poll"]


def test_named_on_several_nodes_is_refused() -> None:
    with pytest.raises(DefinitionError, match="has several"):
        (double >> half).named("x")


@pytest.mark.parametrize("name", ["", "a/b", "a[0]", "a#2", "a\n", "x" * 129, 3])
def test_names_that_are_not_allowed(name: Any) -> None:
    with pytest.raises(DefinitionError):
        double.named(name)


@pytest.mark.parametrize("thing", [3, None, (double, half), "text", [double]])
def test_what_is_no_flow_can_not_be_chained(thing: Any) -> None:
    with pytest.raises(DefinitionError, match=">> takes"):
        double >> thing
    with pytest.raises(DefinitionError, match=">> takes"):
        double.then(thing)
    with pytest.raises(DefinitionError, match=">> takes"):
        thing >> double


def test_a_class_of_callable_objects_can_not_be_chained() -> None:
    class Ship:
        def __call__(self, number: int) -> int:
            return number

    with pytest.raises(DefinitionError, match="instances are callable"):
        double >> Ship
    assert ids(double >> Ship()) == ["double", "Ship"]


def test_the_pipe_is_refused_on_both_sides() -> None:
    with pytest.raises(DefinitionError, match=r"fork\(a, b\)"):
        double >> half | double  # type: ignore[operator]
    with pytest.raises(DefinitionError, match=r"fork\(a, b\)"):
        {} | double  # type: ignore[operator]
    with pytest.raises(DefinitionError, match=r"fork\(a, b\)"):
        str | (double >> half)  # type: ignore[operator]


def test_map_closes_what_it_maps() -> None:
    (node,) = sequence_of((double >> double).map(max_concurrency=3, on_error="collect")).nodes
    assert isinstance(node, Map)
    assert [inner.id for inner in node.body.nodes] == ["double", "double#2"]
    assert (node.max_concurrency, node.on_error) == (3, "collect")


@pytest.mark.parametrize(
    "options",
    [
        {"max_concurrency": 0},
        {"max_concurrency": True},
        {"max_concurrency": 1.5},
        {"on_error": "ignore"},
    ],
)
def test_map_options_out_of_their_bounds(options: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError):
        double.map(**options)


@pytest.mark.parametrize("from_the_left", [True, False])
def test_a_long_flow_builds_and_goes_without_recursion(from_the_left: bool) -> None:
    def seconds(count: int) -> float:
        start = time.perf_counter()
        flow: Flow[int, int] = double
        for _ in range(count - 1):
            flow = flow >> double if from_the_left else double >> flow
        assert len(sequence_of(flow).nodes) == count
        del flow
        gc.collect()
        return time.perf_counter() - start

    seconds(1_000)
    small, large = min(seconds(5_000) for _ in range(3)), min(seconds(50_000) for _ in range(2))
    # Ten times as many; a quadratic build would take a hundred times as long.
    assert large < 40 * small


def test_repr_tells_the_chain_and_stays_short() -> None:
    assert repr(double >> str) == "<Flow: double >> str>"
    flow: Flow[int, int] = double
    for _ in range(1_000):
        flow >>= double
    assert len(repr(flow)) < 200
