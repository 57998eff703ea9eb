"""Taking annotations apart and putting them together, for checks and for edges.

Annotations are whatever users wrote, so nothing here assumes that one is well formed: what
can't be understood is *open*, and open types are never grounds for an error.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import sys
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import (
    Annotated,
    Any,
    ClassVar,
    Final,
    Literal,
    Never,
    NewType,
    NoReturn,
    NotRequired,
    Required,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from sayiir.codec.protocol import UNDECLARED
from sayiir.values import Again, Done, LoopResult

__all__ = [
    "Fields",
    "NamedOutputs",
    "described",
    "element_of",
    "fields_of",
    "has_own_schema",
    "is_open",
    "is_root_model",
    "is_typed_dict",
    "is_union",
    "loop_parts",
    "mentions_type_variable",
    "parametrized",
    "plain",
    "takes_mappings",
    "union_of",
    "unwrapped",
]

_WRAPPERS: Final = (Annotated, Required, NotRequired, Final, ClassVar)
_SEQUENCES: Final = (
    list,
    collections.deque,
    collections.abc.Sequence,
    collections.abc.MutableSequence,
    collections.abc.Collection,
    collections.abc.Iterable,
)


@dataclass(frozen=True, slots=True)
class NamedOutputs:
    """Stands for the type of a named fork's dict: the name and output type of each arm."""

    fields: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a model, a dataclass or a TypedDict.

    ``entries``: name -> (annotation, whether it must be given).
    """

    entries: Mapping[str, tuple[Any, bool]]
    refuses_others: bool = False

    def annotations(self) -> dict[str, Any]:
        """The annotation of each field."""
        return {name: annotation for name, (annotation, _) in self.entries.items()}

    def fit(self, given: Mapping[str, Any], check: Callable[[Any, Any], bool]) -> bool:
        """Whether values of the given types under these names can fill the fields."""
        if self.refuses_others and not given.keys() <= self.entries.keys():
            return False
        return all(
            check(given[name], annotation) if name in given else not required
            for name, (annotation, required) in self.entries.items()
        )


def unwrapped(annotation: Any) -> Any:
    """The type under ``Annotated``, ``NewType``, ``type`` aliases and qualifiers."""
    for _ in range(50):  # an alias may be defined by itself
        if annotation is None:
            return types.NoneType
        if isinstance(annotation, NewType):
            annotation = annotation.__supertype__
        elif get_origin(annotation) in _WRAPPERS:
            annotation = get_args(annotation)[0]
        elif type(annotation).__name__ == "TypeAliasType":
            try:
                annotation = annotation.__value__
            except Exception:  # computed on demand by the user's module
                return UNDECLARED
        else:
            return annotation
    return UNDECLARED


def is_open(annotation: Any) -> bool:
    """True where nothing can be proved about the values of this (unwrapped) type."""
    if isinstance(annotation, NamedOutputs) or annotation in (Never, NoReturn):
        return False
    if annotation is UNDECLARED or annotation is Any or annotation is object:
        return True
    origin = get_origin(annotation) or annotation
    if origin in (Union, types.UnionType, Literal):
        return False
    return not isinstance(origin, type) or bool(getattr(origin, "_is_protocol", False))


def is_union(annotation: Any) -> bool:
    """True for ``A | B``, ``Union[A, B]`` and ``Optional[A]``."""
    return get_origin(annotation) in (Union, types.UnionType)


def is_typed_dict(kind: Any) -> bool:
    """True for TypedDict classes, those of typing_extensions too."""
    return is_typeddict(kind) or (
        isinstance(kind, type) and dict in kind.__mro__ and hasattr(kind, "__required_keys__")
    )


def _base_model() -> type | None:
    # Where nobody has imported pydantic no annotation is a model, and importing it is slow.
    module = sys.modules.get("pydantic")
    return getattr(module, "BaseModel", None)


def _is_model(kind: Any) -> bool:
    base = _base_model()
    return base is not None and isinstance(kind, type) and issubclass(kind, base)


def is_root_model(kind: type) -> bool:
    """True for pydantic models that are one value of any type instead of fields."""
    return _is_model(kind) and bool(getattr(kind, "__pydantic_root_model__", False))


def has_own_schema(kind: Any) -> bool:
    """True for classes that tell pydantic themselves what they accept."""
    return not _is_model(kind) and (
        hasattr(kind, "__get_pydantic_core_schema__") or hasattr(kind, "__get_validators__")
    )


def takes_mappings(kind: Any) -> bool:
    """True for types that a mapping may fit: models, dataclasses and TypedDicts."""
    return (
        is_typed_dict(kind)
        or _is_model(kind)
        or (isinstance(kind, type) and dataclasses.is_dataclass(kind))
    )


def fields_of(annotation: Any) -> Fields | None:
    """The fields of a type that a mapping fits; None where it has none, or they can't be told."""
    kind = get_origin(annotation) or annotation
    if not isinstance(kind, type):
        return None
    if _is_model(kind):
        return _model_fields(kind)
    if has_own_schema(kind):
        return None
    try:
        if is_typed_dict(kind):
            hints = get_type_hints(kind, include_extras=True)
            required: frozenset[str] = getattr(kind, "__required_keys__", frozenset())
            # Where annotations are text the class itself took NotRequired for a required key.
            absent = {name for name, hint in hints.items() if get_origin(hint) is NotRequired}
            return Fields({name: (hints[name], name in required - absent) for name in hints})
        if dataclasses.is_dataclass(kind):
            hints = get_type_hints(kind, include_extras=True)
            return Fields(
                {
                    one.name: (
                        hints[one.name],
                        one.default is one.default_factory is dataclasses.MISSING,
                    )
                    for one in dataclasses.fields(kind)
                    if one.init
                }
            )
    except Exception:  # a name in the class doesn't resolve: then we don't know
        return None
    return None


