"""From the flowing value to a task's arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

from sayiir.codec.protocol import UNDECLARED
from sayiir.errors import PayloadError

if TYPE_CHECKING:
    from sayiir.codec.protocol import Codec
    from sayiir.dsl.spec import Parameter, Signature

__all__ = ["bind"]


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
        raise PayloadError(
            f"a {type(value).__name__} can't be spread over the parameters ({names})",
            type_name=type(value).__name__,
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
        raise PayloadError(f"the mapping has no {', '.join(map(repr, missing))}")
    positional = tuple(_conformed(value[p.name], p, codec) for p in signature.inputs)
    named = {
        p.name: _conformed(value[p.name], p, codec) for p in signature.optional if p.name in value
    }
    return positional, named


def _conformed(value: Any, parameter: Parameter, codec: Codec) -> Any:
    annotation = parameter.annotation
    if annotation is UNDECLARED or type(value) is annotation:
        return value
    return codec.conform(value, annotation)
