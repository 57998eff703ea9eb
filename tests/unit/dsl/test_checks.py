"""What is refused when a workflow is built; each error names the workflow, the node, the mend."""

from __future__ import annotations

import collections.abc as abc
from typing import Any, TypedDict, TypeVar

import pytest

from sayiir.codec.protocol import UNDECLARED
from sayiir.dsl.build import build_definition
from sayiir.dsl.nodes import (
    AwaitSignal,
    ChildWorkflow,
    Delay,
    Fork,
    Loop,
    Map,
    NodeSequence,
    TaskNode,
)
from sayiir.dsl.spec import Injected, Injection, Parameter, Signature, TaskSpec
from sayiir.errors import DefinitionError
from sayiir.limits import MAX_FORK_ARMS, MAX_NESTING_DEPTH
from sayiir.values import Again, BranchResult, Done
from tests.unit.dsl.edits import of, spec, step
from tests.unit.dsl.test_edges import branch, fork, named, task

T = TypeVar("T")


class Both(TypedDict):
    x: int
    y: str


DONE = Again[int] | Done[int]


def loop(*nodes, **options):
    return Loop("loop", of(*nodes), **options)


def refused(*nodes, match, node=None, **options):
    with pytest.raises(DefinitionError, match=match) as caught:
        build_definition("w", of(*nodes), **options)
    assert caught.value.workflow == "w"
    assert caught.value.node == node


def accepted(*nodes, **options):
    return build_definition("w", of(*nodes), **options)


# -- shape


def test_nothing_may_be_empty():
    refused(match="no nodes")
    refused(fork(of()), match="is empty", node="fork")
    refused(Fork("fork", ()), match="arms, not 0", node="fork")
    refused(branch(default=of(step(spec("x")))), match="at least one arm", node="branch")
    refused(Map("map", of()), match="is empty", node="map")
    refused(ChildWorkflow("c", "c", "", of()), match="is empty", node="c")


def test_ids_are_unique_and_well_formed():
    refused(step(spec("x")), step(spec("x", decorated=False)), match="same id", node="x")
    refused(step(spec("x"), "a/b"), match="must not hold")
    refused(step(spec("x"), "x#two"), match="only the language", node="x#two")
    accepted(step(spec("x")), step(spec("y"), "x#2"))


def test_arms_are_told_apart():
    arms = fork(of(step(spec("x"))), of(step(spec("y")))).arms
    twice = Fork("fork", (arms[0], arms[0]))
    refused(twice, match="two arms are called '0'", node="fork")


@pytest.mark.parametrize(
    "last",
    [
        fork(of(step(spec("x")))),
        Map("map", of(step(spec("x")))),
        AwaitSignal("go", "go", keep_input=True),
        branch(of(step(spec("x")))),
        branch(of(step(spec("x"))), of(Delay("delay", seconds=1.0)), merged=True),
        ChildWorkflow("child", "child", "", of(Delay("delay", seconds=1.0))),
    ],
    ids=["fork", "map", "signal", "branch", "merged branch", "child"],
)
def test_a_loop_ends_in_something_that_says_again_or_done(last):
    refused(loop(step(spec("first")), last), match="its body ends in", node="loop")


def test_a_delay_alone_is_no_loop_body_but_may_end_one():
    refused(loop(Delay("delay", seconds=1.0)), match="only passes its input on", node="loop")
    accepted(loop(task("end", gives=Again[int] | Done[DONE]), Delay("delay", seconds=1.0)))


def test_a_loop_may_end_in_a_signal_whose_payload_says_again_or_done():
    accepted(loop(AwaitSignal("go", "go", Again[int] | Done[str])))


def test_a_loop_may_end_in_a_loop_a_merged_branch_or_a_child():
    end = task("end", gives=DONE)
    accepted(loop(branch(of(end), of(task("other")), merged=True)))
    accepted(loop(ChildWorkflow("child", "child", "", of(end))))
    inner = Loop("inner", of(task("end", gives=Again[int] | Done[DONE])))
    accepted(loop(inner))


def test_a_loop_body_that_gives_something_else_is_refused():
    refused(loop(task("end", gives=int)), match="Again.value. or Done", node="loop")
    refused(loop(task("end", gives=DONE | None)), match="Again.value. or Done", node="loop")
    accepted(loop(task("end", gives=Done[int])))


@pytest.mark.parametrize(
    "node",
    [
        loop(task("end"), max_iterations=0),
        Map("map", of(task("x")), max_concurrency=0),
        Delay("delay", seconds=-1.0),
        Delay("delay", seconds=float("nan")),
        Delay("delay", seconds=float("inf")),
        AwaitSignal("go", "go", timeout_seconds=-1.0),
        Fork("fork", fork(*[of(task("x"))] * (MAX_FORK_ARMS + 1)).arms),
    ],
)
def test_bounds_hold(node):
    refused(node, match=r"at least 1|between|arms, not", node=node.id)


