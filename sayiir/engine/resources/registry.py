"""What was handed over as ``resources={Type: ...}``: checked once, when it is handed over."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sayiir.dsl.inject import class_of_key, type_name
from sayiir.errors import DefinitionError
from sayiir.executors.checking import check_made, fits
from sayiir.executors.entering import is_async_manager, is_manager, needs_loop

if TYPE_CHECKING:
    from sayiir.engine.resources.needs import Need

__all__ = ["Resources", "Source"]


@dataclass(frozen=True, slots=True)
class Source:
    """How one resource comes to be.

    Attributes:
        key: the type that it is asked for by.
        ready: the object itself, where ``make`` is None.
        make: gives the object, its context manager or an awaitable of either.
        in_loop: ``make`` is called in the event loop, else on a thread.
        factory: ``make`` was given by the user and may be called again in another process.
    """

    key: Any
    ready: Any = None
    make: Callable[[], Any] | None = None
    in_loop: bool = False
    factory: bool = False

    def check(self, value: object) -> None:
        """Refuse what a factory gave where it is of another type.

        Raises:
            TypeError: it is no instance of the key.
        """
        check_made(value, self.key)


class Resources:
    """The resources that were handed over, by exactly the type that they are asked for by.

    Args:
        given: type -> an object of it, a factory, or a context manager or a factory of one.

    Raises:
        DefinitionError: a key is no type, or a value can't be or become an object of it.

    >>> Resources({str: "hello"}).source(str).ready
    'hello'
    """

    def __init__(self, given: Mapping[Any, Any] | None = None) -> None:
        if given is not None and not isinstance(given, Mapping):
            raise DefinitionError(f"resources is a mapping of types to objects, not {given!r}")
        self._given = dict(given or {})
        self._sources = {key: _source(key, value) for key, value in self._given.items()}

    def source(self, key: Any) -> Source:
        """How the resource of exactly this type comes to be.

        Raises:
            DefinitionError: none was given.
        """
        found = self._sources.get(key)
        if found is None:
            raise DefinitionError(f"nobody gave the resource {type_name(key)}; {self._told()}")
        return found

    def check(self, workflow: str, needs: Iterable[Need]) -> None:
        """Refuse a workflow whose tasks ask for what is not there.

        Raises:
            DefinitionError: with the workflow, the task's path and name, and the resource.
        """
        for need in needs:
            found = self._sources.get(need.key)
            name = type_name(need.key)
            if found is None:
                raise DefinitionError(
                    f"task {need.task!r} needs the resource {name}, which nobody gave; hand it "
                    f"over as resources={{{name}: ...}}. {self._told()}",
                    workflow=workflow,
                    node=need.path,
                )
            if need.elsewhere and not found.factory:
                raise DefinitionError(
                    f"task {need.task!r} runs in another process, so its resource {name} must "
                    "be given as a factory that can be pickled, not as an object that lives here",
                    workflow=workflow,
                    node=need.path,
                )

    def factories(self, keys: Iterable[Any]) -> dict[Any, Callable[[], Any]]:
        """The factories of some resources, for a process that makes its own of them.

        Raises:
            DefinitionError: one wasn't given, or not as a factory.
        """
        found: dict[Any, Callable[[], Any]] = {}
        for key in keys:
            if not self.source(key).factory:
                raise DefinitionError(
                    f"the resource {type_name(key)} is needed in another process, so it must be "
                    "given as a factory that can be pickled"
                )
            found[key] = self._given[key]
        return found

    def _told(self) -> str:
        names = ", ".join(map(type_name, self._given))
        return f"Given are: {names or 'none'} (only the exact type counts)"


def _source(key: Any, value: Any) -> Source:
    if class_of_key(key) is None:
        raise DefinitionError(
            f"resources are given by their type, as resources={{Type: ...}}; {key!r} is no type"
        )
    if fits(value, key):
        return Source(key, ready=value)
    name = type_name(key)
    if is_manager(value):
        return Source(key, make=lambda: value, in_loop=is_async_manager(value))
    if not callable(value):
        raise DefinitionError(
            f"the resource {name} was given a {type(value).__name__}, which is neither a {name} "
            "nor a factory or context manager that gives one"
        )
    _check_factory(name, key, value)
    return Source(key, make=value, in_loop=needs_loop(value), factory=True)


def _check_factory(name: str, key: Any, factory: Callable[..., Any]) -> None:
    kind = class_of_key(key)
    if isinstance(factory, type) and isinstance(kind, type):
        other = not getattr(kind, "_is_protocol", False) and not issubclass(factory, kind)
        if other and not _managed(factory):
            raise DefinitionError(
                f"the resource {name} was given the class {factory.__name__}, whose objects "
                f"are no {name}"
            )
    try:
        required = [
            parameter.name
            for parameter in inspect.signature(factory).parameters.values()
            if parameter.default is parameter.empty
            and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        ]
    except (ValueError, TypeError):  # many builtins don't tell
        return
    if required:
        raise DefinitionError(
            f"the factory of the resource {name} is called without arguments, but needs "
            f"{', '.join(required)}; wrap it: lambda: {getattr(factory, '__name__', 'make')}(...)"
        )


def _managed(kind: type) -> bool:
    return hasattr(kind, "__aenter__") or hasattr(kind, "__enter__")
