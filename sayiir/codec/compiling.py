"""From an annotation to its nodes."""

from __future__ import annotations

import dataclasses
import datetime
import types
import typing
from collections import abc
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import typing_extensions

from sayiir.codec.containers import Items, Mapping, TupleNode
from sayiir.codec.envelopes import BranchNode, FailedNode, MarkNode, Union
from sayiir.codec.fields import fields_of, is_model, is_named_tuple, is_simple
from sayiir.codec.nodes import EnumNode, LiteralNode, Open, Ref, Scalar
from sayiir.codec.opaque import Constrained, Opaque
from sayiir.codec.protocol import UNDECLARED
from sayiir.codec.records import DataclassNode, ModelNode, NamedTupleNode, TypedDictNode
from sayiir.codec.walk import name_of
from sayiir.errors import PayloadError
from sayiir.values import Again, BranchResult, Done, ItemFailed, LoopResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir.codec.nodes import Node
    from sayiir.codec.records import Record

__all__ = ["Compiled", "compile_annotation", "is_open"]


@dataclass(frozen=True, slots=True)
class Compiled:
    """What an annotation compiles to.

    Attributes:
        node: the root.
        exact: lifting what was lowered is proved to give the value back; nobody needs to look.
        depth: how deep the annotation nests; one level of it is one of JSON, or none.
    """

    node: Node
    exact: bool
    depth: int


def compile_annotation(annotation: Any) -> Compiled:
    """The nodes of an annotation. Runs no user code and builds no pydantic adapter.

    Raises:
        PayloadError: a field's annotation names what can't be found.
    """
    compiler = _Compiler()
    try:
        node = compiler.node(annotation)
    except RecursionError:
        raise PayloadError(f"the type {name_of(annotation)} is too deep to be stored") from None
    return Compiled(node, compiler.exact, compiler.deepest)


def is_open(annotation: Any) -> bool:
    """True where an annotation says nothing: ``Any``, ``object``, a type variable, none."""
    return (
        annotation is UNDECLARED
        or annotation is Any
        or annotation is object
        or isinstance(annotation, (str, typing.ForwardRef, typing.TypeVar))
    )


_SCALARS: Final[dict[Any, tuple[type, ...]]] = {
    bool: (),
    int: (bool,),
    float: (int, bool),
    str: (),
    type(None): (),
    bytes: (),
    datetime.datetime: (),
    datetime.date: (datetime.datetime,),
    datetime.time: (),
    datetime.timedelta: (),
    Decimal: (),
    UUID: (),
}
"""The single values, and what type checkers let stand in for them."""

_COLLECTIONS: Final[dict[Any, tuple[type, ...]]] = {
    list: (list,),
    set: (set,),
    frozenset: (frozenset,),
    abc.Sequence: (list, tuple),
    abc.MutableSequence: (list,),
    abc.Set: (set, frozenset),
    abc.MutableSet: (set,),
    abc.Collection: (list, tuple, set, frozenset),
    abc.Iterable: (list, tuple, set, frozenset),
}
_MAPPINGS: Final = frozenset({dict, abc.Mapping, abc.MutableMapping})
_ALIAS_TYPES: Final = (
    typing_extensions.TypeAliasType,
    getattr(typing, "TypeAliasType", typing_extensions.TypeAliasType),
)
_WRAPPERS: Final = frozenset(
    {
        typing.Final,
        typing.Required,
        typing.NotRequired,
        typing_extensions.ReadOnly,
        typing_extensions.Required,
        typing_extensions.NotRequired,
    }
)


