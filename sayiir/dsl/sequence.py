"""Flattens flows and gives their nodes the ids that are unique in their sequence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from sayiir.dsl.nodes import Node, NodeSequence

if TYPE_CHECKING:
    from sayiir.dsl.flow import Flow

__all__ = ["Piece", "nodes_of_piece", "sequence_of"]

Piece: TypeAlias = "Node | tuple[Piece, Piece]"
"""A flow's graph: one node, or two pieces of which one follows the other."""


def nodes_of_piece(piece: Piece) -> Iterator[Node]:
    """The nodes in order; without recursion, because a piece may be 50,000 deep on either side."""
    waiting = [piece]
    while waiting:
        top = waiting.pop()
        while isinstance(top, tuple):
            waiting.append(top[1])
            top = top[0]
        yield top


def sequence_of(flow: Flow[Any, Any]) -> NodeSequence:
    """Closes a flow: its nodes, told apart by ``#2``, ``#3`` … in order of appearance.

    >>> from sayiir import task
    >>> @task
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> [node.id for node in sequence_of(double >> double).nodes]
    ['double', 'double#2']
    """
    seen: dict[str, int] = {}
    nodes: list[Node] = []
    for node in nodes_of_piece(flow.piece):
        count = seen[node.id] = seen.get(node.id, 0) + 1
        # No id given by a user holds '#', so a numbered one can't meet another.
        nodes.append(node if count == 1 else replace(node, id=f"{node.id}#{count}"))
    return NodeSequence(tuple(nodes))
