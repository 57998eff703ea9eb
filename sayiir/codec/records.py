"""Nodes for what has named fields: dataclasses, pydantic models, TypedDicts, NamedTuples.

They are lowered field by field from what the object really holds, not through its own
serialisers: aliases, excluded fields and custom serialisers change what others see, and must
not change what comes back.
"""

# What a node's methods promise is said once, at Node.
# ruff: noqa: D102

# Values of unknown types are this module's subject, and narrowing one tells only its container.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

import collections.abc
import dataclasses
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from sayiir.codec import tagged
from sayiir.codec.containers import items_of, pairs_of
from sayiir.codec.nodes import Node, Open
from sayiir.codec.walk import refuse
from sayiir.errors import PayloadError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sayiir.codec.jsontext import Tree
    from sayiir.codec.nodes import Checker
    from sayiir.codec.walk import Walk

__all__ = ["DataclassNode", "ModelNode", "NamedTupleNode", "Record", "TypedDictNode"]

_OPEN: Final = Open("Any")


class Record(Node):
    """A class whose objects are made from named fields."""

    __slots__ = ("_fields", "_kind", "simple")

    def __init__(self, label: str, kind: Any, *, simple: bool) -> None:
        super().__init__(label)
        self._kind = kind
        self._fields: Mapping[str, Node] = {}
        self.simple = simple
        """Nothing of the user's runs when an object is made, so the parts tell the whole."""

    def fill(self, fields: Mapping[str, Node]) -> None:
        """Gives the nodes of the fields, once they are compiled (they may name this class)."""
        self._fields = fields

    def shapes(self) -> frozenset[str]:
        return frozenset({"dict"})

    def accepts(self, value: Any) -> bool:
        return type(value) is self._kind

    def resembles(self, tree: Tree) -> bool:
        pairs = pairs_of(tree)
        if pairs is None:
            return False
        return {key for key, _ in pairs if type(key) is str} == set(self._fields)

    def parts(self, value: Any) -> dict[str, Any]:
        """All that the object holds, by name."""
        raise NotImplementedError

    def build(self, parts: dict[str, Any]) -> Any:
        """An object of those parts; may raise anything that the class's own code raises."""
        raise NotImplementedError

    def lower(self, value: Any, walk: Walk) -> Tree:
        if not self.accepts(value):
            hint = ", a subclass of it" if isinstance(value, self._kind) else ""
            error = refuse(value, self.label)
            raise PayloadError(error.problem + hint, type_name=error.type_name)
        parts = self.parts(value)
        walk.enter(len(parts) * 2)
        fields = self._fields
        pairs = [
            (tagged.text_tree(name), fields.get(name, _OPEN).lower(part, walk))
            for name, part in parts.items()
        ]
        walk.leave()
        return tagged.mapping_tree(pairs)

    def lift(self, tree: Tree) -> Any:
        pairs = pairs_of(tree)
        if pairs is None:
            raise self.misfit(tree)
        fields = self._fields
        parts: dict[str, Any] = {}
        for key, part in pairs:
            name = tagged.from_tree(key)
            if type(name) is not str:
                raise self.misfit(tree)
            parts[name] = fields.get(name, _OPEN).lift(part)
        return self._built(parts)

    def fit(self, value: Any) -> Any:
        if isinstance(value, self._kind):
            return value
        if not isinstance(value, collections.abc.Mapping):
            raise refuse(value, self.label)
        return self._built(self._fitted(value))

    def _fitted(self, value: Mapping[Any, Any]) -> dict[str, Any]:
        known = self._fields
        return {
            name: known[name].fit(part) if name in known else part for name, part in value.items()
        }

    def _built(
        self, parts: dict[str, Any], build: Callable[[dict[str, Any]], Any] | None = None
    ) -> Any:
        try:
            return (build or self.build)(parts)
        except Exception as error:  # constructors and validators are user code
            raise PayloadError(
                f"the fields {list(parts)} make no {self.label}: {error}", type_name=self.label
            ) from error

    def _checks(self, *, plain: bool = False) -> dict[str, Checker] | None:
        if not self.simple:
            return None
        checks = {name: node.checker(plain=plain) for name, node in self._fields.items()}
        known = {name: check for name, check in checks.items() if check is not None}
        return known if len(known) == len(checks) else None


class DataclassNode(Record):
    """A dataclass, stdlib's or pydantic's."""

    __slots__ = ()

    def parts(self, value: Any) -> dict[str, Any]:
        parts = {name: getattr(value, name) for name in self._fields if hasattr(value, name)}
        for name in getattr(value, "__dict__", ()):
            if name not in parts and not isinstance(
                getattr(self._kind, name, None), cached_property
            ):
                raise PayloadError(
                    f"attribute {name!r} is no field of {self.label} and would be lost",
                    type_name=self.label,
                )
        return parts

    def build(self, parts: dict[str, Any]) -> Any:
        late = {field.name for field in dataclasses.fields(self._kind) if not field.init}
        made = self._kind(**{name: part for name, part in parts.items() if name not in late})
        # What was stored wins over what a `__post_init__` or a validating constructor makes
        # of it the second time.
        again = late if self.simple else self._fields.keys()
        for name in again & parts.keys():
            object.__setattr__(made, name, parts[name])
        return made

    def checker(self, *, plain: bool = False) -> Checker | None:
        checks = self._checks()
        if checks is None or plain:
            return None
        kind, count = self._kind, len(checks)
        slotted = kind.__dictoffset__ == 0

        def check_dataclass(value: Any) -> bool:
            if type(value) is not kind or not (slotted or len(value.__dict__) == count):
                return False
            return all(
                hasattr(value, name) and check(getattr(value, name))
                for name, check in checks.items()
            )

        return check_dataclass


