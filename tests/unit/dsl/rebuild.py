"""Rebuilds a graph with some of its nodes changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sayiir.dsl.nodes import Branch, ChildWorkflow, Fork, Loop, Map, Node, NodeSequence
from sayiir.ids import quoted_selector

Change = Callable[[str, Node], Node]


def rebuilt(sequence: NodeSequence, change: Change, prefix: str = "") -> NodeSequence:
    """The same graph; ``change`` gives the node that stands at each node path, inside first."""
    return NodeSequence(tuple(_node(node, change, prefix + node.id) for node in sequence.nodes))


def _node(node: Node, change: Change, path: str) -> Node:
    def arm(suffix: str, body: NodeSequence) -> NodeSequence:
        return rebuilt(body, change, f"{path}{suffix}/")

    match node:
        case Fork(arms=arms):
            fork_arms = [
                replace(one, body=arm(f"[{quoted_selector(one.selector)}]", one.body))
                for one in arms
            ]
            node = replace(node, arms=tuple(fork_arms))
        case Branch(arms=branch_arms, default=default):
            branched = [
                replace(one, body=arm(f"[{quoted_selector(one.selector)}]", one.body))
                for one in branch_arms
            ]
            node = replace(
                node,
                arms=tuple(branched),
                default=None if default is None else arm("[*]", default),
            )
        case Loop(body=body) | Map(body=body) | ChildWorkflow(body=body):
            node = replace(node, body=arm("", body))
        case _:
            pass
    return change(path, node)
