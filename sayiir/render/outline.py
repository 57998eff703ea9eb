"""A workflow's graph as an outline: one row a node, indented by what holds it.

Drawn from the nodes that run, so it can't differ from them. Who shows states beside the rows
finds each by its node path.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Final

from sayiir.dsl.nodes import (
    AwaitSignal,
    Branch,
    ChildWorkflow,
    Delay,
    Fork,
    Loop,
    Map,
    NodeSequence,
    TaskNode,
)
from sayiir.dsl.walk import NODE_KINDS, inner_sequences

if TYPE_CHECKING:
    from sayiir.dsl.definition import Definition
    from sayiir.dsl.nodes import Node

__all__ = ["GUIDES", "PLAIN_GUIDES", "OutlineRow", "guides_of", "outline", "outline_text"]

GUIDES: Final = ("├─ ", "└─ ", "│  ", "   ")
PLAIN_GUIDES: Final = ("|- ", "`- ", "|  ", "   ")
"""The same for terminals that can write ASCII only."""


@dataclass(frozen=True, slots=True)
class OutlineRow:
    """One row: a node, or an arm that holds several.

    Attributes:
        node_path: the node's path without loop and map numbers; of an arm, with its selector.
        kind: ``"task"``, ``"fork"``, … as in the portable definition, or ``"arm"``.
        label: its name, after the arm that it stands in alone.
        detail: what else is to be known of it, in a few words; may be empty.
        last: for each level down to its own, whether it is the last one there.
    """

    node_path: str
    kind: str
    label: str
    detail: str
    last: tuple[bool, ...]


def outline(definition: Definition) -> Iterator[OutlineRow]:
    """The rows of a definition, from top to bottom.

    >>> from sayiir import fork, task, workflow
    >>> @task
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> for row in outline(workflow("w", fork(double, double >> double)).definition):
    ...     print(len(row.last), row.kind, row.label)
    1 fork fork
    2 task [0] double
    2 arm [1]
    3 task double
    3 task double#2
    """
    return _sequence(definition.root, "", ())


def outline_text(
    definition: Definition, *, plain: bool = False, limit: int | None = None
) -> Iterator[str]:
    r"""The outline as lines of text.

    Args:
        definition: what to draw.
        plain: guides of ASCII only.
        limit: at most so many rows; None: all.

    >>> from sayiir import delay, workflow
    >>> print(*outline_text(workflow("rest", delay("90s")).definition), sep="\n")
    rest
    └─ delay: 90 s
    """
    version = f" (version {definition.version})" if definition.version else ""
    yield f"{definition.name}{version}"
    rows = outline(definition)
    for row in rows if limit is None else islice(rows, limit):
        detail = f": {row.detail}" if row.detail else ""
        yield f"{guides_of(row, plain=plain)}{row.label}{detail}"


def guides_of(row: OutlineRow, *, plain: bool = False) -> str:
    """The lines that lead to a row."""
    fork, corner, down, nothing = PLAIN_GUIDES if plain else GUIDES
    above = "".join(nothing if last else down for last in row.last[:-1])
    return above + (corner if row.last[-1] else fork)


def _sequence(
    sequence: NodeSequence, prefix: str, above: tuple[bool, ...], arm: str = ""
) -> Iterator[OutlineRow]:
    """Rows of the nodes; ``arm``: what the only one of them is labelled with."""
    count = len(sequence.nodes)
    for number, node in enumerate(sequence.nodes, start=1):
        yield from _node(node, prefix, (*above, number == count), arm)


def _node(node: Node, prefix: str, last: tuple[bool, ...], arm: str) -> Iterator[OutlineRow]:
    path = prefix + node.id
    label = f"{arm} {node.id}" if arm else node.id
    yield OutlineRow(path, NODE_KINDS[type(node)], label, _detail(node), last)
    held = list(inner_sequences(node))
    for number, (suffix, body) in enumerate(held, start=1):
        inner = f"{path}{suffix}/"
        if not suffix:
            yield from _sequence(body, inner, last)
            continue
        here = (*last, number == len(held))
        if len(body.nodes) == 1:
            yield from _node(body.nodes[0], inner, here, suffix)
            continue
        yield OutlineRow(path + suffix, "arm", suffix, "", here)
        yield from _sequence(body, inner, here)


def _detail(node: Node) -> str:
    match node:
        case TaskNode(task=spec):
            retries = spec.policy.max_retries
            facts = [f"{retries} retries" if retries > 1 else "1 retry"] if retries else []
            facts += [f"timeout {_seconds(spec.timeout_seconds)}"] if spec.timeout_seconds else []
            facts += [f"tags {', '.join(spec.tags)}"] if spec.tags else []
            return ", ".join(facts)
        case Delay():
            return _delay(node)
        case AwaitSignal():
            end = "" if node.timeout_seconds is None else f", {_seconds(node.timeout_seconds)}"
            name = f"signal {node.signal_name}" if node.signal_name != node.id else "signal"
            return name + end
        case Branch(key=key):
            return f"by {key.name}"
        case Loop(max_iterations=most):
            return f"at most {most} times"
        case Map(max_concurrency=most):
            return "each element" + ("" if most is None else f", {most} at a time")
        case ChildWorkflow(name=name):
            return "workflow" if name == node.id else f"workflow {name}"
        case Fork(join=join):
            return "last arm's output" if join == "last" else ""


def _delay(node: Delay) -> str:
    if node.seconds is not None:
        return _seconds(node.seconds)
    if isinstance(node.until, datetime):
        return f"until {node.until.isoformat()}"
    return f"until {getattr(node.until, '__name__', 'asked')}"


def _seconds(seconds: float) -> str:
    return f"{seconds:g} s"