class ModelNode(Record):
    """A pydantic model. Its validators run when an object is made again."""

    __slots__ = ()

    def parts(self, value: Any) -> dict[str, Any]:
        held = value.__dict__
        parts = {name: held[name] for name in self._fields if name in held}
        return {**parts, **(value.__pydantic_extra__ or {})}

    def build(self, parts: dict[str, Any]) -> Any:
        if self.simple and parts.keys() == self._fields.keys():
            # The parts have their types already, and nothing of the user's is to run.
            return self._kind.model_construct(**parts)
        made = self._validated(parts)
        # What was stored wins over what the validators make of it the second time, and over
        # pydantic's conversion of an int that was the default of a float.
        made.__dict__.update({name: parts[name] for name in self._fields if name in parts})
        return made

    def _validated(self, parts: dict[str, Any]) -> Any:
        validator = self._kind.__pydantic_validator__
        if getattr(self._kind, "__pydantic_root_model__", False):
            return validator.validate_python(parts["root"])
        return validator.validate_python(parts, by_alias=False, by_name=True)

    def fit(self, value: Any) -> Any:
        if isinstance(value, self._kind):
            return value
        if not isinstance(value, collections.abc.Mapping):
            raise refuse(value, self.label)
        names = {
            info.validation_alias: name
            for name, info in self._kind.__pydantic_fields__.items()
            if isinstance(info.validation_alias, str)
        }
        known = {names.get(name, name): part for name, part in value.items()}
        return self._built(self._fitted(known), self._validated)

    def checker(self, *, plain: bool = False) -> Checker | None:
        checks = self._checks()
        if checks is None or plain:
            return None
        kind, count = self._kind, len(checks)

        def check_model(value: Any) -> bool:
            if type(value) is not kind or value.__pydantic_extra__:
                return False
            held = value.__dict__
            return len(held) == count and all(
                name in held and check(held[name]) for name, check in checks.items()
            )

        return check_model


class TypedDictNode(Record):
    """A TypedDict: a dict whose keys have types of their own; unknown keys are kept."""

    __slots__ = ("_required",)

    def __init__(self, label: str, kind: Any, *, simple: bool) -> None:
        super().__init__(label, kind, simple=simple)
        self._required: frozenset[str] = kind.__required_keys__

    def accepts(self, value: Any) -> bool:
        return type(value) is dict and self._required <= value.keys()

    def lower(self, value: Any, walk: Walk) -> Tree:
        if type(value) is not dict or any(type(key) is not str for key in value):
            raise refuse(value, self.label)
        self._check_required(value)
        return super().lower(value, walk)

    def parts(self, value: Any) -> dict[str, Any]:
        return dict(value)

    def build(self, parts: dict[str, Any]) -> Any:
        self._check_required(parts)
        return parts

    def fit(self, value: Any) -> Any:
        if not isinstance(value, collections.abc.Mapping):
            raise refuse(value, self.label)
        self._check_required(value)
        fitted = self._fitted(value)
        if isinstance(value, dict) and all(fitted[key] is value[key] for key in value):
            return value
        return fitted

    def _check_required(self, value: Mapping[str, Any]) -> None:
        if missing := sorted(self._required - value.keys()):
            raise PayloadError(f"{self.label} needs the keys {missing}", type_name=self.label)

    def checker(self, *, plain: bool = False) -> Checker | None:
        checks = self._checks(plain=plain)
        if checks is None:
            return None
        names = tuple(checks)
        in_order = tuple(checks.values())
        required = self._required

        def check_typed_dict(value: Any) -> bool:
            # Typed JSON comes back in the order of the declaration, so only that is proved.
            if type(value) is not dict:
                return False
            if tuple(value) == names:
                return all(
                    check(part) for check, part in zip(in_order, value.values(), strict=True)
                )
            return (
                required <= value.keys()
                and list(value) == [name for name in names if name in value]
                and all(checks[name](part) for name, part in value.items())
            )

        return check_typed_dict


class NamedTupleNode(Record):
    """A NamedTuple, stored as a list of its fields in order."""

    __slots__ = ()

    def shapes(self) -> frozenset[str]:
        return frozenset({"list"})

    def lower(self, value: Any, walk: Walk) -> Tree:
        if type(value) is not self._kind:
            raise refuse(value, self.label)
        walk.enter(len(value))
        trees = [
            node.lower(part, walk) for node, part in zip(self._fields.values(), value, strict=True)
        ]
        walk.leave()
        return trees

    def lift(self, tree: Tree) -> Any:
        shape, trees = items_of(tree)
        if shape != "list" or len(trees) > len(self._fields):
            raise self.misfit(tree)
        nodes = self._fields.items()
        return self._built(
            {name: node.lift(part) for (name, node), part in zip(nodes, trees, strict=False)}
        )

    def build(self, parts: dict[str, Any]) -> Any:
        return self._kind(**parts)

    def resembles(self, tree: Tree) -> bool:
        return len(items_of(tree)[1]) == len(self._fields)
