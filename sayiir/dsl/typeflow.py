"""Follows the declared types through a graph, and refuses what provably doesn't fit.

Forward, in definition order: each node is given the type that flows in and tells the one that
flows out. Where a type isn't known the value passes unchecked, and the codec tells at run time.
"""

from __future__ import annotations

import collections.abc
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Never, NoReturn, get_args, get_origin

from sayiir.codec.protocol import UNDECLARED
from sayiir.dsl.annotations import (
    NamedOutputs,
    described,
    element_of,
    fields_of,
    is_open,
    is_typed_dict,
    is_union,
    loop_parts,
    parametrized,
    plain,
    union_of,
    unwrapped,
)
from sayiir.dsl.fits import fits
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
from sayiir.dsl.spec import Injection, Parameter, TaskSpec
from sayiir.dsl.walk import inner_sequences
from sayiir.errors import DefinitionError
from sayiir.values import BranchResult, ItemFailed

__all__ = ["TypeFlow", "payload_type"]

_KEY_TYPES: Final = str | bool | int | Enum


@dataclass(frozen=True, slots=True)
class _Flowing:
    """What flows in: its type, who gives it, and the input of the nearest workflow around."""

    type: Any
    giver: str
    workflow_input: Any

    def now(self, type_: Any, giver: str) -> _Flowing:
        return _Flowing(type_, giver, self.workflow_input)


