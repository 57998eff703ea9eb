"""Every kind of edit that a workflow can undergo, and whether it changes what it means.

One graph holds every node kind; an edit is a change to one place of it. ``COUNTED`` edits strand
a running instance, so they must change the definition hash; ``FREE`` ones must not.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sayiir.dsl.build import build_definition
from sayiir.dsl.definition import Definition
from sayiir.dsl.hashing import continuation_hashes
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
    Node,
    NodeSequence,
    TaskNode,
)
from sayiir.dsl.spec import Injected, Injection, Parameter, Signature, TaskSpec
from sayiir.policy import RetryPolicy

Nodes = dict[str, Any]


def spec(name: str, *reads: tuple[str, TaskSpec], **options: Any) -> TaskSpec:
    injected = tuple(Injected(name, Injection.RESULT_OF, task=task) for name, task in reads)
    signature = Signature(inputs=(Parameter("value"),), injected=injected)
    return TaskSpec(name=name, function=None, known_signature=signature, **options)


def of(*nodes: Node) -> NodeSequence:
    return NodeSequence(nodes)


def step(task: TaskSpec, node_id: str | None = None) -> TaskNode:
    return TaskNode(node_id or task.name, task)


def parts() -> Nodes:
    """The pieces of the graph, each of which an edit may put another in the place of."""
    first, second = spec("first"), spec("second")
    return {
        "name": "orders",
        "version": "",
        "first": first,
        "second": second,
        "reader": spec("reader", ("one", first), ("two", second)),
        "reader_id": None,
        "fork": Fork("fork", (Arm("0", of(step(spec("a")))), Arm("1", of(step(spec("b")))))),
        "named": Fork(
            "fork#2", (Arm("x", of(step(spec("a2")))), Arm("y", of(step(spec("b2"))))), named=True
        ),
        "branch": Branch(
            "branch",
            spec("key", decorated=False),
            (
                BranchArm("k", "k", of(step(spec("c")))),
                BranchArm("l", "l", of(step(spec("d")))),
            ),
            default=of(step(spec("e"))),
        ),
        "loop": Loop("loop", of(step(spec("ask")), step(spec("decide")))),
        "map": Map("map", of(step(spec("each")))),
        "delay": Delay("delay", seconds=5.0),
        "signal": AwaitSignal("go", "go", payload_type=int, timeout_seconds=9.0),
        "child": ChildWorkflow("inner", "inner", "1", of(step(spec("f")), step(spec("g")))),
        "tail": [step(spec("last"))],
        "options": {},
    }


def graph(nodes: Nodes) -> NodeSequence:
    return of(
        step(nodes["first"]),
        step(nodes["second"]),
        step(nodes["reader"], nodes["reader_id"]),
        nodes["fork"],
        nodes["named"],
        nodes["branch"],
        nodes["loop"],
        step(spec("list")),
        nodes["map"],
        nodes["delay"],
        nodes["signal"],
        nodes["child"],
        *nodes["tail"],
    )


def built(nodes: Nodes) -> Definition:
    return build_definition(
        nodes["name"], graph(nodes), version=nodes["version"], **nodes["options"]
    )


def node(key: str, **fields: Any) -> Callable[[Nodes], None]:
    """An edit that changes fields of one node."""

    def edit(nodes: Nodes) -> None:
        nodes[key] = replace(nodes[key], **fields)

    return edit


def put(key: str, value: Any) -> Callable[[Nodes], None]:
    """An edit that puts another value at a place."""

    def edit(nodes: Nodes) -> None:
        nodes[key] = value

    return edit


def options(**given: Any) -> Callable[[Nodes], None]:
    return put("options", given)


def arms(key: str, change: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> Callable[[Nodes], None]:
    def edit(nodes: Nodes) -> None:
        nodes[key] = replace(nodes[key], arms=change(nodes[key].arms))

    return edit


def tail(*added: Node) -> Callable[[Nodes], None]:
    def edit(nodes: Nodes) -> None:
        nodes["tail"] = [*nodes["tail"], *added]

    return edit


def branch_key(**given: Any) -> Callable[[Nodes], None]:
    def edit(nodes: Nodes) -> None:
        nodes["branch"] = replace(
            nodes["branch"], key=spec(**{"name": "key", "decorated": False, **given})
        )

    return edit


def reading(*reads: tuple[str, str]) -> Callable[[Nodes], None]:
    def edit(nodes: Nodes) -> None:
        found = [(parameter, nodes[task]) for parameter, task in reads]
        nodes["reader"] = spec("reader", *found)

    return edit


def first(**given: Any) -> Callable[[Nodes], None]:
    """An edit of the first task's options; the reader goes on reading it."""

    def edit(nodes: Nodes) -> None:
        nodes["first"] = spec(**{"name": "first", **given})
        nodes["reader"] = spec("reader", ("one", nodes["first"]), ("two", nodes["second"]))

    return edit


