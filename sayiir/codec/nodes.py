"""The parts that a plan is made of: one node for each place of a declared type.

A node *lowers* a value to a tree (``tagged``: one that tells its own types), *lifts* a tree
back to the value, and *fits* a value from another task into its type. Lowering never
converts: what a node can't bring back it refuses.
"""

# What a node's methods promise is said once, at Node.
# ruff: noqa: D102

# Values of unknown types are this module's subject, and narrowing one tells only its container.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

from enum import Flag
from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

from sayiir.codec import tagged
from sayiir.codec.walk import Walk, name_of, refuse
from sayiir.errors import PayloadError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir.codec.jsontext import Tree

__all__ = ["Checker", "EnumNode", "LiteralNode", "Node", "Open", "Ref", "Scalar", "shape_of"]

Checker: TypeAlias = "Callable[[Any], bool]"
"""Tells whether a quick way is proved to bring this very value back."""

ALL_SHAPES: Final = frozenset(
    {"null", "bool", "int", "float", "str", "list", "dict"}
    | {"tuple", "set", "frozenset", "bytes", "datetime", "date", "time", "timedelta"}
    | {"decimal", "uuid", "again", "done", "branch", "failed", "union"}
)


def shape_of(tree: Tree) -> str:
    """What a tree looks like: a JSON type's name, or its tag."""
    body = tagged.body_of(tree)
    return body[0] if body is not None else _JSON_SHAPES[type(tree)]


_JSON_SHAPES: Final[dict[type, str]] = {
    type(None): "null",
    bool: "bool",
    int: "int",
    float: "float",
    str: "str",
    list: "list",
    dict: "dict",
}


class Node:
    """One place of a declared type.

    Attributes:
        label: how the type is called, in messages and as a union's mark.
        identity: lifting is the same for every node with this flag, so that a union need not
            tell them apart.
    """

    __slots__ = ("label",)
    identity: ClassVar[bool] = False

    def __init__(self, label: str) -> None:
        self.label = label

    def shapes(self) -> frozenset[str]:
        """The shapes of the trees that this node makes."""
        return ALL_SHAPES

    def accepts(self, value: Any) -> bool:
        """A quick look: may this value be lowered here?"""
        return True

    def resembles(self, tree: Tree) -> bool:
        """A quick look: may this tree, of one of the node's shapes, be lifted here?"""
        return True

    def lower(self, value: Any, walk: Walk) -> Tree:
        """The value as a tree; raises ``PayloadError`` where it isn't of this type."""
        raise NotImplementedError

    def lift(self, tree: Tree) -> Any:
        """The value of a tree; raises ``PayloadError`` where it doesn't fit this type."""
        raise NotImplementedError

    def fit(self, value: Any) -> Any:
        """The value as one of this type; raises ``PayloadError`` where it can't be."""
        raise NotImplementedError

    def checker(self, *, plain: bool = False) -> Checker | None:
        """What proves a quick way right for a value; None where nothing does.

        Args:
            plain: the quick way is JSON data that is its own value, read without a type;
                otherwise it is the JSON that pydantic writes and reads by the type.
        """
        return None

    def misfit(self, tree: Tree) -> PayloadError:
        """The error for a tree that isn't of this type."""
        return PayloadError(
            f"the stored value doesn't fit {self.label}: it is a {shape_of(tree)}",
            type_name=self.label,
        )


class Open(Node):
    """``Any``, ``object``, a type variable, a bare container's elements: no type is known."""

    __slots__ = ()

    def lower(self, value: Any, walk: Walk) -> Tree:
        return tagged.to_tree(value, walk)

    def lift(self, tree: Tree) -> Any:
        return tagged.from_tree(tree)

    def fit(self, value: Any) -> Any:
        return value

    def checker(self, *, plain: bool = False) -> Checker | None:
        # Whether it really is plain is looked at for the whole value at once.
        return (lambda _: True) if plain else None


class Scalar(Node):
    """A single value whose tag or JSON type tells exactly what it is.

    ``float`` takes an int and ``int`` a bool, as type checkers do, and they come back as the
    int or bool that they were.
    """

    __slots__ = ("_accepted", "_shapes", "_wanted", "is_json")
    identity = True

    def __init__(self, kind: type, also: tuple[type, ...] = ()) -> None:
        super().__init__(name_of(kind))
        self._wanted = kind
        self._accepted = frozenset({kind, *also})
        names = {_SHAPE_NAMES.get(each, each.__name__.lower()) for each in self._accepted}
        self._shapes = frozenset(names)
        self.is_json = kind in _JSON_SHAPES

    def shapes(self) -> frozenset[str]:
        return self._shapes

    def accepts(self, value: Any) -> bool:
        return type(value) in self._accepted

    def lower(self, value: Any, walk: Walk) -> Tree:
        if type(value) not in self._accepted:
            raise refuse(value, self.label)
        return tagged.to_tree(value, walk)

    def lift(self, tree: Tree) -> Any:
        value = tagged.from_tree(tree)
        if type(value) not in self._accepted:
            raise self.misfit(tree)
        return value

    def fit(self, value: Any) -> Any:
        if self._wanted is float and isinstance(value, int) and not isinstance(value, bool):
            try:
                return float(value)
            except OverflowError:
                raise PayloadError("the int is too large for float", type_name="int") from None
        if isinstance(value, self._wanted):
            return value
        raise refuse(value, self.label)

    def checker(self, *, plain: bool = False) -> Checker | None:
        kind = self._wanted
        if kind is float:
            return lambda value: type(value) is float and isfinite(value)
        if kind is int:
            return lambda value: type(value) is int and value.bit_length() < 64
        if not self.is_json and (plain or self.label not in ("uuid.UUID", "datetime.date")):
            return None
        return lambda value: type(value) is kind


