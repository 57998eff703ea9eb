"""Nodes for lists, tuples, sets, mappings and their abstract kin."""

# What a node's methods promise is said once, at Node.
# ruff: noqa: D102

# Values of unknown types are this module's subject, and narrowing one tells only its container.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from sayiir.codec import tagged
from sayiir.codec.nodes import Node
from sayiir.codec.tagged import MARK
from sayiir.codec.walk import refuse
from sayiir.errors import PayloadError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sayiir.codec.jsontext import Tree
    from sayiir.codec.nodes import Checker
    from sayiir.codec.walk import Walk

__all__ = ["Items", "Mapping", "TupleNode", "items_of", "pairs_of"]

_SHAPES: Final[dict[type, str]] = {
    list: "list",
    tuple: "tuple",
    set: "set",
    frozenset: "frozenset",
}
_KINDS: Final = {shape: kind for kind, shape in _SHAPES.items()}


def _with_shape(shape: str, items: list[Tree]) -> Tree:
    return items if shape == "list" else {MARK: [shape, *items]}


def items_of(tree: Tree) -> tuple[str, list[Tree]]:
    """The shape of a collection's tree and its items; any shape for what is none."""
    if type(tree) is list:
        return "list", tree
    body = tagged.body_of(tree)
    return (body[0], body[1:]) if body is not None else ("", [])


class Items(Node):
    """Any number of elements of one type: ``list[int]``, ``set[str]``, ``Sequence[Order]``.

    An abstract type takes several concrete ones, each of which comes back as it was.
    """

    __slots__ = ("_item", "_kinds")

    def __init__(self, label: str, kinds: tuple[type, ...], item: Node) -> None:
        super().__init__(label)
        self._kinds = kinds
        self._item = item

    def shapes(self) -> frozenset[str]:
        return frozenset(_SHAPES[kind] for kind in self._kinds)

    def accepts(self, value: Any) -> bool:
        return type(value) in self._kinds

    def lower(self, value: Any, walk: Walk) -> Tree:
        kind = type(value)
        if kind not in self._kinds:
            raise refuse(value, self.label)
        walk.enter(len(value))
        lower = self._item.lower
        items = [lower(item, walk) for item in value]
        walk.leave()
        return _with_shape(_SHAPES[kind], items)

    def lift(self, tree: Tree) -> Any:
        shape, trees = items_of(tree)
        kind = _KINDS.get(shape)
        if kind not in self._kinds:
            raise self.misfit(tree)
        lift = self._item.lift
        items = [lift(item) for item in trees]
        return items if kind is list else _collect(kind, items)

    def fit(self, value: Any) -> Any:
        if not isinstance(value, self._kinds):
            raise refuse(value, self.label)
        elements: Any = value  # one of the collections, which the check can't tell mypy
        before: list[Any] = list(elements)
        items = [self._item.fit(item) for item in before]
        if all(map(_is, items, before)):
            return value
        return _collect(next(kind for kind in self._kinds if isinstance(value, kind)), items)

    def checker(self, *, plain: bool = False) -> Checker | None:
        check = self._item.checker(plain=plain)
        if check is None or self._kinds not in (((list,),) if plain else ((list,), (tuple,))):
            return None
        kind: Any = self._kinds[0]

        def check_items(value: Any) -> bool:
            return type(value) is kind and all(map(check, value))

        return check_items


def _collect(kind: Any, items: list[Any]) -> Any:
    try:
        return kind(items)
    except TypeError as error:  # an element that can't be hashed
        raise PayloadError(f"the elements make no {kind.__name__}: {error}") from None


def _is(one: object, other: object) -> bool:
    return one is other