def typed(**given: Any) -> Callable[[Nodes], None]:
    def edit(nodes: Nodes) -> None:
        signature = replace(nodes["first"].known_signature, **given)
        nodes["first"] = TaskSpec(name="first", function=None, known_signature=signature)
        nodes["reader"] = spec("reader", ("one", nodes["first"]), ("two", nodes["second"]))

    return edit


def swapped(key: str, other: str) -> Callable[[Nodes], None]:
    def edit(nodes: Nodes) -> None:
        nodes[key], nodes[other] = nodes[other], nodes[key]

    return edit


def called(nodes: Nodes) -> None:
    def another(value: object) -> object:
        return value

    signature = nodes["first"].known_signature
    task = TaskSpec(name="first", function=another, known_signature=signature)
    nodes["first"] = task
    nodes["reader"] = spec("reader", ("one", task), ("two", nodes["second"]))


MOMENT = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)

COUNTED: dict[str, Callable[[Nodes], None]] = {
    "workflow renamed": put("name", "order"),
    "workflow version": put("version", "2"),
    "task renamed": first(name="prime"),
    "task version": first(version="2"),
    "node renamed": put("reader_id", "reads"),
    "node added at the end": tail(Delay("delay#2", seconds=1.0)),
    "task added at the end": tail(step(spec("more"))),
    "node removed": put("tail", []),
    "two tasks swapped": swapped("first", "second"),
    "nodes swapped": swapped("delay", "signal"),
    "task becomes a delay": put("tail", [Delay("last", seconds=1.0)]),
    "task becomes a child": put(
        "tail", [ChildWorkflow("last", "last", "", of(step(spec("last"))))]
    ),
    "fork renamed": node("fork", id="split"),
    "fork arm added": arms("fork", lambda had: (*had, Arm("2", of(step(spec("z")))))),
    "fork arm removed": arms("fork", lambda had: had[:1]),
    "fork arms swapped": arms("fork", lambda had: (Arm("0", had[1].body), Arm("1", had[0].body))),
    "node added in a fork arm": arms(
        "fork", lambda had: (Arm("0", of(*had[0].body.nodes, step(spec("z")))), had[1])
    ),
    "task version in a fork arm": arms(
        "fork", lambda had: (Arm("0", of(step(spec("a", version="2")))), had[1])
    ),
    "fork joins the last": node("fork", join="last"),
    "fork arms get names": node("fork", named=True),
    "fork arm renamed": arms("named", lambda had: (Arm("z", had[0].body), had[1])),
    "named arms reordered": arms("named", lambda had: had[::-1]),
    "fork becomes a delay": put("fork", Delay("fork", seconds=1.0)),
    "branch renamed": node("branch", id="choose"),
    "branch merged": node("branch", merged=True),
    "branch key's function renamed": branch_key(name="pick"),
    "branch key's version": branch_key(version="2"),
    "branch arm's key": arms("branch", lambda had: (replace(had[0], selector="m"), had[1])),
    "branch arm added": arms(
        "branch", lambda had: (*had, BranchArm("m", "m", of(step(spec("z")))))
    ),
    "branch arm removed": arms("branch", lambda had: had[:1]),
    "branch arms' bodies swapped": arms(
        "branch",
        lambda had: (replace(had[0], body=had[1].body), replace(had[1], body=had[0].body)),
    ),
    "branch default removed": node("branch", default=None),
    "branch default changed": node("branch", default=of(step(spec("z")))),
    "branch default becomes an arm called *": node(
        "branch",
        default=None,
        arms=(
            BranchArm("k", "k", of(step(spec("c")))),
            BranchArm("l", "l", of(step(spec("d")))),
            BranchArm("*", "*", of(step(spec("e")))),
        ),
    ),
    "loop renamed": node("loop", id="poll"),
    "loop leaves with the last": node("loop", on_max="exit_with_last"),
    "node added in a loop": node(
        "loop", body=of(step(spec("ask")), Delay("delay", seconds=1.0), step(spec("decide")))
    ),
    "node removed in a loop": node("loop", body=of(step(spec("decide")))),
    "map becomes a loop": put("map", Loop("map", of(step(spec("each"))))),
    "map renamed": node("map", id="each"),
    "map collects": node("map", on_error="collect"),
    "map's body changed": node("map", body=of(step(spec("every")))),
    "map's body in a child": node(
        "map", body=of(ChildWorkflow("each", "each", "", of(step(spec("each")))))
    ),
    "delay renamed": node("delay", id="rest"),
    "signal's node renamed": node("signal", id="wait"),
    "signal renamed": node("signal", signal_name="start"),
    "signal gets a default": node("signal", has_default=True, default=1),
    "signal keeps its input": node("signal", keep_input=True),
    "child's node renamed": node("child", id="within"),
    "child renamed": node("child", name="core"),
    "child's version": node("child", version="2"),
    "child's task version": node("child", body=of(step(spec("f", version="2")), step(spec("g")))),
    "child's nodes reordered": node("child", body=of(step(spec("g")), step(spec("f")))),
    "child spelled out": put("child", step(spec("f"), "inner")),
    "result_of dropped": reading(("one", "first")),
    "result_of changed": reading(("one", "first"), ("two", "first")),
    "result_of exchanged": reading(("one", "second"), ("two", "first")),
}