class _Compiler:
    """One pass over an annotation; types inside themselves become references."""

    def __init__(self) -> None:
        self.exact = True
        self.deepest = 0
        self._depth = 0
        self._open: dict[Any, Ref] = {}

    def node(self, annotation: Any) -> Node:
        self._depth += 1
        self.deepest = max(self.deepest, self._depth)
        try:
            return self._node(annotation)
        finally:
            self._depth -= 1

    def _node(self, annotation: Any) -> Node:
        if is_open(annotation):
            return Open("Any")
        if annotation is None:
            annotation = type(None)
        if isinstance(annotation, type) and annotation in _SCALARS:
            return Scalar(annotation, _SCALARS[annotation])
        if isinstance(annotation, typing.NewType):
            return self.node(annotation.__supertype__)
        origin = typing.get_origin(annotation)
        if isinstance(annotation, _ALIAS_TYPES) or isinstance(origin, _ALIAS_TYPES):
            return self._alias(annotation, origin)
        if origin is typing.Annotated:
            return self._annotated(annotation)
        if origin in _WRAPPERS:
            return self.node(typing.get_args(annotation)[0])
        if origin is typing.Literal:
            return self._guarded(annotation, self._literal)
        if origin is typing.Union or origin is types.UnionType:
            return self._union(annotation, typing.get_args(annotation))
        return self._class(annotation, origin or annotation, typing.get_args(annotation))

    def _class(self, annotation: Any, kind: Any, arguments: tuple[Any, ...]) -> Node:
        label = name_of(annotation)
        if kind in _COLLECTIONS:
            return Items(label, _COLLECTIONS[kind], self.node(_first(arguments)))
        if kind in _MAPPINGS:
            key, item = arguments or (Any, Any)
            return Mapping(label, self.node(key), self.node(item), text_keys=key is str)
        if kind is tuple:
            return self._tuple(label, arguments)
        if kind is Again or kind is Done:
            return MarkNode(label, kind, self.node(_first(arguments)))
        if kind is BranchResult:
            return BranchNode(label, self.node(_first(arguments)))
        if kind is LoopResult:
            again, done = arguments or (Any, Any)
            arms: Any = (Again, Done)  # subscripted with values that only run time knows
            return self._union(annotation, (arms[0][again], arms[1][done]))
        if kind is ItemFailed:
            return FailedNode(label)
        if isinstance(kind, type) and issubclass(kind, Enum):
            return EnumNode(kind)
        make = _record_of(kind)
        if make is not None:
            return self._record(annotation, kind, make)
        return self._opaque(annotation)

    def _tuple(self, label: str, arguments: tuple[Any, ...]) -> Node:
        if not arguments and label == "tuple":
            return Items(label, (tuple,), Open("Any"))
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return Items(label, (tuple,), self.node(arguments[0]))
        if any(typing.get_origin(each) is typing.Unpack for each in arguments):
            return self._opaque(tuple[arguments])  # type: ignore[valid-type]
        return TupleNode(label, tuple(map(self.node, arguments)))

    def _union(self, annotation: Any, arguments: tuple[Any, ...]) -> Node:
        return Union(name_of(annotation), [self.node(argument) for argument in arguments])

    def _literal(self, annotation: Any) -> Node:
        return LiteralNode(name_of(annotation), typing.get_args(annotation))

    def _guarded(self, annotation: Any, make: Callable[[Any], Node]) -> Node:
        try:
            return make(annotation)
        except PayloadError:
            return self._opaque(annotation)

    def _alias(self, annotation: Any, origin: Any) -> Node:
        alias = origin or annotation
        arguments = typing.get_args(annotation)

        def value_of(_: Any) -> Node:
            value = alias.__value__
            return self.node(value[arguments] if arguments else value)

        return self._named(annotation, value_of)

    def _annotated(self, annotation: Any) -> Node:
        inner, *metadata = typing.get_args(annotation)
        if any(hasattr(each, "__get_pydantic_core_schema__") for each in metadata):
            return self._opaque(annotation)
        node = self.node(inner)
        checks = any(type(each).__module__ != "builtins" for each in metadata)
        return Constrained(node, annotation) if checks else node

    def _opaque(self, annotation: Any) -> Node:
        self.exact = False
        return Opaque(name_of(annotation), annotation)

    def _record(self, annotation: Any, kind: Any, make: Callable[..., Record]) -> Node:
        def build(_: Any) -> Node:
            simple = is_simple(kind)
            if not simple:
                self.exact = False
            record = make(name_of(annotation), kind, simple=simple)
            hints = fields_of(annotation)
            record.fill({name: self.node(hint) for name, hint in hints.items()})
            return record

        return self._named(annotation, build)

    def _named(self, annotation: Any, build: Callable[[Any], Node]) -> Node:
        """Builds a node for a type that may occur inside itself."""
        key = repr(annotation), typing.get_origin(annotation) or annotation
        if key in self._open:
            return self._open[key]
        reference = self._open[key] = Ref(name_of(annotation))
        try:
            reference.target = build(annotation)
        finally:
            del self._open[key]
        return reference.target


def _first(arguments: tuple[Any, ...]) -> Any:
    return arguments[0] if arguments else Any


def _record_of(kind: Any) -> Callable[..., Record] | None:
    if not isinstance(kind, type) and not typing_extensions.is_typeddict(kind):
        return None
    if typing_extensions.is_typeddict(kind):
        return TypedDictNode
    if is_model(kind):
        return ModelNode
    if hasattr(kind, "__get_pydantic_core_schema__"):
        return None
    if dataclasses.is_dataclass(kind):
        return DataclassNode
    return NamedTupleNode if is_named_tuple(kind) else None