@pytest.mark.parametrize(
    "options",
    [
        {"tags": ("",)},
        {"tags": ("x" * 65,)},
        {"tags": ("x",) * 21},
        {"priority": 0},
        {"priority": 6},
        {"priority": True},
        {"timeout_seconds": -1.0},
        {"timeout_seconds": float("nan")},
        {"version": "x" * 129},
        {"version": 1},
    ],
)
def test_what_a_workflow_says_of_itself_is_bounded(options):
    refused(task("x"), match="tag|priority|timeout|version", **options)


def test_a_workflow_name_could_be_a_node_id():
    for name in ("", "a/b", "x" * 129, 7):
        with pytest.raises(DefinitionError, match="name"):
            build_definition(name, of(task("x")))


def nested(depth):
    sequence = of(task("x"))
    for _ in range(depth):
        sequence = of(Map("map", sequence))
    return sequence


def test_nesting_is_bounded():
    build_definition("w", nested(MAX_NESTING_DEPTH))
    for depth in (MAX_NESTING_DEPTH + 1, 5_000):
        with pytest.raises(DefinitionError, match="deeper than 50 levels") as caught:
            build_definition("w", nested(depth))
        assert caught.value.workflow == "w"


def test_fifty_nested_loops_build_quickly():
    sequence = of(task("end", int, gives=Again[int] | Done[Any]))
    for _ in range(MAX_NESTING_DEPTH):
        sequence = of(Loop("loop", sequence))
    build_definition("w", sequence)


def test_a_flow_doubled_thirty_times_is_refused_before_it_is_gone_through():
    sequence = of(task("x"))
    for _ in range(30):
        sequence = of(fork(sequence, sequence))
    with pytest.raises(DefinitionError, match="more than 1,000,000 nodes"):
        build_definition("w", sequence)


# -- tasks


def test_two_tasks_of_one_name_are_refused_wherever_they_stand():
    same, other = spec("same"), spec("same")
    refused(step(same), step(other, "same#2"), match="two different tasks", node="same#2")
    refused(step(same), Map("map", of(step(other))), match="two different", node="map/same")
    refused(step(same), branch(of(task("x")), key=other), match="two different", node="branch")
    accepted(step(same), step(same, "same#2"))
    accepted(step(same), step(spec("same", decorated=False), "same#2"))
    accepted(step(same), ChildWorkflow("child", "child", "", of(step(other))))


def test_a_function_that_was_made_a_task_twice_is_told_apart_from_two_functions():
    """`task(f)` in two places reads as the same task, so the message must not say "different"."""

    def same(n: int) -> int:
        return n

    once, twice = (TaskSpec(name="same", function=same) for _ in range(2))
    refused(step(once), step(twice, "same#2"), match="was made a task twice", node="same#2")
    accepted(step(once), step(once, "same#2"))


def test_generic_tasks_are_refused_and_generic_plain_callables_are_not():
    for signature in (
        Signature(inputs=(Parameter("x", T),)),
        Signature(inputs=(Parameter("x", list[T]),)),
        Signature(output=dict[str, T]),
    ):
        generic = TaskSpec(name="x", function=None, known_signature=signature)
        refused(step(generic), match="generic", node="x")
        plain = TaskSpec(name="x", function=None, decorated=False, known_signature=signature)
        accepted(step(plain))


def test_a_signature_that_cannot_be_read_names_the_node():
    def wrong(*, value):
        return value

    refused(step(TaskSpec(name="wrong", function=wrong)), match="by keyword only", node="wrong")


# -- types


@pytest.mark.parametrize(
    ("given", "takes"),
    [
        (int, [str]),
        (int | None, [int]),
        (int, [int, int]),
        (list[int], [int, int]),
        (tuple[int, str], [int, int]),
        (tuple[int, int, int], [int, int]),
        (tuple[()], [int, int]),
        (dict[str, int] | int, [int, int]),
    ],
)
def test_edges_that_do_not_fit_are_refused(given, takes):
    refused(task("p", gives=given), task("c", *takes), match="it takes .* but 'p' gives", node="c")


@pytest.mark.parametrize(
    ("given", "takes"),
    [
        (int, [float]),
        (int, []),
        (Any, [int, int]),
        (UNDECLARED, [int, int]),
        (tuple, [int, int]),
        (tuple[int, ...], [int, int]),
        (tuple[int, int], [int, float]),
        (dict[str, int], [int, int]),
        (abc.Mapping[str, Any], [int, int]),
        (abc.Sequence[int], [int, int]),
        (tuple[int, int], [tuple[int, int]]),
        (tuple[int, int] | dict[str, int], [int, int]),
    ],
)
def test_edges_that_may_fit_are_accepted(given, takes):
    accepted(task("p", gives=given), task("c", *takes))


