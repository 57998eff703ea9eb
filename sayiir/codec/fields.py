"""What a class with named fields is made of, and whether its making runs user code."""

# Values of unknown types are this module's subject, and narrowing one tells only its container.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false

from __future__ import annotations

import dataclasses
import sys
import typing
from typing import TYPE_CHECKING, Any, Final

import typing_extensions

from sayiir.codec.walk import name_of
from sayiir.errors import PayloadError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["fields_of", "is_model", "is_named_tuple", "is_simple"]

_HARMLESS_CONFIG: Final = frozenset(
    {"arbitrary_types_allowed", "frozen", "populate_by_name", "strict", "title",
     "use_attribute_docstrings", "validate_by_name", "validate_by_alias", "extra",
     "json_schema_extra", "from_attributes", "protected_namespaces"}
)  # fmt: skip
"""Settings of a model that change nothing about how its values are written and read."""


def is_model(kind: Any) -> bool:
    """True for pydantic models; never imports pydantic, for without it there are none."""
    pydantic = sys.modules.get("pydantic")
    return (
        pydantic is not None
        and isinstance(kind, type)
        and issubclass(kind, pydantic.BaseModel)
        and "__get_pydantic_core_schema__" not in _own_names(kind, pydantic.BaseModel)
    )


def is_named_tuple(kind: Any) -> bool:
    """True for classes made by ``NamedTuple`` or ``namedtuple``."""
    return issubclass(kind, tuple) and hasattr(kind, "_fields") and hasattr(kind, "_make")


def fields_of(annotation: Any) -> Mapping[str, Any]:
    """The fields of a class and their annotations, type variables filled in.

    Raises:
        PayloadError: an annotation names what can't be found.
    """
    kind: Any = typing.get_origin(annotation) or annotation
    if is_model(kind):
        _complete(kind)
        return {name: info.annotation for name, info in kind.__pydantic_fields__.items()}
    try:
        hints = typing_extensions.get_type_hints(kind, include_extras=True)
    except (NameError, TypeError, AttributeError) as error:
        raise PayloadError(
            f"the annotations of {name_of(kind)} can't be resolved: {error}; declare what they "
            "name at the top of the module",
            type_name=name_of(kind),
        ) from error
    known = dict(
        zip(getattr(kind, "__parameters__", ()), typing.get_args(annotation), strict=False)
    )
    if dataclasses.is_dataclass(kind):
        names = [field.name for field in dataclasses.fields(kind)]
    else:
        names = list(getattr(kind, "_fields", None) or hints)
    return {name: _filled(hints.get(name, Any), known) for name in names}


def _complete(model: Any) -> None:
    if not model.__pydantic_complete__:
        try:
            model.model_rebuild()
        except Exception as error:  # pydantic has several errors for a name not found
            raise PayloadError(
                f"the model {name_of(model)} can't be completed: {error}",
                type_name=name_of(model),
            ) from error


def _filled(hint: Any, known: Mapping[Any, Any]) -> Any:
    """The hint with its type variables replaced by what the generic class was given."""
    if not known:
        return hint
    if isinstance(hint, typing.TypeVar):
        return known.get(hint, hint)
    parameters = getattr(hint, "__parameters__", ())
    if not parameters or isinstance(hint, type):
        return hint
    return hint[tuple(known.get(parameter, parameter) for parameter in parameters)]


def is_simple(kind: Any) -> bool:
    """True if making an object from its parts runs no code but the library's own.

    Then the parts tell the whole, and both the typed JSON and the parts are proved to give
    the object back.
    """
    if is_model(kind):
        return _is_simple_model(kind)
    if typing_extensions.is_typeddict(kind):
        return not hasattr(kind, "__pydantic_config__")
    return dataclasses.is_dataclass(kind) and _is_simple_dataclass(kind)


def _is_simple_dataclass(kind: Any) -> bool:
    return (
        kind.__dataclass_params__.init
        and not any(
            hasattr(kind, name)
            for name in ("__post_init__", "__pydantic_config__", "__pydantic_validator__")
        )
        and kind.__new__ is object.__new__
        and _is_generated(kind, "__setattr__")
        and kind.__getattribute__ is object.__getattribute__
        and "__init__" in vars(kind)
        and not any(_is_hidden(kind, field) for field in dataclasses.fields(kind))
    )


def _is_generated(kind: Any, name: str) -> bool:
    # A frozen dataclass has a __setattr__ of its own, but its __init__ goes past it.
    return getattr(kind, name) is getattr(object, name) or kind.__dataclass_params__.frozen


def _is_hidden(kind: Any, field: dataclasses.Field[Any]) -> bool:
    """A field that isn't simply stored: not initialised, a property, or pydantic's."""
    default = vars(kind).get(field.name)
    return (
        not field.init
        or isinstance(default, property)
        or type(field.default).__module__.startswith("pydantic")
    )


def _is_simple_model(kind: Any) -> bool:
    import pydantic

    decorators = kind.__pydantic_decorators__
    return (
        not any(
            getattr(decorators, field.name)
            for field in dataclasses.fields(decorators)
            if isinstance(getattr(decorators, field.name), dict)
        )
        and not getattr(kind, "__pydantic_root_model__", False)
        and not kind.__pydantic_custom_init__
        and not kind.__pydantic_post_init__
        and not kind.__private_attributes__
        and kind.model_config.keys() <= _HARMLESS_CONFIG
        and kind.model_config.get("extra") != "allow"
        and kind.__new__ is pydantic.BaseModel.__new__
        and kind.__setattr__ is pydantic.BaseModel.__setattr__
        and all(
            not info.metadata and info.exclude is None and info.discriminator is None
            for info in kind.__pydantic_fields__.values()
        )
    )


def _own_names(kind: type, base: type) -> set[str]:
    return {name for each in kind.__mro__[: kind.__mro__.index(base)] for name in vars(each)}
