"""A definition holds all that was derived; flows and nodes by hand give the same one."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sayiir
from sayiir.dsl.build import build_definition
from sayiir.dsl.portable import to_portable
from sayiir.dsl.sequence import sequence_of
from sayiir.dsl.walk import NODE_KINDS, inner_sequences, walk
from sayiir.ids import path_segments
from tests.graphs import (
    ChildShape,
    Steps,
    expect,
    flow_of_shape,
    payload_of,
    sequence_of_shape,
    shapes,
    shapes_nested,
)
from tests.unit.dsl.edits import built, graph, parts


class HastyClock:
    """Every sleep is over at once."""

    def __init__(self) -> None:
        self.time_us = 0

    def now_us(self) -> int:
        return self.time_us

    async def sleep(self, seconds: float) -> None:
        self.time_us += int(seconds * 1_000_000)
        await asyncio.sleep(0)


HOLDERS = ("fork", "branch", "loop", "map", "child")


def test_a_walk_gives_every_node_with_its_path_in_definition_order():
    paths = [path for path, _ in walk(graph(parts()))]
    assert paths == [
        *("first", "second", "reader"),
        *("fork", "fork[0]/a", "fork[1]/b", "fork#2", "fork#2[x]/a2", "fork#2[y]/b2"),
        *("branch", "branch[k]/c", "branch[l]/d", "branch[*]/e"),
        *("loop", "loop/ask", "loop/decide", "list", "map", "map/each"),
        *("delay", "go", "inner", "inner/f", "inner/g", "last"),
    ]


@given(shapes())
def test_every_path_is_a_path_and_is_there_once(steps: Steps):
    found = [path for path, _ in walk(sequence_of_shape(steps))]
    assert len(set(found)) == len(found)
    for path in found:
        assert list(path_segments(path))


def test_the_graph_of_the_edits_has_every_kind():
    assert {type(node) for _, node in walk(graph(parts()))} == set(NODE_KINDS)


def test_a_definition_keeps_what_it_was_given():
    definition = built(parts())
    assert (definition.name, definition.version, definition.tags) == ("orders", "", ())
    assert len(definition.definition_hash) == 32
    assert definition.definition_hash == definition.definition_hash.lower()


@given(shapes())
def test_the_combinators_and_nodes_by_hand_give_the_same_definition(steps: Steps):
    by_hand = build_definition("w", sequence_of_shape(steps))
    written = build_definition("w", sequence_of(flow_of_shape(steps)))
    assert written.definition_hash == by_hand.definition_hash
    assert written.reads == by_hand.reads


@pytest.mark.parametrize("kinds", list(itertools.product(HOLDERS, repeat=3)), ids="-".join)
@settings(max_examples=3)
@given(data=st.data())
def test_every_kind_in_every_kind_three_deep(kinds, data):
    steps = data.draw(shapes_nested(kinds))
    definition = build_definition("w", sequence_of_shape(steps))
    depth = max(path.count("/") for path, _ in walk(definition.root))
    assert depth >= 3
    held = {kind for kind, _ in ((NODE_KINDS[type(n)], p) for p, n in walk(definition.root))}
    assert held >= set(kinds)
    assert to_portable(definition)
    assert build_definition("w", sequence_of(flow_of_shape(steps))).definition_hash == (
        definition.definition_hash
    )


@settings(max_examples=2000)
@given(shapes(), st.integers(0, 99))
def test_in_memory_runs_give_what_a_shape_expects(steps: Steps, value: int):
    expected = expect(steps, value)
    events = {name: [payload_of(name)] * count for name, count in expected.signals.items()}
    workflow = sayiir.workflow("w", flow_of_shape(steps))
    assert workflow.run(value, events=events, clock=HastyClock()) == expected.output


def test_inner_sequences_of_a_leaf_are_none():
    leaves = [node for _, node in walk(graph(parts())) if not list(inner_sequences(node))]
    assert {NODE_KINDS[type(node)] for node in leaves} == {"task", "delay", "await_signal"}


def test_a_child_shape_is_a_scope_of_its_own():
    steps: Steps = (ChildShape("child", (ChildShape("grandchild", ()),)),)
    with pytest.raises(Exception, match="empty"):
        build_definition("w", sequence_of_shape(steps))