@dataclass(slots=True)
class TypeFlow:
    """One pass over one workflow.

    Attributes:
        workflow: its name, for messages.
        elements: after the pass: node path of a map -> the type of the elements flowing in.
    """

    workflow: str
    elements: dict[str, Any] = field(default_factory=dict[str, Any])

    def check(self, root: NodeSequence, input_type: Any, output_type: Any) -> Any:
        """The type of the workflow's output, as its nodes give it.

        Raises:
            DefinitionError: annotations don't fit, between two nodes or with what the
                workflow itself declares.
        """
        flowing = _Flowing(input_type, "the workflow's input", input_type)
        flowing = self._sequence(root, "", flowing)
        if not fits(flowing.type, output_type):
            self._refuse(
                root.nodes[-1].id,
                f"the workflow is declared to give {described(output_type)}, but {flowing.giver} "
                f"gives {described(flowing.type)}; change the declaration or what it ends with",
            )
        return flowing.type

    def _sequence(self, sequence: NodeSequence, prefix: str, flowing: _Flowing) -> _Flowing:
        for node in sequence.nodes:
            path = prefix + node.id
            out = self._node(node, path, flowing)
            # A delay hands on what another gave.
            giver = flowing.giver if isinstance(node, Delay) else repr(path)
            flowing = flowing.now(out, giver)
        return flowing

    def _node(self, node: Node, path: str, flowing: _Flowing) -> Any:
        match node:
            case TaskNode(task=task):
                self._task(task, path, flowing)
                return task.signature.output
            case Fork():
                return self._fork(node, path, flowing)
            case Branch():
                return self._branch(node, path, flowing)
            case Loop():
                return self._loop(node, path, flowing)
            case Map():
                return self._map(node, path, flowing)
            case Delay():
                return flowing.type
            case AwaitSignal(keep_input=keep_input):
                payload = payload_type(node)
                if not keep_input:
                    return payload
                return parametrized(tuple, plain(flowing.type), plain(payload))
            case ChildWorkflow():
                return self._child(node, path, flowing)

    # -- tasks

    def _task(self, task: TaskSpec, path: str, flowing: _Flowing) -> None:
        signature = task.signature
        for injected in signature.injected:
            if injected.source is Injection.WORKFLOW_INPUT and not fits(
                flowing.workflow_input, injected.annotation
            ):
                self._refuse(
                    path,
                    f"parameter {injected.name!r} asks for a workflow_input of "
                    f"{described(injected.annotation)}, but the nearest workflow around it takes "
                    f"{described(flowing.workflow_input)}; ask for that type",
                )
        inputs = signature.inputs
        if len(inputs) == 1:
            if not fits(flowing.type, inputs[0].annotation):
                self._misfit(path, flowing, described(inputs[0].annotation), _hint(flowing.type))
        elif inputs:
            self._spread(inputs, signature.optional, flowing.type, path, flowing)

    def _spread(
        self,
        inputs: Sequence[Parameter],
        optional: Sequence[Parameter],
        given: Any,
        path: str,
        flowing: _Flowing,
    ) -> None:
        given = unwrapped(given)
        wanted = "(" + ", ".join(f"{one.name}: {described(one.annotation)}" for one in inputs) + ")"
        if is_union(given):
            for member in get_args(given):
                self._spread(inputs, optional, member, path, flowing)
            return
        named = _names_in(given)
        if named is not None:
            for one in (*inputs, *optional):
                if one.name in named and not fits(named[one.name], one.annotation):
                    self._misfit(
                        path,
                        flowing,
                        wanted,
                        f"{one.name!r} would be {described(named[one.name])}",
                    )
            missing = [one.name for one in inputs if one.name not in named]
            if missing:
                self._misfit(path, flowing, wanted, f"nothing fills {', '.join(missing)}")
            return
        if not is_open(given) and not _spreads(given):
            self._misfit(
                path, flowing, wanted, "only a tuple or a mapping is spread over parameters"
            )
        items = _tuple_items(given)
        if items is None:
            return
        if len(items) != len(inputs):
            self._misfit(path, flowing, wanted, f"{len(items)} values for {len(inputs)} parameters")
        for item, one in zip(items, inputs, strict=True):
            if not fits(item, one.annotation):
                self._misfit(path, flowing, wanted, f"{one.name!r} would be {described(item)}")

    # -- nodes that hold others

    def _inside(self, node: Node, path: str, flowing: _Flowing) -> list[Any]:
        return [
            self._sequence(body, f"{path}{suffix}/", flowing).type
            for suffix, body in inner_sequences(node)
        ]

    def _fork(self, node: Fork, path: str, flowing: _Flowing) -> Any:
        outputs = self._inside(node, path, flowing)
        if node.join == "last":
            return outputs[-1]
        if not node.named:
            return parametrized(tuple, *map(plain, outputs))
        named = NamedOutputs(
            tuple((arm.selector, one) for arm, one in zip(node.arms, outputs, strict=True))
        )
        if node.into is None:
            return named
        if not fits(named, node.into):
            self._refuse(
                path,
                f"its arms give {described(named)}, which doesn't fit into="
                f"{described(node.into)}; name the arms after its fields and give their types",
            )
        return node.into

    def _branch(self, node: Branch, path: str, flowing: _Flowing) -> Any:
        self._task(node.key, path, flowing)
        answer = node.key.signature.output
        if not fits(answer, _KEY_TYPES):
            self._refuse(
                path,
                f"its key {node.key.name!r} gives {described(answer)}; a key is a str, bool, int "
                "or Enum",
            )
        outputs = self._inside(node, path, flowing)
        if node.merged:
            return union_of(outputs)
        return parametrized(BranchResult, plain(union_of(outputs)))

    def _loop(self, node: Loop, path: str, flowing: _Flowing) -> Any:
        given = self._inside(node, path, flowing)[0]
        parts = None if isinstance(given, NamedOutputs) else loop_parts(given)
        if parts is None:
            self._refuse(
                path,
                f"its body gives {described(given)}; a loop's body ends in Again(value) or "
                "Done(value): annotate its last task 'Again[A] | Done[B]'",
            )
        again, done = parts
        if again is not Never and again is not UNDECLARED:
            self._enter(node.body, f"{path}/", flowing.now(again, f"Again in {path!r}"))
        if node.on_max == "fail":
            return done
        return union_of(part for part in (again, done) if part is not Never)

    def _map(self, node: Map, path: str, flowing: _Flowing) -> Any:
        if not fits(flowing.type, collections.abc.Sequence):
            self._misfit(path, flowing, "a sequence, such as list[A],", "a map runs per element")
        element = element_of(flowing.type)
        self.elements[path] = element
        body = plain(self._inside(node, path, flowing.now(element, f"an element of {path!r}"))[0])
        item = union_of((body, ItemFailed)) if node.on_error == "collect" else body
        return parametrized(list, item)

    def _child(self, node: ChildWorkflow, path: str, flowing: _Flowing) -> Any:
        if not fits(flowing.type, node.input_type):
            self._misfit(path, flowing, described(node.input_type), _hint(flowing.type))
        known = flowing.type if node.input_type is UNDECLARED else node.input_type
        inner = _Flowing(known, f"the input of {node.name!r}", known)
        output = self._inside(node, path, inner)[0]
        return output if node.output_type is UNDECLARED else node.output_type

    def _enter(self, sequence: NodeSequence, prefix: str, flowing: _Flowing) -> None:
        """Check that a sequence can begin with a value, by its first nodes alone.

        A second full pass for each loop would double the work at every level of nesting.
        """
        first = next((node for node in sequence.nodes if not isinstance(node, Delay)), None)
        if first is None:
            return
        path = prefix + first.id
        match first:
            case TaskNode(task=task) | Branch(key=task):
                self._task(task, path, flowing)
            case Map():
                if not fits(flowing.type, collections.abc.Sequence):
                    self._misfit(path, flowing, "a sequence, such as list[A],")
                flowing = flowing.now(element_of(flowing.type), f"an element of {path!r}")
            case ChildWorkflow(input_type=input_type):
                if not fits(flowing.type, input_type):
                    self._misfit(path, flowing, described(input_type), _hint(flowing.type))
                return
            case _:
                pass
        for suffix, body in inner_sequences(first):
            self._enter(body, f"{path}{suffix}/", flowing)

    # -- errors

    def _misfit(self, path: str, flowing: _Flowing, wanted: str, detail: str = "") -> NoReturn:
        why = f" ({detail})" if detail else ""
        given = described(flowing.type)
        if given == wanted:
            # A notebook's cell that ran again, or a module that was imported twice.
            self._refuse(
                path,
                f"there are two classes named {wanted}, and {flowing.giver} gives another one than "
                "this takes: one was defined again after a task had named it; define those tasks "
                "again too",
            )
        self._refuse(
            path,
            f"it takes {wanted} but {flowing.giver} gives {given}{why}; change "
            "one of the annotations, or put a task between them that converts",
        )

    def _refuse(self, path: str, problem: str) -> NoReturn:
        raise DefinitionError(problem, workflow=self.workflow, node=path)


