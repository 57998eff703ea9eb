"""What a process keeps in module globals, which a crash takes away: seen, and given back."""

from __future__ import annotations

import builtins
import copy
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from sayiir.dsl.callables import python_function
from sayiir.dsl.class_call import ClassCall
from sayiir.dsl.flow import Flow
from sayiir.dsl.nodes import Branch, TaskNode
from sayiir.dsl.task import Task

if TYPE_CHECKING:
    from sayiir.workflow import Workflow

__all__ = ["ProcessGlobals"]

_MISSING: Final = object()
_CONTAINERS: Final[tuple[type[Any], ...]] = (list, dict, set, deque, bytearray)


@dataclass(slots=True)
class _Global:
    """One name of one module, with what it held at first. ``kept``: a crash leaves it alone."""

    kept: bool
    module: dict[str, Any]
    name: str
    value: object
    content: object

    def changed(self) -> bool:
        now = self.module.get(self.name, _MISSING)
        if now is not self.value:
            return True
        try:
            return bool(_content_of(now) != self.content)
        except Exception:  # a user's __eq__ may raise anything: then it can't be told
            return False

    def restore(self) -> None:
        if self.value is _MISSING:
            self.module.pop(self.name, None)
            return
        self.module[self.name] = self.value
        _refill(self.value, self.content)


class ProcessGlobals:
    """The module globals that the tasks of a workflow read or write, as they were at first.

    Looked at is what the tasks' own functions name, and the functions of their modules that they
    call: plain values, containers, and objects of classes of that module. Caches made by
    ``functools`` are emptied.

    Args:
        workflow: whose tasks.
        keep: names, or the objects themselves, that stand for the world outside of the process.
    """

    def __init__(self, workflow: Workflow[Any, Any], keep: Iterable[object] = ()) -> None:
        given = list(keep)
        names = {each for each in given if isinstance(each, str)}
        objects = {id(each) for each in given}
        self._globals: list[_Global] = []
        self._caches: list[Any] = []
        for module, name in _named_by(_functions_of(workflow)):
            value = module.get(name, _MISSING)
            if hasattr(value, "cache_clear"):
                self._caches.append(value)
            elif (kept := name in names or id(value) in objects) or _is_state(value, module):
                self._globals.append(_Global(kept, module, name, value, _content_of(value)))

    def changed(self) -> list[str]:
        """Names that hold something else than at first, as ``module.name``; sorted."""
        return sorted(
            f"{each.module.get('__name__', '?')}.{each.name}"
            for each in self._globals
            if not each.kept and each.changed()
        )

    @property
    def caches(self) -> bool:
        """Whether there are caches among them."""
        return bool(self._caches)

    def forget(self) -> None:
        """A new process: all but what is kept holds what it held at first; caches are empty."""
        for each in self._globals:
            if not each.kept:
                each.restore()
        for cache in self._caches:
            cache.cache_clear()

    def restore(self) -> None:
        """A new world: everything holds what it held at first, and caches hold nothing."""
        for each in self._globals:
            each.restore()
        for cache in self._caches:
            cache.cache_clear()


def _functions_of(workflow: Workflow[Any, Any]) -> Iterator[FunctionType]:
    for _, node in workflow.nodes():
        if not isinstance(node, (TaskNode, Branch)):
            continue
        function = (node.task if isinstance(node, TaskNode) else node.key).function
        if isinstance(function, ClassCall):
            yield from _methods(function.kind)
        elif function is not None:
            found = python_function(function)
            if isinstance(found, FunctionType):
                yield found


def _methods(kind: type) -> Iterator[FunctionType]:
    for base in kind.__mro__:
        for value in vars(base).values():
            if isinstance(value, FunctionType):
                yield value


def _named_by(functions: Iterable[FunctionType]) -> Iterator[tuple[dict[str, Any], str]]:
    """Each global that the functions name, through those of their own modules, once."""
    waiting, seen = list(functions), set[int]()
    # Tools of others keep what they like: only packages that have tasks are looked into.
    packages = {_package(function) for function in waiting} - {"sayiir"}
    told = set[tuple[int, str]]()
    while waiting:
        function = waiting.pop()
        if id(function.__code__) in seen or _package(function) not in packages:
            continue
        seen.add(id(function.__code__))
        module = function.__globals__
        for name in _names(function.__code__):
            value = module.get(name, _MISSING)
            if value is _MISSING and name in vars(builtins):
                continue
            if isinstance(value, Task):
                value = value.spec.function
            if isinstance(value, FunctionType):
                waiting.append(value)
            elif isinstance(value, type) and value.__module__ == module.get("__name__"):
                waiting += _methods(value)
            if (id(module), name) not in told:
                told.add((id(module), name))
                yield module, name


def _package(function: FunctionType) -> str:
    return (function.__module__ or "").partition(".")[0]


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _is_state(value: object, module: Mapping[str, Any]) -> bool:
    """Whether it is something that a process may change, and not its code."""
    if isinstance(value, (ModuleType, FunctionType, BuiltinFunctionType, type, Flow)):
        return False
    if value is _MISSING or value is None or isinstance(value, (int, float, str, bytes, tuple)):
        return True
    if isinstance(value, _CONTAINERS):
        return True
    return type(value).__module__ == module.get("__name__") and hasattr(value, "__dict__")


def _content_of(value: Any) -> object:
    """A copy of what a container or an object holds; None for what holds nothing."""
    held = _holder(value)
    if held is None:
        return None
    try:
        return copy.deepcopy(held)
    except Exception:  # locks, connections: their own copies are no use
        return copy.copy(held)


def _holder(value: Any) -> Any:
    """The container that is the value, or in which an object keeps its attributes; else None."""
    held: Any = value
    if isinstance(value, _CONTAINERS):
        return held
    attributes: Any = None if isinstance(value, type) else getattr(held, "__dict__", None)
    return attributes


def _refill(value: Any, content: Any) -> None:
    """Put a copy back into the object itself, which others may hold too."""
    if content is None:
        return
    held, fresh = _holder(value), _content_of(content)
    held.clear()
    add = held.extend if hasattr(held, "extend") else held.update
    add(fresh)
