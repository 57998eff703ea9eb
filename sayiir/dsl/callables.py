"""What can be told of any callable by looking at it: its name, whether it is async, its scope."""

from __future__ import annotations

import functools
import inspect
import re
import types
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from sayiir.dsl.spec import TaskSpec
from sayiir.errors import DefinitionError
from sayiir.ids import check_node_id

__all__ = [
    "callable_name",
    "captured_namespace",
    "is_async_callable",
    "is_lambda",
    "plain_spec",
    "python_function",
    "refuse_hidden_task",
]

_MAX_WRAPPERS: Final = 100
"""A chain of wrappers that ends in itself must not hang the build."""

_IDENTIFIER = re.compile(r"[^\W\d]\w*")

_COMBINATORS: Final = frozenset(
    {"await_signal", "branch", "delay", "fork", "loop", "result_of", "task", "workflow"}
)
"""Functions of the language that give a node or a part of one: in a chain they are called."""


def python_function(function: object) -> types.FunctionType | None:
    """The function written in Python that a callable ends up calling, or None.

    Looks through partials, bound methods, ``functools.wraps``, callable objects and classes.

    >>> python_function(functools.partial(callable_name)) is callable_name
    True
    """
    for _ in range(_MAX_WRAPPERS):
        if isinstance(function, functools.partial):
            function = function.func
        elif inspect.ismethod(function):
            function = function.__func__
        elif (wrapped := getattr(function, "__wrapped__", None)) is not None:
            function = wrapped
        elif isinstance(function, types.FunctionType):
            return function
        elif isinstance(function, type):
            constructors = (vars(function).get("__init__"), vars(function).get("__new__"))
            return next((c for c in constructors if isinstance(c, types.FunctionType)), None)
        else:
            call = getattr(type(function), "__call__", None)  # noqa: B004
            return call if isinstance(call, types.FunctionType) else None
    return None


def callable_name(function: Callable[..., Any]) -> str:
    """The name that a task made of this callable has where none is given.

    >>> callable_name(len), callable_name(lambda x: x), callable_name(functools.partial(int, "1"))
    ('len', 'lambda', 'int')
    """
    inner = _without_partials(function)
    name = getattr(inner, "__name__", None) or type(inner).__name__
    return "lambda" if name == "<lambda>" else str(name)


def _without_partials(function: Callable[..., Any]) -> object:
    inner: Any = function
    while isinstance(inner, functools.partial):
        inner = inner.func
    return cast("object", inner)


def is_lambda(function: Callable[..., Any]) -> bool:
    """True for what was written as ``lambda``."""
    return isinstance(function, types.LambdaType) and function.__name__ == "<lambda>"


def is_async_callable(function: Callable[..., Any]) -> bool:
    """True for coroutine functions, partials of them and objects whose ``__call__`` is one."""
    inner = _without_partials(function)
    kind = type(inner)
    if inspect.iscoroutinefunction(inner):
        return True
    if isinstance(inner, type) or inspect.isroutine(inner):
        return False
    # The class's, because that is what calling an object calls.
    return inspect.iscoroutinefunction(getattr(kind, "__call__", None))  # noqa: B004


def captured_namespace(function: Callable[..., Any]) -> Mapping[str, Any] | None:
    """Local names that the callable's annotations mention as text; None where there are none.

    A function written inside another can be annotated with names that exist only there. They
    are looked up among the running calls of the enclosing functions, and only the names that
    are mentioned are kept, so that a task doesn't keep everything alive that stood near it.
    """
    inner = python_function(function)
    if inner is None or "<locals>" not in inner.__qualname__:
        return None
    annotations: dict[str, object] = getattr(inner, "__annotations__", None) or {}
    names = {
        name
        for annotation in annotations.values()
        if isinstance(annotation, str) or "ForwardRef(" in repr(annotation)
        for name in _IDENTIFIER.findall(str(annotation))
    }
    if not names:
        return None
    enclosing = _enclosing_names(inner.__qualname__)
    found: dict[str, Any] = {}
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code.co_qualname in enclosing:
            # The innermost call comes first and hides what stands further out.
            local = frame.f_locals
            for name in names:
                if name not in found and name in local:
                    found[name] = local[name]
        frame = frame.f_back
    return found or None


def _enclosing_names(qualname: str) -> set[str]:
    """Qualified names of the functions around one: ``a.<locals>.b.<locals>.c`` gives a, a…b."""
    parts = qualname.split(".<locals>.")
    return {".<locals>.".join(parts[:count]) for count in range(1, len(parts))}


def _is_combinator(function: object) -> bool:
    module = getattr(function, "__module__", None)
    ours = isinstance(module, str) and module.startswith(("sayiir.dsl.", "sayiir.workflow"))
    return ours and getattr(function, "__name__", None) in _COMBINATORS


def refuse_hidden_task(function: object, where: str) -> None:
    """Refuses a function that another decorator, or a partial, has put around a task.

    It would run the task's function alone: no retries, no timeout, under another name.

    Raises:
        DefinitionError: there is a task, or another flow, inside.
    """
    from sayiir.dsl.flow import Flow

    partial, inner = False, function
    for _ in range(_MAX_WRAPPERS):
        if isinstance(inner, functools.partial):
            partial, inner = True, cast("object", inner.func)
        elif (wrapped := getattr(inner, "__wrapped__", None)) is not None:
            inner = wrapped
        else:
            return
        if isinstance(inner, Flow):
            name = getattr(function, "__name__", None) or "functools.partial"
            what, mend = (
                ("is a partial of", "make the partial of the plain function, and a task of that")
                if partial
                else (
                    "another decorator has put around",
                    "put the other decorator below, next to the function",
                )
            )
            raise DefinitionError(
                f"{where} was given {name!r}, which {what} {inner!r}, "
                f"whose options would be lost; {mend}"
            )


def _slip(given: object) -> str:
    """What was probably meant by something that can't stand in a chain."""
    if isinstance(given, (list, tuple)):
        return "give several one by one, *unpacked"
    if given is None:
        return "a function that builds a flow has to return it"
    return "a task is named there, not called: a >> b"


def plain_spec(function: object, where: str) -> TaskSpec:
    """The task that an undecorated callable stands for in a chain.

    Args:
        function: any callable.
        where: what it was given to, for the message.

    Raises:
        DefinitionError: it isn't callable, or is a class whose instances are.
    """
    if callable(function) and _is_combinator(function):
        name = callable_name(function)
        raise DefinitionError(
            f"{where} was given {name!r} itself; call it with its arguments: {name}(...)"
        )
    if not callable(function):
        if inspect.iscoroutine(function):
            function.close()  # nobody is going to await it
        raise DefinitionError(
            f"{where} takes tasks, flows, workflows and callables, not {function!r}; "
            f"{_slip(function)}"
        )
    if isinstance(function, type) and callable_instances(function):
        raise DefinitionError(
            f"{where} was given the class {function.__name__}, whose instances are callable; "
            f"make it a task, built once: task({function.__name__}), or give it an instance"
        )
    refuse_hidden_task(function, where)
    is_async = is_async_callable(function)
    return TaskSpec(
        name=check_node_id(callable_name(function)),
        function=function,
        decorated=False,
        is_async=is_async,
        # A lambda is too short to be worth the way to a thread and back.
        run_in="loop" if is_async or is_lambda(function) else "thread",
        namespace=captured_namespace(function),
    )


def callable_instances(kind: type) -> bool:
    """True for a class that defines ``__call__``."""
    return any("__call__" in vars(base) for base in kind.__mro__)
