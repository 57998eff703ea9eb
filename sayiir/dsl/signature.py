"""Reads a callable's parameters and annotations into a ``Signature``."""

from __future__ import annotations

import inspect
import sys
import types
import typing
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sayiir.codec.protocol import UNDECLARED
from sayiir.dsl.callables import callable_name, is_async_callable, python_function
from sayiir.dsl.context import TaskContext
from sayiir.dsl.inject import InjectedDefault, type_name
from sayiir.dsl.spec import Injected, Injection, Parameter, Signature
from sayiir.errors import DefinitionError

__all__ = ["check_resource_fits", "parameters_of", "read_signature", "resolve_annotation"]

_KEYWORD_ONLY = inspect.Parameter.KEYWORD_ONLY
_POSITIONAL_ONLY = inspect.Parameter.POSITIONAL_ONLY
_VAR_KEYWORD = inspect.Parameter.VAR_KEYWORD
_VAR_POSITIONAL = inspect.Parameter.VAR_POSITIONAL
_EMPTY = inspect.Parameter.empty


def read_signature(
    function: Callable[..., Any], namespace: Mapping[str, Any] | None = None
) -> Signature:
    """What a callable takes from the flow, from the engine, and gives.

    Parameters without a default are inputs. ``ctx``, and what is annotated with ``TaskContext``,
    is injected wherever it stands; so are defaults made by ``result_of`` and its kin. A
    callable that can't be looked into (many builtins), and a ``*args`` alone, take one input.
    An annotation that names what can't be found is UNDECLARED, and only that one.

    Args:
        function: any callable.
        namespace: local names beside its module's, for annotations that are text.

    Raises:
        DefinitionError: an input is keyword-only, an injected parameter positional-only, or a
            resource asked for under another type than its parameter's.

    >>> read_signature(lambda x, y=3: x).inputs
    (Parameter(name='x', annotation=UNDECLARED),)
    """
    described = parameters_of(function)
    output: Any = function if isinstance(function, type) else UNDECLARED
    if described is None:
        return Signature(inputs=(Parameter("value"),), output=output)
    scope = _Scope(function, namespace)
    if output is UNDECLARED:
        output = _awaited(scope.resolve(described.return_annotation), function)
    inputs: list[Parameter] = []
    optional: list[Parameter] = []
    injected: list[Injected] = []
    spare: Parameter | None = None
    for parameter in _with_value_first(function, described):
        annotation = scope.resolve(parameter.annotation)
        if parameter.kind is _VAR_KEYWORD:
            continue
        if parameter.kind is _VAR_POSITIONAL:
            spare = Parameter(parameter.name, annotation)
        elif (from_engine := _injected(parameter, annotation)) is not None:
            _check_fillable_by_name(function, parameter)
            check_resource_fits(f"{callable_name(function)}()", parameter, annotation)
            injected.append(from_engine)
        elif parameter.default is _EMPTY:
            _check_fillable_in_order(function, parameter)
            inputs.append(Parameter(parameter.name, annotation))
        elif parameter.kind is not _POSITIONAL_ONLY:
            optional.append(Parameter(parameter.name, annotation))
    if not inputs and spare is not None:
        inputs.append(spare)
    return Signature(
        inputs=tuple(inputs), optional=tuple(optional), injected=tuple(injected), output=output
    )


def parameters_of(function: Callable[..., Any]) -> inspect.Signature | None:
    """``inspect.signature``, or None for callables that don't tell (many builtins)."""
    try:
        return inspect.signature(function)
    except (ValueError, TypeError):
        return None


def resolve_annotation(
    annotation: Any, function: Callable[..., Any], namespace: Mapping[str, Any] | None = None
) -> Any:
    """An annotation of a callable with its names looked up; UNDECLARED where one is unknown."""
    return _Scope(function, namespace).resolve(annotation)


