"""Pydantic at the borders of tasks: inputs are validated into models, outputs dumped to data."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, get_args

__all__ = ["dumped", "dumper", "mentions_model", "validator"]


def mentions_model(annotation: Any) -> bool:
    """Whether an annotation is a pydantic model, or has one in its brackets.

    >>> mentions_model(list[int])
    False
    """
    # Who has a model has imported pydantic; it isn't imported here for those who have none.
    pydantic = sys.modules.get("pydantic")
    if pydantic is None:
        return False
    if isinstance(annotation, type) and not get_args(annotation):
        return issubclass(annotation, pydantic.BaseModel)
    return any(mentions_model(inner) for inner in get_args(annotation))


def validator(annotation: Any) -> Callable[[Any], Any] | None:
    """What makes an input of plain data; None where the type has no models.

    A list of models, an optional one and so on are validated like a model alone.
    """
    if not mentions_model(annotation):
        return None
    from pydantic import TypeAdapter

    adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    return adapter.validate_python


def dumper(annotation: Any) -> Callable[[Any], Any] | None:
    """What makes plain data of an output; None where its type says that it is plain."""
    if annotation is None or annotation is Any or mentions_model(annotation):
        return dumped
    return None


def dumped(value: Any) -> Any:
    """The value with each model in it as a dict.

    >>> from pydantic import BaseModel
    >>> class Line(BaseModel):
    ...     item: str
    >>> dumped([Line(item="lamp"), 3])
    [{'item': 'lamp'}, 3]
    """
    pydantic = sys.modules.get("pydantic")
    if pydantic is None:
        return value
    return _data_of(value, pydantic.BaseModel)


def _data_of(value: Any, model: type[Any]) -> Any:
    """The value with each model in it as a dict; containers of other kinds are left alone."""
    if isinstance(value, model):
        return value.model_dump()
    kind: object = value.__class__
    if kind is list:
        return [_data_of(each, model) for each in value]
    if kind is tuple:
        return tuple(_data_of(each, model) for each in value)
    if kind is dict:
        return {key: _data_of(each, model) for key, each in value.items()}
    return value