def payload_type(node: AwaitSignal) -> Any:
    """The type of what an await_signal hands on: the payload's, and its default's if it has one."""
    if not node.has_default:
        return node.payload_type
    return union_of((node.payload_type, node.default.__class__))


def _hint(given: Any) -> str:
    if isinstance(given, NamedOutputs):
        return "a task with several parameters is filled by name; with one, it gets the dict"
    if get_origin(given) is tuple:
        return "a task with several parameters is filled in order; with one, it gets the tuple"
    return ""


def _names_in(given: Any) -> dict[str, Any] | None:
    """The names that a mapping of this type has, where they are known."""
    if isinstance(given, NamedOutputs):
        return dict(given.fields)
    if is_typed_dict(get_origin(given) or given):
        fields = fields_of(given)
        return None if fields is None else fields.annotations()
    return None


def _spreads(given: Any) -> bool:
    kind = get_origin(given) or given
    if not isinstance(kind, type):
        return False
    return (
        issubclass(kind, (tuple, collections.abc.Mapping))
        # Declared wider than a tuple, it may be one.
        or (kind.__module__ == "collections.abc" and issubclass(tuple, kind))
    )


def _tuple_items(given: Any) -> tuple[Any, ...] | None:
    items = get_args(given)
    if get_origin(given) is not tuple or not items or Ellipsis in items:
        return () if given == tuple[()] else None
    return None if any(is_open(one) and get_origin(one) is not None for one in items) else items
