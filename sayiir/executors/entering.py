"""Making and entering one thing: async in the event loop, sync on a thread."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeAlias, cast

from sayiir.dsl.callables import is_async_callable
from sayiir.printable import printable

__all__ = [
    "Entered",
    "InThread",
    "enter",
    "is_async_manager",
    "is_awaited",
    "is_manager",
    "needs_loop",
]

logger = logging.getLogger("sayiir.engine")

InThread: TypeAlias = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Runs a call on a thread and gives its result."""

Leave: TypeAlias = Callable[[], Awaitable[Any]]


class Entered:
    """A thing that was made.

    Attributes:
        made: the object that was made.
        value: what entering it gave; the object where it is no context manager.
        leave: leaves it; None where there is nothing to leave.
    """

    __slots__ = ("leave", "made", "value")

    def __init__(self, made: Any, value: Any, leave: Leave | None = None) -> None:
        self.made = made
        self.value = value
        self.leave = leave


def is_async_manager(thing: object) -> bool:
    """True for an async context manager."""
    return hasattr(type(thing), "__aenter__") and hasattr(type(thing), "__aexit__")


def is_manager(thing: object) -> bool:
    """True for a context manager, sync or async."""
    sync = hasattr(type(thing), "__enter__") and hasattr(type(thing), "__exit__")
    return sync or is_async_manager(thing)


def is_awaited(made: object) -> bool:
    """True for what is awaited; what is a context manager too is entered instead."""
    return not is_manager(made) and inspect.isawaitable(made)


def needs_loop(factory: Callable[..., Any]) -> bool:
    """Async functions, and classes of async context managers, which may look for a loop."""
    inner: Any = factory
    while isinstance(inner, functools.partial):
        inner = cast("Any", inner).func
    if isinstance(inner, type):
        return hasattr(inner, "__aenter__")
    return is_async_callable(inner)


async def enter(make: Callable[[], Any], in_thread: InThread, *, in_loop: bool) -> Entered:
    """What ``make`` gives, awaited and entered where it can be.

    Cancelled, it leaves nothing entered: what a thread still enters, that thread leaves.

    Raises:
        BaseException: whatever making or entering raised.
    """
    entered: Entered | None = None
    if in_loop:
        made = make()
    else:
        entered = await _OnThread(make, in_thread).enter()
        made = entered.made
    if is_awaited(made):
        made, entered = await made, None
    if is_async_manager(made):
        kind = cast("Any", type(made))  # special methods are looked up on the class
        value = await kind.__aenter__(made)
        return Entered(made, value, partial(kind.__aexit__, made, None, None, None))
    if entered is None and is_manager(made):
        entered = await _OnThread(lambda: made, in_thread).enter()
    return entered or Entered(made, made)


class _OnThread:
    """Makes a thing on a thread and enters it there, if it is a sync context manager."""

    def __init__(self, make: Callable[[], Any], in_thread: InThread) -> None:
        self._make = make
        self._in_thread = in_thread
        self._lock = threading.Lock()
        self._abandoned = False
        self._leave: Callable[[], Any] | None = None

    async def enter(self) -> Entered:
        try:
            made, value = await self._in_thread(self._call)
        except asyncio.CancelledError:
            with self._lock:
                self._abandoned, leave = True, self._leave
            if leave is not None:  # it was entered in the same moment
                await self._in_thread(leave)
            raise
        leave = self._leave
        return Entered(made, value, None if leave is None else partial(self._in_thread, leave))

    def _call(self) -> tuple[Any, Any]:
        made = self._make()
        if is_async_manager(made) or not is_manager(made):
            return made, made
        kind = cast("Any", type(made))
        value = kind.__enter__(made)
        leave = partial(kind.__exit__, made, None, None, None)
        with self._lock:
            abandoned = self._abandoned
            self._leave = None if abandoned else leave
        if abandoned:
            try:
                leave()
            except Exception:
                told = printable(repr(made))
                logger.exception("leaving %s failed; nobody waited for it any more", told)
        return made, value