def check_resource_fits(owner: str, parameter: inspect.Parameter, annotation: Any) -> None:
    """Refuse ``n: int = resource(Db)``.

    Raises:
        DefinitionError: the parameter's type can't be that of the resource.
    """
    default = parameter.default
    if not isinstance(default, InjectedDefault) or default.source is not Injection.RESOURCE:
        return
    from sayiir.dsl.fits import fits  # which who imports sayiir doesn't need yet

    if not fits(default.annotation, annotation):
        raise DefinitionError(
            f"{owner} has the parameter {parameter.name!r} of type {type_name(annotation)}, but "
            f"asks for {default!r}; write {parameter.name}: {type_name(default.annotation)} = "
            f"{default!r}"
        )


class _Scope:
    """Where the names in a callable's annotations are looked up."""

    def __init__(self, function: Callable[..., Any], namespace: Mapping[str, Any] | None) -> None:
        inner = python_function(function)
        module = sys.modules.get(getattr(inner or function, "__module__", None) or "")
        self._globals: dict[str, Any] = inner.__globals__ if inner else vars(module or types)
        self._locals: dict[str, Any] = dict(namespace or {})
        if inner is not None:
            self._locals.update(_closure(inner))
            for variable in getattr(inner, "__type_params__", ()):
                self._locals[variable.__name__] = variable

    def resolve(self, annotation: Any) -> Any:
        """The annotation as a type, or UNDECLARED."""
        if annotation is _EMPTY:
            return UNDECLARED
        if type(annotation) is type:  # the common case; list[int] and its like are of other types
            return annotation
        holder = types.SimpleNamespace(__annotations__={"it": annotation})
        try:
            hints = typing.get_type_hints(holder, self._globals, self._locals, include_extras=True)
        except Exception:
            # Names imported for checkers only, most of all; evaluating text may raise anything.
            # The value is then encoded by the rules for undeclared ones, lossless or loud. The
            # engine's own type is known by its name.
            text = annotation.strip() if isinstance(annotation, str) else ""
            return TaskContext if text.rpartition(".")[2] == "TaskContext" else UNDECLARED
        return hints["it"]


def _closure(function: types.FunctionType) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # the enclosing function hasn't assigned it yet
            continue
    return found


def _with_value_first(
    function: Callable[..., Any], described: inspect.Signature
) -> list[inspect.Parameter]:
    """The parameters; where ``float(x=0, /)`` and its like need none, the first takes the value.

    Functions written in Python mean what they say: what has a default there is no input.
    """
    parameters = list(described.parameters.values())
    if inspect.isfunction(function) or inspect.ismethod(function) or not parameters:
        return parameters
    first = parameters[0]
    told = isinstance(function, type) or python_function(function) is None
    if told and first.default is not _EMPTY and first.kind is not _KEYWORD_ONLY:
        parameters[0] = first.replace(default=_EMPTY)
    return parameters


def _injected(parameter: inspect.Parameter, annotation: Any) -> Injected | None:
    if isinstance(parameter.default, InjectedDefault):
        return parameter.default.parameter(parameter.name)
    by_name = parameter.name == "ctx" and annotation is UNDECLARED
    if by_name or annotation is TaskContext or annotation == TaskContext | None:
        return Injected(parameter.name, Injection.CONTEXT)
    return None


def _check_fillable_in_order(function: Callable[..., Any], parameter: inspect.Parameter) -> None:
    if parameter.kind is _KEYWORD_ONLY:
        raise DefinitionError(
            f"{callable_name(function)}() takes its input {parameter.name!r} by keyword only, "
            "but inputs are filled in order; move it before the '*', give it a default, or "
            "call it from a task of your own"
        )


def _check_fillable_by_name(function: Callable[..., Any], parameter: inspect.Parameter) -> None:
    if parameter.kind is _POSITIONAL_ONLY:
        raise DefinitionError(
            f"{callable_name(function)}() takes {parameter.name!r} by position only, but the "
            "engine fills it by name; move it behind the '/'"
        )


def _awaited(output: Any, function: Callable[..., Any]) -> Any:
    """``Awaitable[X]`` of a sync function as X, because the engine awaits what it returns."""
    origin = typing.get_origin(output) or output
    if not isinstance(origin, type) or not issubclass(origin, Awaitable):
        return output
    if is_async_callable(function):
        return output
    arguments = typing.get_args(output)
    return arguments[-1] if arguments else UNDECLARED
