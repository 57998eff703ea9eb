"""The type that each value is encoded by: its producer's, else its nearest consumer's.

Backward, from the end: each node is told what follows it wants, and tells what it wants itself.
A producer without a declared type is encoded by what is wanted of it; where several want
different things, or nobody says, it stays UNDECLARED and the tagged rules hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Never, NoReturn, get_args, get_origin

from sayiir.codec.protocol import UNDECLARED
from sayiir.dsl.annotations import (
    element_of,
    fields_of,
    is_open,
    is_union,
    parametrized,
    plain,
    union_of,
    unwrapped,
)
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
from sayiir.dsl.spec import Signature, TaskSpec
from sayiir.dsl.typeflow import payload_type
from sayiir.dsl.walk import inner_sequences
from sayiir.values import Again, BranchResult, Done, ItemFailed

__all__ = ["Edges", "find_edges"]


@dataclass(frozen=True, slots=True)
class Edges:
    """``Definition.input_edge``, ``.edges`` and ``.element_edges``, which explain them."""

    input_edge: Any
    edges: Mapping[str, Any]
    element_edges: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Spread:
    """Several parameters want the value: a tuple in order, or a mapping by name."""

    signature: Signature


_NOTHING: Final = UNDECLARED
"""Whoever comes next drops the value, takes anything, or isn't known."""


def find_edges(
    root: NodeSequence, input_type: Any, output_type: Any, elements: Mapping[str, Any]
) -> Edges:
    """The edges of a checked graph.

    Args:
        root: the graph.
        input_type: the declared type of the workflow's input.
        output_type: the declared type of its output.
        elements: node path of a map -> element type of what flows in, as ``TypeFlow`` has it.
    """
    finder = _Finder(elements)
    wanted = finder.sequence(root, "", _settled(output_type))
    declared = _settled(input_type)
    input_edge = wanted if declared is UNDECLARED else declared
    return Edges(
        UNDECLARED if isinstance(input_edge, _Spread) else input_edge,
        finder.edges,
        finder.element_edges,
    )


@dataclass(slots=True)
class _Finder:
    elements: Mapping[str, Any]
    edges: dict[str, Any] = field(default_factory=dict[str, Any])
    element_edges: dict[str, Any] = field(default_factory=dict[str, Any])

    def sequence(self, sequence: NodeSequence, prefix: str, wanted: Any) -> Any:
        """Find the edges in a sequence; what its first node wants."""
        for node in reversed(sequence.nodes):
            wanted = self._node(node, prefix + node.id, wanted)
        return wanted

    def _node(self, node: Node, path: str, wanted: Any) -> Any:
        inner = [
            (f"{path}{suffix}/", body, _wanted_inside(node, suffix, index, wanted))
            for index, (suffix, body) in enumerate(inner_sequences(node))
        ]
        inside = [self.sequence(body, prefix, end) for prefix, body, end in inner]
        match node:
            case TaskNode(task=task):
                self.edges[path] = _producer_edge(task, wanted)
            case Branch(key=task):
                self.edges[path] = _producer_edge(task, _NOTHING)
            case AwaitSignal():
                self.edges[path] = _settled(payload_type(node))
            case Map():
                element = _settled(self.elements.get(path, UNDECLARED))
                if element is UNDECLARED and not isinstance(inside[0], _Spread):
                    element = inside[0]
                self.element_edges[path] = element
            case _:
                pass
        return _wanted_by(node, inside, wanted)


def _wanted_by(node: Node, inside: list[Any], after: Any) -> Any:
    """What a node wants, told what its bodies want, and what is wanted after it."""
    match node:
        case TaskNode(task=task):
            return _wanted_by_task(task)
        case Branch(key=key):
            return _agreed((_wanted_by_task(key), *inside))
        case Delay():
            return after
        case AwaitSignal(keep_input=keep_input):
            return _item_of(after, 0, 2) if keep_input else _NOTHING
        case Map():
            (element,) = inside
            known = element is not UNDECLARED and not isinstance(element, _Spread)
            return parametrized(list, element) if known else _NOTHING
        case ChildWorkflow(input_type=declared):
            settled = _wanted(declared)
            return inside[0] if settled is UNDECLARED else settled
        case _:
            return _agreed(inside)


