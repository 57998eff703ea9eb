"""Each value is encoded by its producer's type, else by its nearest consumer's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypedDict, TypeVar

import pytest
from hypothesis import given

from sayiir.codec.protocol import UNDECLARED
from sayiir.dsl.build import build_definition
from sayiir.dsl.nodes import (
    Arm,
    AwaitSignal,
    Branch,
    BranchArm,
    ChildWorkflow,
    Delay,
    Fork,
    Loop,
    Map,
    TaskNode,
)
from sayiir.dsl.spec import Parameter, Signature, TaskSpec
from sayiir.dsl.walk import walk
from sayiir.values import Again, BranchResult, Done, ItemFailed
from tests.graphs import Steps, sequence_of_shape, shapes
from tests.unit.dsl.edits import of

T = TypeVar("T")


class Talks(Protocol):
    def talk(self) -> None: ...


class Both(TypedDict):
    x: int
    y: str


def task(node_id: str, *takes: Any, gives: Any = UNDECLARED, names: str = "abcdef") -> TaskNode:
    inputs = tuple(Parameter(name, one) for name, one in zip(names, takes, strict=False))
    signature = Signature(inputs=inputs, output=gives)
    spec = TaskSpec(name=node_id, function=None, decorated=False, known_signature=signature)
    return TaskNode(node_id, spec)


def fork(*bodies, **options):
    return Fork("fork", tuple(Arm(str(at), body) for at, body in enumerate(bodies)), **options)


def named(into=None, **bodies):
    arms = tuple(Arm(name, body) for name, body in bodies.items())
    return Fork("fork", arms, named=True, into=into)


def branch(*bodies, key=None, **options):
    arms = tuple(BranchArm(str(at), str(at), body) for at, body in enumerate(bodies))
    return Branch("branch", key or task("key").task, arms, **options)


def built(*nodes, **types):
    return build_definition("w", of(*nodes), **types)


def edge(definition, path="p"):
    return definition.edges[path]


P = task("p", Any)  # the producer that declares nothing


def test_the_producer_declares():
    assert edge(built(task("p", gives=int), task("c", float))) is int
    assert edge(built(task("p", gives=Any), task("c", int))) is Any


def test_else_the_consumer_declares():
    assert edge(built(P, task("c", int))) is int
    assert edge(built(P, Delay("delay", seconds=1.0), task("c", int))) is int
    assert edge(built(P, output_type=str)) is str


@pytest.mark.parametrize("open_type", [Any, object, T, Talks, UNDECLARED])
def test_a_consumer_that_takes_anything_says_nothing(open_type):
    assert edge(built(P, task("c", open_type))) is UNDECLARED


@pytest.mark.parametrize("unnamed", [T, Talks, UNDECLARED])
def test_a_producer_type_that_names_nothing_leaves_it_to_the_consumer(unnamed):
    assert edge(built(task("p", gives=unnamed), task("c", int))) is int


def test_a_consumer_that_drops_the_value_says_nothing():
    assert edge(built(P, task("c"), task("d", int))) is UNDECLARED


def test_a_value_that_is_spread_may_be_a_tuple_or_a_mapping():
    assert edge(built(P, task("c", int, str))) is UNDECLARED


def test_arms_that_agree_declare():
    agreeing = fork(of(task("x", int)), of(task("y")), of(task("z", int)))
    assert edge(built(P, agreeing)) is int
    assert edge(built(P, fork(of(task("x", int)), of(task("y", str))))) is UNDECLARED
    assert edge(built(P, branch(of(task("x", int))))) is int
    key = task("key", str).task
    assert edge(built(P, branch(of(task("x", int)), key=key))) is UNDECLARED
    assert edge(built(P, branch(of(task("x", str)), key=key))) is str


def test_the_join_is_encoded_arm_by_arm():
    forked = fork(of(P), of(task("q")))
    for consumer in (task("c", int, str), task("c", tuple[int, str])):
        found = built(forked, consumer)
        assert (edge(found, "fork[0]/p"), edge(found, "fork[1]/q")) == (int, str)
    found = built(forked, task("c", tuple[int, ...]))
    assert (edge(found, "fork[0]/p"), edge(found, "fork[1]/q")) == (int, int)


def test_the_last_arm_alone_is_what_the_consumer_wants():
    found = built(fork(of(P), of(task("q")), join="last"), task("c", int))
    assert (edge(found, "fork[0]/p"), edge(found, "fork[1]/q")) == (UNDECLARED, int)


def test_named_arms_are_encoded_by_the_parameters_or_fields_of_their_names():
    parts = {"x": of(P), "y": of(task("q"))}
    consumers = [task("c", str, int, names="yx"), task("c", Both), task("c", dict[str, int])]
    wants = [(int, str), (int, str), (int, int)]
    for consumer, want in zip(consumers, wants, strict=True):
        found = built(named(**parts), consumer)
        assert (edge(found, "fork[x]/p"), edge(found, "fork[y]/q")) == want
    found = built(named(into=Both, **parts), task("c"))
    assert (edge(found, "fork[x]/p"), edge(found, "fork[y]/q")) == (int, str)


def test_through_a_branch_and_its_envelope():
    assert edge(built(branch(of(P), merged=True), task("c", int)), "branch[0]/p") is int
    whole = built(branch(of(P), default=of(task("q"))), task("c", BranchResult[int]))
    assert (edge(whole, "branch[0]/p"), edge(whole, "branch[*]/q")) == (int, int)
    spread = built(branch(of(fork(of(P), of(task("q")))), merged=True), task("c", int, str))
    assert edge(spread, "branch[0]/fork[1]/q") is str


def test_a_branch_key_is_encoded_by_its_own_type():
    key = task("key", int, gives=bool).task
    assert edge(built(branch(of(task("x")), key=key)), "branch") is bool


def test_a_loop_body_keeps_its_declared_end():
    end = task("end", int, gives=Again[int] | Done[str])
    found = built(P, Loop("loop", of(task("x"), end)), task("c", str))
    assert edge(found, "loop/end") == Again[int] | Done[str]
    assert edge(found) is UNDECLARED
    assert edge(found, "loop/x") is int


def test_a_loop_body_that_declares_nothing_goes_on_and_out():
    found = built(Loop("loop", of(task("p", int))), task("c", str))
    assert edge(found, "loop/p") == Again[int] | Done[str]
    assert edge(built(Loop("loop", of(task("p", int)))), "loop/p") == Again[int] | Done[Any]
    assert edge(built(Loop("loop", of(P))), "loop/p") is UNDECLARED


def test_what_flows_out_of_a_loop():
    end = task("end", int, gives=Again[int] | Done[str])
    assert built(Loop("loop", of(end))).output_type is str
    both = built(Loop("loop", of(end), on_max="exit_with_last"))
    assert both.output_type == int | str


def test_a_map_is_encoded_element_by_element():
    mapped = Map("map", of(task("x", int)))
    found = built(task("p", gives=list[bool]), mapped)
    assert found.element_edges == {"map": bool}
    found = built(P, mapped, task("c", list[str]))
    assert found.element_edges == {"map": int}
    assert (edge(found), edge(found, "map/x")) == (list[int], str)
    assert built(task("p", gives=tuple[int, str]), Map("map", of(P))).element_edges == {
        "map": int | str
    }
    assert built(P, Map("map", of(task("x")))).element_edges == {"map": UNDECLARED}


def test_a_collecting_map_encodes_outputs_without_the_failures():
    mapped = Map("map", of(P), on_error="collect")
    found = built(mapped, task("c", list[int | ItemFailed]))
    assert edge(found, "map/p") is int
    typed = Map("map", of(task("x", gives=int)), on_error="collect")
    assert built(typed).output_type == list[int | ItemFailed]


def test_a_signal_is_encoded_by_its_own_type():
    wait = AwaitSignal("go", "go", payload_type=int)
    assert edge(built(wait), "go") is int
    assert built(task("x", gives=str), wait).output_type is int
    default = AwaitSignal("go", "go", payload_type=int, has_default=True, default=None)
    assert edge(built(default), "go") == int | None
    kept = AwaitSignal("go", "go", payload_type=int, keep_input=True)
    assert built(task("x", gives=str), kept).output_type == tuple[str, int]
    assert edge(built(P, kept, task("c", str, int))) is str
    assert edge(built(P, wait)) is UNDECLARED


def test_a_child_declares_for_itself():
    child = ChildWorkflow("child", "child", "", of(task("x", int)), int, str)
    assert edge(built(P, child)) is int
    assert edge(built(child), "child/x") is str
    undeclared = ChildWorkflow("child", "child", "", of(task("x", str)))
    found = built(P, undeclared, task("c", bytes))
    assert (edge(found), edge(found, "child/x")) == (str, bytes)


def test_the_input_is_encoded_alike():
    assert built(task("c", float), input_type=int).input_edge is int
    assert built(task("c", float)).input_edge is float
    assert built(Delay("delay", seconds=1.0), task("c", float)).input_edge is float
    assert built(task("c", int, str)).input_edge is UNDECLARED
    assert built(Map("map", of(task("x", int)))).input_edge == list[int]


def test_what_flows_out():
    assert built(fork(of(task("x", gives=int)), of(P))).output_type == tuple[int, Any]
    assert built(named(x=of(task("q", gives=int)))).output_type == dict[str, Any]
    assert built(named(into=Both, x=of(task("q", gives=int)), y=of(P))).output_type is Both
    arms = of(task("x", gives=int)), of(task("y", gives=str))
    assert built(branch(*arms)).output_type == BranchResult[int | str]
    assert built(branch(*arms, merged=True)).output_type == int | str
    assert built(branch(*arms, default=of(P))).output_type == BranchResult[Any]
    assert built(Map("map", of(task("x", gives=int)))).output_type == list[int]
    assert built(P).output_type is UNDECLARED


@given(shapes())
def test_every_task_and_every_map_has_an_edge(steps: Steps):
    root = sequence_of_shape(steps)
    definition = build_definition("w", root)
    kinds = {path: type(node) for path, node in walk(root)}
    encoded = {path for path, kind in kinds.items() if kind in (TaskNode, Branch, AwaitSignal)}
    assert set(definition.edges) == encoded
    assert set(definition.element_edges) == {path for path, kind in kinds.items() if kind is Map}


def test_a_sequence_protocol_is_an_element_source():
    found = built(task("p", gives=Sequence[int]), Map("map", of(P)))
    assert found.element_edges == {"map": int}
