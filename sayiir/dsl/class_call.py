"""A class with ``__call__`` as a task's function: what it is built with, and what is called.

The instance is made by whoever runs the task, once; until then a ``ClassCall`` stands for it,
with the signature of ``__call__``.
"""

from __future__ import annotations

import inspect
import types
from typing import TYPE_CHECKING, Any

from sayiir.dsl.inject import InjectedDefault
from sayiir.dsl.signature import check_resource_fits, resolve_annotation
from sayiir.dsl.spec import Injection
from sayiir.errors import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sayiir.dsl.spec import TaskSpec

__all__ = ["AsyncClassCall", "ClassCall", "class_call", "resources_of"]


class ClassCall:
    """Stands for the one instance of a class that a task calls.

    Calling it makes an instance and calls that, which only a class can bear that needs nothing
    from the engine and is no context manager.

    Attributes:
        kind: the class.
        needs: its constructor's ``resource`` parameters: name -> the type that was asked for.
    """

    def __init__(self, kind: type, call: types.FunctionType, needs: dict[str, Any]) -> None:
        self.kind = kind
        self.needs = needs
        for name in ("__module__", "__name__", "__qualname__", "__doc__"):
            setattr(self, name, getattr(kind, name))
        # The annotations of __call__ are looked up where that was written.
        self.__wrapped__ = call
        self.__signature__ = _without_self(kind, call)

    @property
    def managed(self) -> bool:
        """Its instances are (async) context managers."""
        return hasattr(self.kind, "__aenter__") or hasattr(self.kind, "__enter__")

    def check_direct(self) -> None:
        """Refuse a call that nobody built an instance for.

        Raises:
            TypeError: the constructor needs resources, or instances must be entered.
        """
        name = self.kind.__name__
        if not self.needs and not self.managed:
            return
        why = "is built with " + " and ".join(f"{one}=..." for one in self.needs)
        if not self.needs:
            why = "is a context manager, which only a run enters"
        raise TypeError(
            f"{name}() was called directly, but the class {why}; test the class itself: build "
            f"{name} by hand and call that (where the task took the class's name, the class is "
            f"{name}.wrapped)"
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Builds an instance and calls it."""
        self.check_direct()
        return self.kind()(*args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        # Pickled by its class, so that processes may be sent it as they are sent functions.
        return class_call, (self.kind,)

    def __repr__(self) -> str:
        return f"<call of {self.kind.__qualname__}>"


class AsyncClassCall(ClassCall):
    """The same of a class whose ``__call__`` is async."""

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Builds an instance and awaits its call."""
        self.check_direct()
        return await self.kind()(*args, **kwargs)


def class_call(kind: type) -> ClassCall:
    """What stands for the instance of a class.

    Raises:
        DefinitionError: it has no ``__call__`` of its own written in Python, is abstract, or its
            constructor has a parameter that nothing fills.

    >>> class Add:
    ...     def __call__(self, number: int) -> int:
    ...         return number + 1
    >>> class_call(Add)(2)
    3
    """
    name = kind.__name__
    call = next((vars(base)["__call__"] for base in kind.__mro__ if "__call__" in vars(base)), None)
    if call is None:
        raise DefinitionError(
            f"a task is a function, or a class with __call__; {name} is a class without. "
            "Decorate a function that uses it"
        )
    if not isinstance(call, types.FunctionType):
        raise DefinitionError(
            f"{name} is a class whose __call__ is no method written in Python; decorate a "
            "function that uses it"
        )
    if inspect.isgeneratorfunction(call) or inspect.isasyncgenfunction(call):
        raise DefinitionError(
            f"{name}.__call__() is a generator; a task returns one value, so return a list"
        )
    if inspect.isabstract(kind):
        raise DefinitionError(f"{name} is abstract; make a task of a class that can be built")
    made = AsyncClassCall if inspect.iscoroutinefunction(call) else ClassCall
    return made(kind, call, _needs(kind))


def _without_self(kind: type, call: types.FunctionType) -> inspect.Signature:
    signature = inspect.signature(call)
    parameters = list(signature.parameters.values())
    if not parameters or parameters[0].kind is inspect.Parameter.KEYWORD_ONLY:
        raise DefinitionError(f"{kind.__name__}.__call__() takes no self")
    starred = parameters[0].kind is inspect.Parameter.VAR_POSITIONAL
    return signature.replace(parameters=parameters if starred else parameters[1:])


def _needs(kind: type) -> dict[str, Any]:
    """The constructor's resources; every other parameter must have an ordinary default."""
    try:
        described = inspect.signature(kind)
    except (ValueError, TypeError):  # a constructor that doesn't tell is called without anything
        return {}
    needs: dict[str, Any] = {}
    for parameter in described.parameters.values():
        default = parameter.default
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        where = f"the constructor of {kind.__name__} has the parameter {parameter.name!r}"
        if default is parameter.empty:
            raise DefinitionError(
                f"{where} without a default, which nothing fills; write "
                f"{parameter.name}: T = resource(T), or make a task of an object: "
                f"task({kind.__name__}(...))"
            )
        if not isinstance(default, InjectedDefault):
            continue
        if default.source is not Injection.RESOURCE:
            raise DefinitionError(
                f"{where} = {default!r}; only resources are known when it is built, so let "
                "__call__ take it"
            )
        if parameter.kind is parameter.POSITIONAL_ONLY:
            raise DefinitionError(f"{where} by position only, but it is filled by name")
        annotation = resolve_annotation(parameter.annotation, kind.__init__)  # type: ignore[misc]
        check_resource_fits(f"the constructor of {kind.__name__}", parameter, annotation)
        needs[parameter.name] = default.annotation
    return needs


def resources_of(spec: TaskSpec) -> Iterator[Any]:
    """The types that a task asks for by ``resource()``, its class's constructor included."""
    for injected in spec.signature.injected:
        if injected.source is Injection.RESOURCE:
            yield injected.annotation
    if isinstance(spec.function, ClassCall):
        yield from spec.function.needs.values()