def _wanted_inside(node: Node, suffix: str, index: int, after: Any) -> Any:
    """What is wanted of the end of a body, told what is wanted after its node."""
    match node:
        case Fork(join="last", arms=arms):
            return after if index == len(arms) - 1 else _NOTHING
        case Fork(named=True, arms=arms, into=into):
            return _field_of(after if into is None else into, arms[index].selector)
        case Fork(arms=arms):
            return _item_of(after, index, len(arms))
        case Branch(merged=merged):
            return after if merged else _argument_of(after, BranchResult)
        case Loop(body=body):
            return _wanted_of_body(_peek(body), after)
        case Map():
            element = _NOTHING if isinstance(after, _Spread) else element_of(after)
            return _wanted(_without_failures(element))
        case ChildWorkflow(output_type=declared):
            settled = _wanted(declared)
            return after if settled is UNDECLARED else settled
        case _:
            raise AssertionError(f"{type(node).__name__} holds nothing at {suffix!r}")


def _wanted_of_body(again: Any, done: Any) -> Any:
    """What a loop's body should end in, where its last task doesn't tell."""
    parts = [UNDECLARED if isinstance(one, _Spread) else one for one in (again, done)]
    if all(one is UNDECLARED for one in parts):
        return _NOTHING
    again_type = parametrized(Again, plain(parts[0]))
    return union_of((again_type, parametrized(Done, plain(parts[1]))))


def _peek(sequence: NodeSequence) -> Any:
    """What a sequence wants, as far as its first nodes tell."""
    for node in sequence.nodes:
        if not isinstance(node, Delay):
            return _wanted_by(node, [_peek(body) for _, body in inner_sequences(node)], _NOTHING)
    return _NOTHING


def _wanted_by_task(task: TaskSpec) -> Any:
    match task.signature.inputs:
        case ():
            return _NOTHING
        case (only,):
            return _wanted(only.annotation)
        case _:
            return _Spread(task.signature)


def _producer_edge(task: TaskSpec, wanted: Any) -> Any:
    declared = _settled(task.signature.output)
    if declared is not UNDECLARED:
        return declared
    # It may give a tuple or a mapping for several parameters: only the tagged rules take both.
    return UNDECLARED if isinstance(wanted, _Spread) else wanted


def _settled(annotation: Any) -> Any:
    """The annotation, or UNDECLARED where it names no type that values could be encoded by."""
    bare = unwrapped(annotation)
    unnamed = bare in (Never, NoReturn) or (is_open(bare) and bare not in (Any, object))
    return UNDECLARED if unnamed else annotation


def _wanted(annotation: Any) -> Any:
    """What a consumer's annotation asks of a producer: nothing, where it takes anything."""
    return _NOTHING if is_open(unwrapped(annotation)) else annotation


def _agreed(wanted: Iterable[Any]) -> Any:
    """What all want that want something; nothing where they disagree."""
    said = [one for one in wanted if one is not UNDECLARED]
    agreed = next(iter(said), _NOTHING)
    return agreed if all(one == agreed for one in said) else _NOTHING


def _item_of(wanted: Any, index: int, count: int) -> Any:
    if isinstance(wanted, _Spread):
        inputs = wanted.signature.inputs
        return _wanted(inputs[index].annotation) if len(inputs) == count else _NOTHING
    wanted = unwrapped(wanted)
    items = get_args(wanted)
    if get_origin(wanted) is not tuple or Ellipsis in items:
        return _wanted(element_of(wanted))
    return _wanted(items[index]) if len(items) == count else _NOTHING


def _field_of(wanted: Any, name: str) -> Any:
    if isinstance(wanted, _Spread):
        parameters = (*wanted.signature.inputs, *wanted.signature.optional)
        annotations = {one.name: one.annotation for one in parameters}
        return _wanted(annotations.get(name, UNDECLARED))
    wanted = unwrapped(wanted)
    fields = fields_of(wanted)
    if fields is not None:
        return _wanted(fields.annotations().get(name, UNDECLARED))
    arguments = get_args(wanted)
    return _wanted(arguments[1]) if len(arguments) == 2 and not is_union(wanted) else _NOTHING


def _argument_of(wanted: Any, generic: type) -> Any:
    wanted = UNDECLARED if isinstance(wanted, _Spread) else unwrapped(wanted)
    arguments = get_args(wanted)
    return _wanted(arguments[0]) if get_origin(wanted) is generic and arguments else _NOTHING


def _without_failures(element: Any) -> Any:
    if not is_union(element):
        return element
    return union_of(one for one in get_args(element) if one is not ItemFailed)