class TupleNode(Node):
    """A tuple with a type for each place: ``tuple[int, str]``."""

    __slots__ = ("_items",)

    def __init__(self, label: str, items: tuple[Node, ...]) -> None:
        super().__init__(label)
        self._items = items

    def shapes(self) -> frozenset[str]:
        return frozenset({"tuple"})

    def accepts(self, value: Any) -> bool:
        return type(value) is tuple and len(value) == len(self._items)

    def lower(self, value: Any, walk: Walk) -> Tree:
        if type(value) is not tuple:
            raise refuse(value, self.label)
        self._check_length(value)
        walk.enter(len(value))
        trees = [node.lower(item, walk) for node, item in zip(self._items, value, strict=True)]
        walk.leave()
        return _with_shape("tuple", trees)

    def lift(self, tree: Tree) -> Any:
        shape, trees = items_of(tree)
        if shape != "tuple":
            raise self.misfit(tree)
        self._check_length(trees)
        return tuple(node.lift(item) for node, item in zip(self._items, trees, strict=True))

    def fit(self, value: Any) -> Any:
        if not isinstance(value, tuple):
            raise refuse(value, self.label)
        self._check_length(value)
        items = tuple(node.fit(item) for node, item in zip(self._items, value, strict=True))
        return value if all(map(_is, items, value)) else items

    def _check_length(self, items: Any) -> None:
        if len(items) != len(self._items):
            raise PayloadError(
                f"{self.label} has {len(self._items)} places, the value {len(items)}",
                type_name=self.label,
            )

    def checker(self, *, plain: bool = False) -> Checker | None:
        checks = [node.checker() for node in self._items]
        if plain or not checks or any(check is None for check in checks):
            return None
        known = [check for check in checks if check is not None]
        return lambda value: (
            type(value) is tuple
            and len(value) == len(known)
            and all(check(item) for check, item in zip(known, value, strict=True))
        )


class Mapping(Node):
    """A dict with keys of one type and values of another."""

    __slots__ = ("_item", "_key", "_text_keys")

    def __init__(self, label: str, key: Node, item: Node, *, text_keys: bool) -> None:
        super().__init__(label)
        self._key = key
        self._item = item
        self._text_keys = text_keys

    def shapes(self) -> frozenset[str]:
        return frozenset({"dict"})

    def accepts(self, value: Any) -> bool:
        return type(value) is dict

    def lower(self, value: Any, walk: Walk) -> Tree:
        if type(value) is not dict:
            raise refuse(value, self.label)
        walk.enter(len(value) * 2)
        lower_key, lower_item = self._key.lower, self._item.lower
        pairs = [(lower_key(key, walk), lower_item(item, walk)) for key, item in value.items()]
        walk.leave()
        return tagged.mapping_tree(pairs)

    def lift(self, tree: Tree) -> Any:
        pairs = pairs_of(tree)
        if pairs is None:
            raise self.misfit(tree)
        lift_key, lift_item = self._key.lift, self._item.lift
        lifted = [(lift_key(key), lift_item(item)) for key, item in pairs]
        return _collect(dict, lifted)

    def fit(self, value: Any) -> Any:
        if not isinstance(value, dict):
            raise refuse(value, self.label)
        flat = list(chain.from_iterable(value.items()))
        fitted = [(self._key.fit(key), self._item.fit(item)) for key, item in value.items()]
        same = all(map(_is, chain.from_iterable(fitted), flat))
        return value if same else _collect(dict, fitted)

    def checker(self, *, plain: bool = False) -> Checker | None:
        check = self._item.checker(plain=plain)
        if check is None or not self._text_keys:
            return None
        return lambda value: (
            type(value) is dict
            and set(map(type, value)) <= {str}
            and all(map(check, value.values()))
        )


def pairs_of(tree: Tree) -> Iterable[tuple[Tree, Tree]] | None:
    """The trees of a dict's keys and values, or None for what is no dict's tree."""
    if type(tree) is not dict:
        return None
    body = tagged.body_of(tree)
    if body is None:
        return tree.items()
    if body[0] != "dict" or len(body) % 2 == 0:
        return None
    return zip(body[1::2], body[2::2], strict=True)
