"""Pictures of any graph: nothing overlaps, no line crosses a box, no text leaves its box."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sayiir
from sayiir.render.details import node_detail
from sayiir.render.layout import laid_out
from sayiir.render.scene import Box, Line, placed
from tests.graphs import flow_of_shape, shapes, shapes_nested
from tests.render.geometry import assert_clear

if TYPE_CHECKING:
    from sayiir.dsl.definition import Definition
    from sayiir.dsl.nodes import Node
    from sayiir.render.scene import Block
    from tests.graphs import Steps

HOLDERS = ("fork", "branch", "loop", "map", "child")


def drawn(definition: Definition, heading: tuple[str, ...] = ()) -> Block:
    def told(_: str, node: Node) -> tuple[str, ...]:
        detail = node_detail(node)
        return (detail, "and more of it") if detail else ()

    return laid_out(definition, told, heading, marks=bool(heading))


def definition_of(flow: Any) -> Definition:
    made: Definition = sayiir.workflow("drawn", flow).definition
    return made


@settings(max_examples=60, deadline=None)
@given(shapes(depth=4, longest=4))
def test_nothing_overlaps(steps: Steps) -> None:
    definition = definition_of(flow_of_shape(steps))
    assert_clear(drawn(definition), definition)


@settings(max_examples=40, deadline=None)
@given(st.tuples(*[st.sampled_from(HOLDERS)] * 5).flatmap(shapes_nested), st.text(max_size=90))
def test_nothing_overlaps_where_each_kind_holds_each(steps: Steps, title: str) -> None:
    definition = definition_of(flow_of_shape(steps))
    assert_clear(drawn(definition, (title, "completed", title)), definition)


@cache
def step(name: str) -> Any:
    def call(value: Any) -> Any:
        return value

    return sayiir.task(name)(call)


def chain(count: int, stem: str = "step") -> Any:
    flow = step(f"{stem}0")
    for number in range(1, count):
        flow = flow >> step(f"{stem}{number}")
    return flow


def forked(arms: int, longest: int, named: bool) -> Any:
    flows = [chain(1 + number % longest, f"arm{number}_") for number in range(arms)]
    if named:
        return sayiir.fork(
            **{f"{'long_' * (at % 6)}name_{at}": one for at, one in enumerate(flows)}
        )
    return sayiir.fork(*flows)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 70), st.integers(1, 40), st.booleans(), st.integers(1, 60))
def test_wide_forks_go_on_in_rows_and_long_chains_in_columns(
    arms: int, longest: int, named: bool, before: int
) -> None:
    definition = definition_of(chain(before) >> forked(arms, longest, named) >> step("z"))
    assert_clear(drawn(definition), definition)


def test_a_branch_of_many_arms_goes_on_in_rows() -> None:
    arms = {str(number): chain(1 + number % 3, f"arm{number}_") for number in range(60)}
    definition = definition_of(sayiir.branch(step("key"), arms, default=step("z")).merge())
    block = drawn(definition)
    assert_clear(block, definition)
    assert block.width < 2_000


@pytest.mark.parametrize("inside", [sayiir.loop, lambda flow: flow.map(), lambda flow: flow])
def test_a_long_body_goes_on_beside_itself(inside: Any) -> None:
    definition = definition_of(step("a") >> inside(chain(120, "body")) >> chain(100, "after"))
    block = drawn(definition)
    assert_clear(block, definition)
    assert max(block.width, block.height) < 4_000


def test_200_nodes_are_higher_than_wide_and_fit_a_large_screen() -> None:
    block = drawn(definition_of(chain(200)))
    assert block.width < block.height < 2_600


def test_a_chain_is_one_straight_column() -> None:
    parts = list(placed(drawn(definition_of(chain(12)))))
    middles = {one.x + one.width / 2 for one in parts if isinstance(one, Box)}
    assert len(middles) == 1
    assert all(len(one.points) == 2 for one in parts if isinstance(one, Line))


def test_10_000_nodes_are_laid_out() -> None:
    block = drawn(definition_of(chain(10_000)))
    assert sum(isinstance(one, Box) for one in placed(block)) == 10_002


def test_a_long_name_is_shortened_and_whole_in_the_box() -> None:
    name = "a_name_that_goes_on_and_on_" + "x" * 80 + "#2"
    flow = step("a").named(name[:100])
    (box,) = (
        one
        for one in placed(drawn(definition_of(flow)))
        if isinstance(one, Box) and one.kind == "task"
    )
    assert len(box.name) <= 32
    assert "…" in box.name
    assert box.whole_name == name[:100]