FREE: dict[str, Callable[[Nodes], None]] = {
    "nothing": lambda nodes: None,
    "workflow timeout": options(timeout_seconds=60.0),
    "workflow priority": options(priority=1),
    "workflow tags": options(tags=("gpu",)),
    "workflow description": options(description="takes an order"),
    "workflow input type": options(input_type=int),
    "workflow output type": options(output_type=str),
    "task timeout": first(timeout_seconds=3.0),
    "task retries": first(policy=RetryPolicy(max_retries=5)),
    "task priority": first(priority=1),
    "task tags": first(tags=("gpu",)),
    "task run_in": first(run_in="loop"),
    "task becomes async": first(is_async=True, run_in="loop"),
    "task idempotent": first(idempotent=True),
    "task description": first(description="the first"),
    "task's function": called,
    "task's parameter renamed": typed(inputs=(Parameter("other"),)),
    "task's input type": typed(inputs=(Parameter("value", int),)),
    "task's output type": typed(output=int),
    "task gets an option": typed(optional=(Parameter("limit", int),)),
    "task asks for a resource": typed(
        injected=(Injected("db", Injection.RESOURCE, annotation=dict),)
    ),
    "task asks for the context": typed(injected=(Injected("ctx", Injection.CONTEXT),)),
    "task asks for the workflow's input": typed(
        injected=(Injected("whole", Injection.WORKFLOW_INPUT, annotation=int),)
    ),
    "result_of written in another order": reading(("two", "second"), ("one", "first")),
    "branch arms written in another order": arms("branch", lambda had: had[::-1]),
    "branch key's timeout": branch_key(timeout_seconds=3.0),
    "branch key's type": arms("branch", lambda had: (replace(had[0], key=b"k"), had[1])),
    "fork into a type": node("named", into=dict),
    "loop's bound": node("loop", max_iterations=99),
    "loop's history": node("loop", history="all"),
    "map's concurrency": node("map", max_concurrency=4),
    "delay longer": node("delay", seconds=50.0),
    "delay until": node("delay", seconds=None, until=MOMENT),
    "delay until asked": node("delay", seconds=None, until=lambda: MOMENT),
    "signal's timeout": node("signal", timeout_seconds=None),
    "signal's type": node("signal", payload_type=str),
    "child's input type": node("child", input_type=int),
    "child's output type": node("child", output_type=int),
}


def edited(edit: Callable[[Nodes], None]) -> Definition:
    """The definition of the graph with one edit done to it."""
    nodes = parts()
    edit(nodes)
    return built(nodes)


def current_vectors() -> dict[str, str]:
    """Hashes by name: of the whole graph, of each edit of it, and of each continuation."""
    whole = built(parts())
    found = {"whole": whole.definition_hash}
    found |= {f"edit: {name}": edited(edit).definition_hash for name, edit in COUNTED.items()}
    found |= {f"at: {path}": digest for path, digest in continuation_hashes(whole).items()}
    return found
