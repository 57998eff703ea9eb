"""Reads a workflow's builder: the function that ``@workflow`` decorates."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any

from sayiir.codec.protocol import UNDECLARED
from sayiir.dsl.branch import BranchFlow
from sayiir.dsl.callables import captured_namespace, is_async_callable
from sayiir.dsl.flow import Flow
from sayiir.dsl.signature import parameters_of, resolve_annotation
from sayiir.dsl.waits import KeepInputFlow, PassThrough
from sayiir.errors import DefinitionError
from sayiir.values import BranchResult

__all__ = ["check_builder", "declared_types"]


def check_builder(builder: object, name: str | None) -> str:
    """The workflow's name: the one given, else the builder's own.

    Raises:
        DefinitionError: it is no function that can be called without arguments.

    >>> check_builder(lambda: None, "orders")
    'orders'
    """
    if isinstance(builder, Flow):
        raise DefinitionError("a flow becomes a workflow with a name: workflow('name', flow)")
    if not callable(builder) or isinstance(builder, type):
        raise DefinitionError(
            f"@workflow decorates a function that returns a flow, not {builder!r}"
        )
    own_name = getattr(builder, "__name__", type(builder).__name__) if name is None else name
    if is_async_callable(builder):
        raise DefinitionError(
            "its builder is async, but it only builds: write 'def'", workflow=own_name
        )
    described = parameters_of(builder)
    for parameter in described.parameters.values() if described else ():
        starred = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if parameter.default is inspect.Parameter.empty and not starred:
            raise DefinitionError(
                f"its builder has the parameter {parameter.name!r}, but is called without "
                "arguments; the input flows in at run time: -> Flow[In, Out]",
                workflow=own_name,
            )
    return own_name


def declared_types(builder: Callable[..., Any], name: str) -> tuple[Any, Any]:
    """In and Out of the builder's ``-> Flow[In, Out]``; UNDECLARED both where it isn't known.

    Raises:
        DefinitionError: it is annotated to return something that is no flow.

    >>> def build() -> Flow[int, str]: ...
    >>> declared_types(build, "orders")
    (<class 'int'>, <class 'str'>)
    """
    described = parameters_of(builder)
    annotation = described.return_annotation if described else inspect.Signature.empty
    declared = resolve_annotation(annotation, builder, captured_namespace(builder))
    if declared is UNDECLARED or declared is Any:
        return UNDECLARED, UNDECLARED
    origin = typing.get_origin(declared) or declared
    if not (isinstance(origin, type) and issubclass(origin, Flow)):
        raise DefinitionError(
            f"its builder is annotated to return {declared!r}; annotate it with -> Flow[In, Out]",
            workflow=name,
        )
    arguments = typing.get_args(declared)
    if issubclass(origin, PassThrough | KeepInputFlow) or len(arguments) < 2:
        return UNDECLARED, UNDECLARED
    if issubclass(origin, BranchFlow):
        generic: Any = BranchResult
        return arguments[0], generic[arguments[1]]
    return arguments[0], arguments[1]