def _model_fields(kind: Any) -> Fields | None:
    decorators = kind.__pydantic_decorators__
    config = kind.model_config
    if (
        is_root_model(kind)
        or decorators.model_validators
        or decorators.root_validators
        or config.get("alias_generator") is not None
    ):
        return None
    # A validator of one field may take anything for it.
    converted = {
        name
        for one in (*decorators.field_validators.values(), *decorators.validators.values())
        for name in one.info.fields
    }
    entries: dict[str, tuple[Any, bool]] = {}
    for name, field in kind.model_fields.items():
        if field.validation_alias is not None or field.alias is not None:
            return None
        open_field = name in converted or "*" in converted or field.metadata
        entries[name] = (Any if open_field else field.annotation, field.is_required())
    return Fields(entries, refuses_others=config.get("extra") == "forbid")


def plain(annotation: Any) -> Any:
    """The annotation as a part of a larger one, where nothing but real types can stand."""
    if annotation is UNDECLARED:
        return Any
    return dict[str, Any] if isinstance(annotation, NamedOutputs) else annotation


def parametrized(generic: Any, *arguments: Any) -> Any:
    """``generic[arguments]``, for arguments that are only known at run time."""
    return generic[arguments]


def union_of(annotations: Iterable[Any]) -> Any:
    """One annotation for values of any of these; UNDECLARED if one of them is."""
    members = tuple(annotations)
    if len(members) == 1:
        return members[0]
    if not members or any(member is UNDECLARED for member in members):
        return UNDECLARED
    if all(member == members[0] for member in members):
        return members[0]
    try:
        return parametrized(Union, *(plain(member) for member in members))
    except TypeError:  # a member that typing takes for no type
        return UNDECLARED


def element_of(annotation: Any) -> Any:
    """The element type of what flows into a map; UNDECLARED where it can't be told."""
    annotation = unwrapped(annotation)
    if is_union(annotation):
        return union_of(element_of(member) for member in get_args(annotation))
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is str:
        return str
    if origin is tuple and arguments:
        return union_of(one for one in arguments if one is not Ellipsis)
    if origin in _SEQUENCES and len(arguments) == 1:
        return arguments[0]
    return UNDECLARED


def loop_parts(annotation: Any) -> tuple[Any, Any] | None:
    """What a loop's body gives as (type of Again, type of Done); None if it is neither.

    A part that never comes is ``Never``; one that isn't told is UNDECLARED.
    """
    annotation = unwrapped(annotation)
    if is_union(annotation):
        parts = [loop_parts(member) for member in get_args(annotation)]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            return None
        again = [part[0] for part in known if part[0] is not Never]
        done = [part[1] for part in known if part[1] is not Never]
        return union_of(again) if again else Never, union_of(done) if done else Never
    if is_open(annotation):
        return UNDECLARED, UNDECLARED
    origin, arguments = get_origin(annotation) or annotation, get_args(annotation)
    if origin is Again:
        return (arguments or (UNDECLARED,))[0], Never
    if origin is Done:
        return Never, (arguments or (UNDECLARED,))[0]
    if origin is LoopResult:
        return (arguments[0], arguments[1]) if len(arguments) == 2 else (UNDECLARED, UNDECLARED)
    return None


def mentions_type_variable(annotation: Any) -> bool:
    """True for a type variable, and for a type with one in its brackets."""
    if isinstance(annotation, TypeVar) or type(annotation).__name__ in (
        "ParamSpec",
        "TypeVarTuple",
    ):
        return True
    # A generic class without brackets has parameters too, but asks for nothing.
    return not isinstance(annotation, type) and bool(getattr(annotation, "__parameters__", ()))


def described(annotation: Any) -> str:
    """An annotation as messages show it.

    >>> described(dict[str, int]), described(None), described(UNDECLARED)
    ('dict[str, int]', 'None', 'an undeclared type')
    """
    if annotation is UNDECLARED:
        return "an undeclared type"
    if annotation is None or annotation is types.NoneType:
        return "None"
    if isinstance(annotation, NamedOutputs):
        inner = ", ".join(f"{name}: {described(kind)}" for name, kind in annotation.fields)
        return f"a dict of {{{inner}}}"
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation.__qualname__
    return repr(annotation).replace("typing.", "")
