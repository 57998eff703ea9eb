"""Functions and classes on their way to another process.

What is of a module that can be imported goes as its name, so that the other side imports that
module and never ``__main__``; anything else goes whole, by cloudpickle.
"""

from __future__ import annotations

import importlib
import pickle
import sys
import threading
import types
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import xxhash

from sayiir.dsl.class_call import ClassCall
from sayiir.dsl.task import Task
from sayiir.executors.pickling import goes_by_value, pack

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["KEPT_FUNCTIONS", "Shipped", "ShippedFunctions", "load_function"]

KEPT_FUNCTIONS: Final = 256
"""How many functions are kept at hand, here in bytes and in each process loaded."""


@dataclass(frozen=True, slots=True)
class Shipped:
    """A function as bytes; ``key`` is their digest."""

    key: str
    data: bytes


class ShippedFunctions:
    """Functions as bytes, each made once and kept; the 256 used last.

    What a function refers to goes with it as it was when it was first called.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[object, Shipped]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, function: Callable[..., Any]) -> Shipped:
        """The function's bytes.

        Raises:
            PayloadError: it refers to something that can't be pickled.
        """
        with self._lock:
            kept = self._kept.get(id(function))
            if kept is not None:
                self._kept.move_to_end(id(function))
                return kept[1]
        reference = _reference(function)
        data = pickle.dumps(reference) if reference else pack(function, f"{function!r}")
        shipped = Shipped(xxhash.xxh3_128_hexdigest(data), data)
        with self._lock:
            # The function is kept too: its id would be given to another after its end.
            self._kept[id(function)] = (function, shipped)
            if len(self._kept) > KEPT_FUNCTIONS:
                self._kept.popitem(last=False)
        return shipped


def load_function(data: bytes) -> Callable[..., Any]:
    """The function that ``ShippedFunctions`` made bytes of; imports its module if need be."""
    loaded: Any = pickle.loads(data)  # noqa: S301  our own parent process wrote it
    if not isinstance(loaded, _Reference):
        return cast("Callable[..., Any]", loaded)
    found = _looked_up(importlib.import_module(loaded.module), loaded.qualname)
    return cast("Callable[..., Any]", _undecorated(found, class_itself=loaded.class_itself))


@dataclass(frozen=True, slots=True)
class _Reference:
    """``class_itself``: not what calls an instance of it, where both have one name."""

    module: str
    qualname: str
    class_itself: bool


def _reference(function: Callable[..., Any]) -> _Reference | None:
    """Where another process finds the function by importing; None: only here."""
    if not isinstance(function, (types.FunctionType, type, ClassCall)):
        return None
    made: Any = function
    name, qualname = made.__module__, made.__qualname__
    module = sys.modules.get(name)
    # A module that was made by hand has no spec, and nobody else could import it.
    if name == "__main__" or getattr(module, "__spec__", None) is None or goes_by_value(name):
        return None
    try:
        found = _looked_up(module, qualname)
    except AttributeError:
        return None
    class_itself = isinstance(function, type)
    if _undecorated(found, class_itself=class_itself) is not function:
        return None
    return _Reference(name, qualname, class_itself)


def _undecorated(found: Any, *, class_itself: bool) -> Any:
    """What ``@task`` made a task of, where the task has taken its name."""
    if isinstance(found, Task):
        found = found.spec.function
    return found.kind if class_itself and isinstance(found, ClassCall) else found


def _looked_up(module: Any, qualname: str) -> Any:
    found = module
    for part in qualname.split("."):
        found = getattr(found, part)
    return found