_SHAPE_NAMES: Final[dict[type, str]] = {type(None): "null"}


class EnumNode(Node):
    """An Enum's member, stored as its value."""

    __slots__ = ("_kind", "_shapes")

    def __init__(self, kind: Any) -> None:
        super().__init__(name_of(kind))
        self._kind = kind
        shapes = {_JSON_SHAPES.get(type(member.value)) for member in kind}
        self._shapes = ALL_SHAPES if None in shapes else frozenset(filter(None, shapes))

    def shapes(self) -> frozenset[str]:
        # A flag's combinations have values that no member has, of the same type.
        return self._shapes or ALL_SHAPES

    def accepts(self, value: Any) -> bool:
        return type(value) is self._kind

    def lower(self, value: Any, walk: Walk) -> Tree:
        if type(value) is not self._kind:
            raise refuse(value, self.label)
        tree = tagged.to_tree(value.value, walk)
        if self.lift(tree) is not value:
            raise PayloadError(
                f"{value.name} can't be found again by its value", type_name=self.label
            )
        return tree

    def lift(self, tree: Tree) -> Any:
        value = tagged.from_tree(tree)
        try:
            return self._kind(value)
        except Exception as error:  # `_missing_` is the user's code and may raise anything
            raise PayloadError(
                f"the stored value is no member of {self.label}", type_name=self.label
            ) from error

    def fit(self, value: Any) -> Any:
        if isinstance(value, self._kind):
            return value
        raise refuse(value, self.label)

    def checker(self, *, plain: bool = False) -> Checker | None:
        if plain:
            return None
        kind = self._kind
        value_kinds = {type(member.value) for member in kind}
        ordinary = not issubclass(kind, Flag) and "_missing_" not in vars(kind)
        if value_kinds not in ({str}, {int}) or not ordinary:
            return None
        if hasattr(kind, "__get_pydantic_core_schema__"):
            return None
        return lambda value: type(value) is kind


class LiteralNode(Node):
    """One of a few written-out values."""

    __slots__ = ("_choices",)

    def __init__(self, label: str, choices: tuple[Any, ...]) -> None:
        super().__init__(label)
        self._choices = [
            (choice, tagged.to_tree(getattr(choice, "value", choice), Walk())) for choice in choices
        ]

    def shapes(self) -> frozenset[str]:
        return frozenset(shape_of(tree) for _, tree in self._choices)

    def accepts(self, value: Any) -> bool:
        return any(_identical(value, choice) for choice, _ in self._choices)

    def lower(self, value: Any, walk: Walk) -> Tree:
        for choice, tree in self._choices:
            if _identical(value, choice):
                if not _identical(self.lift(tree), choice):
                    break
                return tree
        raise PayloadError(
            f"a {name_of(type(value))} is none of {self.label}", type_name=self.label
        )

    def lift(self, tree: Tree) -> Any:
        for choice, known in self._choices:
            if _identical(tree, known):
                return choice
        raise self.misfit(tree)

    def fit(self, value: Any) -> Any:
        for choice, _ in self._choices:
            if _identical(value, choice):
                return value
        raise PayloadError(
            f"a {name_of(type(value))} is none of {self.label}", type_name=self.label
        )

    def checker(self, *, plain: bool = False) -> Checker | None:
        if all(type(choice) is str for choice, _ in self._choices):
            return self.accepts
        return None


def _identical(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


class Ref(Node):
    """Stands for a type inside itself, and is filled once that type is compiled."""

    __slots__ = ("target",)

    def __init__(self, label: str) -> None:
        super().__init__(label)
        self.target: Node = self

    def shapes(self) -> frozenset[str]:
        return self.target.shapes()

    def accepts(self, value: Any) -> bool:
        return self.target.accepts(value)

    def lower(self, value: Any, walk: Walk) -> Tree:
        return self.target.lower(value, walk)

    def lift(self, tree: Tree) -> Any:
        return self.target.lift(tree)

    def fit(self, value: Any) -> Any:
        return self.target.fit(value)
