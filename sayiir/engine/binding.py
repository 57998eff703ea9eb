"""From the flowing value to a task's arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from sayiir.codec.protocol import UNDECLARED
from sayiir.errors import PayloadError

if TYPE_CHECKING:
    from sayiir.codec.protocol import Codec
    from sayiir.dsl.spec import Parameter, Signature

__all__ = ["bind"]

_NAMES_TOLD: Final = 8
"""So many keys of a mapping are told where one is missing."""


def bind(signature: Signature, value: Any, codec: Codec) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Positional arguments for the inputs, named ones for optional parameters.

    No input: the value is dropped. One: it is the value. Several: a tuple is spread in order,
    a mapping by name, and then optional parameters may be filled by name too.

    Raises:
        PayloadError: the value doesn't fit the parameters.
    """
    inputs = signature.inputs
    if len(inputs) == 1:
        return (_conformed(value, inputs[0], codec),), {}
    if not inputs:
        return (), {}
    if _is_mapping(value):
        return _by_name(signature, value, codec)
    if not _is_sequence(value) or len(value) != len(inputs):
        names = ", ".join(parameter.name for parameter in inputs)
        found = type(value).__name__
        of_so_many = f" of {len(value):,}" if _is_sequence(value) else ""
        raise PayloadError(
            f"a value of type {found}{of_so_many} can't be spread over the {len(inputs)} "
            f"parameters ({names})",
            type_name=found,
        )
    return tuple(_conformed(v, p, codec) for v, p in zip(value, inputs, strict=True)), {}


def _is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def _is_sequence(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, (tuple, list))


def _by_name(
    signature: Signature, value: Mapping[Any, Any], codec: Codec
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    missing = [p.name for p in signature.inputs if p.name not in value]
    if missing:
        there = [repr(name) for name in islice(value, _NAMES_TOLD) if isinstance(name, str)]
        there += ["…"] if len(value) > _NAMES_TOLD else []
        named = ", ".join(there) or "none"
        raise PayloadError(f"the mapping has no {', '.join(map(repr, missing))}; it has {named}")
    positional = tuple(_conformed(value[p.name], p, codec) for p in signature.inputs)
    optional = {
        p.name: _conformed(value[p.name], p, codec) for p in signature.optional if p.name in value
    }
    return positional, optional


def _conformed(value: Any, parameter: Parameter, codec: Codec) -> Any:
    annotation = parameter.annotation
    if annotation is UNDECLARED or type(value) is annotation:
        return value
    return codec.conform(value, annotation)
