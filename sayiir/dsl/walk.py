"""Going over a graph in definition order, each node with its node path.

The walk keeps its own stack, so a long sequence costs no recursion; how deep nodes nest and
how many there are is bounded here, before anything else looks at a graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from sayiir.dsl.nodes import (
    AwaitSignal,
    Branch,
    ChildWorkflow,
    Delay,
    Fork,
    Loop,
    Map,
    Node,
    NodeSequence,
    TaskNode,
)
from sayiir.errors import DefinitionError
from sayiir.ids import quoted_selector
from sayiir.limits import MAX_NESTING_DEPTH, MAX_NODES

__all__ = ["NODE_KINDS", "inner_sequences", "walk"]

NODE_KINDS: Final[Mapping[type[Node], str]] = {
    TaskNode: "task",
    Fork: "fork",
    Branch: "branch",
    Loop: "loop",
    Map: "map",
    Delay: "delay",
    AwaitSignal: "await_signal",
    ChildWorkflow: "child",
}
"""What each node kind is called in hashes, portable definitions and messages."""


def inner_sequences(node: Node) -> Iterator[tuple[str, NodeSequence]]:
    """What a node holds, each with what its path adds to the node's: ``[0]``, or nothing.

    A branch's default is ``[*]``, which no key can be, since ``*`` as a key is quoted.
    """
    match node:
        case Fork(arms=arms):
            for arm in arms:
                yield f"[{quoted_selector(arm.selector)}]", arm.body
        case Branch(arms=branch_arms, default=default):
            for branch_arm in branch_arms:
                yield f"[{quoted_selector(branch_arm.selector)}]", branch_arm.body
            if default is not None:
                yield "[*]", default
        case Loop(body=body) | Map(body=body) | ChildWorkflow(body=body):
            yield "", body
        case _:
            return


def walk(root: NodeSequence) -> Iterator[tuple[str, Node]]:
    """Every node below ``root`` as (node path, node), a node before what it holds.

    Raises:
        DefinitionError: nodes nest deeper than ``limits.MAX_NESTING_DEPTH``, or there are more
            than ``limits.MAX_NODES`` (a flow used twice counts twice).

    >>> from sayiir.dsl.nodes import Delay, Map
    >>> inner = Map("map", NodeSequence((Delay("rest", seconds=1.0),)))
    >>> [path for path, _ in walk(NodeSequence((inner,)))]
    ['map', 'map/rest']
    """
    count = 0
    stack: list[tuple[str, Iterator[Node], int]] = [("", iter(root.nodes), 0)]
    while stack:
        prefix, nodes, depth = stack[-1]
        node = next(nodes, None)
        if node is None:
            stack.pop()
            continue
        path = prefix + node.id
        count += 1
        if count > MAX_NODES:
            raise DefinitionError(
                f"there are more than {MAX_NODES:,} nodes; a flow that is used twice counts "
                "twice: split the work into workflows, or map over a list"
            )
        yield path, node
        held = [(f"{path}{suffix}/", iter(body.nodes)) for suffix, body in inner_sequences(node)]
        if held and depth == MAX_NESTING_DEPTH:
            raise DefinitionError(
                f"nodes nest deeper than {MAX_NESTING_DEPTH} levels; chain with >> what needn't "
                "be inside",
                node=path,
            )
        stack.extend((inner, body, depth + 1) for inner, body in reversed(held))