def test_parameters_are_filled_by_name_from_named_arms_and_typed_dicts():
    arms = {"x": of(task("p", gives=int)), "y": of(task("q", gives=str))}
    for before in (named(**arms), task("r", gives=Both)):
        accepted(before, task("c", str, int, names="yx"))
        refused(before, task("c", int, int, names="xz"), match="nothing fills z", node="c")
        refused(before, task("c", int, int, names="xy"), match="'y' would be str", node="c")
    accepted(named(**arms), task("c", Both))
    accepted(named(**arms), task("c", dict[str, Any]))
    refused(named(**arms), task("c", int), match="one, it gets the dict", node="c")


def test_optional_parameters_that_arms_fill_are_checked_too():
    signature = Signature(
        inputs=(Parameter("x", int), Parameter("y", str)), optional=(Parameter("z", int),)
    )
    node = TaskNode("c", TaskSpec(name="c", function=None, known_signature=signature))
    arms = {"x": of(task("p", gives=int)), "y": of(task("q", gives=str))}
    accepted(named(**arms), node)
    refused(named(**arms, z=of(task("r", gives=str))), node, match="'z' would be str", node="c")


def test_named_arms_must_fit_into_their_type():
    x, y = of(task("p", gives=int)), of(task("q", gives=int))
    refused(named(into=Both, x=x), match="into=Both", node="fork")
    refused(named(into=Both, x=x, y=y), match="into=Both", node="fork")
    accepted(named(into=Both, x=x, y=of(task("r", gives=str))), task("c", Both))


def test_types_are_followed_through_every_kind():
    number = task("p", gives=int)
    text = task("c", str)
    pause = Delay("delay", seconds=1.0)
    refused(number, pause, text, match="'p' gives int", node="c")
    refused(number, fork(of(text)), match="gives int", node="fork[0]/c")
    refused(number, branch(of(text)), match="gives int", node="branch[0]/c")
    refused(number, branch(of(task("x")), key=task("k", str).task), match="int", node="branch")
    refused(branch(of(number), merged=True), text, match="gives int", node="c")
    refused(branch(of(number)), text, match="BranchResult", node="c")
    accepted(branch(of(number)), task("c", BranchResult[int]))
    refused(task("l", gives=list[int]), Map("map", of(text)), match="int", node="map/c")
    refused(number, Map("map", of(task("x"))), match="a sequence", node="map")
    refused(Map("map", of(number)), text, match="list.int", node="c")
    refused(loop(task("end", gives=DONE)), text, match="gives int", node="c")
    refused(AwaitSignal("go", "go", payload_type=int), text, match="gives int", node="c")
    child = ChildWorkflow("child", "child", "", of(task("x")), int, int)
    refused(task("s", gives=str), child, match="gives str", node="child")
    refused(child, text, match="gives int", node="c")


def test_again_must_fit_the_beginning_of_the_loop():
    end = task("end", gives=Again[str] | Done[int])
    refused(loop(task("first", int), end), match="Again in 'loop' gives str", node="loop/first")
    inside = fork(of(task("first", int)), of(task("x")))
    refused(loop(inside, end), match="Again", node="loop/fork[0]/first")


def test_a_key_gives_something_that_a_key_can_be():
    refused(branch(of(task("x")), key=task("k", gives=float).task), match="a key is", node="branch")
    for fine in (str, bool, int, Any, UNDECLARED):
        accepted(branch(of(task("x")), key=task("k", gives=fine).task))


def test_what_is_declared_is_what_is_built():
    refused(task("p", gives=int), match="declared to give str", node="p", output_type=str)
    refused(task("p", int), match="the workflow's input gives str", node="p", input_type=str)
    accepted(task("p", float, gives=int), input_type=int, output_type=float)
    accepted(task("p"), input_type=None, output_type=str)


def test_workflow_input_is_that_of_the_nearest_workflow():
    injected = (Injected("whole", Injection.WORKFLOW_INPUT, annotation=str),)
    asks = TaskNode(
        "asks", TaskSpec(name="asks", function=None, known_signature=Signature(injected=injected))
    )
    accepted(task("p", gives=int), asks, input_type=str)
    refused(asks, match="workflow_input of str", node="asks", input_type=int)
    child = ChildWorkflow("child", "child", "", of(asks), str)
    accepted(task("p", gives=str), child, input_type=int)


def test_an_error_reads_as_one_sentence_with_its_place():
    with pytest.raises(DefinitionError) as caught:
        build_definition("orders", NodeSequence((task("p", gives=int), task("c", str))))
    assert str(caught.value) == (
        "workflow 'orders', node 'c': it takes str but 'p' gives int; change one of the "
        "annotations, or put a task between them that converts"
    )
