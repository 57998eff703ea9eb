"""Ctrl-C while a loop runs: it cancels the main task, as under ``asyncio.Runner``.

Written anew for its cost alone: the functions of ``signal`` turn each handler that they answer
into an enum, which fails by an exception, and a runner calls four of them for each run. That is
18 µs of 90 for a call in memory of ten steps; by the functions below it is one.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    Handler = Callable[[int, Any], object] | int | None

__all__ = ["run_until_complete"]

T = TypeVar("T")

_functions: Any = signal
with suppress(ImportError):  # what those of ``signal`` call themselves
    import _signal  # type: ignore[import-not-found]  # pyright: ignore[reportMissingImports]

    _functions = _signal
_get: Callable[[int], Handler] = _functions.getsignal
_set: Callable[[int, Handler], Handler] = _functions.signal

_SIGINT: Final = int(signal.SIGINT)


class _Asked:
    """How often Ctrl-C was pressed during a run."""

    __slots__ = ("times",)

    def __init__(self) -> None:
        self.times = 0

    def note(self, task: asyncio.Task[Any], number: int, frame: object) -> None:
        """The first time the task is cancelled; after that, or where it is over, no more waiting.

        Raises:
            KeyboardInterrupt: see above.
        """
        self.times += 1
        if self.times > 1 or task.done():
            raise KeyboardInterrupt
        task.cancel()
        # The loop may sleep in its selector, with nothing else to wake it; and a task that is
        # cancelled before its first step has no end of its own at which it could stop the loop.
        task.get_loop().call_soon_threadsafe(_stop_if_over, task)


def run_until_complete(task: asyncio.Task[T]) -> T:
    """The task's result, from its loop, which doesn't run yet and which the task stops at its end.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed, in the main thread, and nobody else handles it.
        RuntimeError: somebody else has stopped the loop.
        BaseException: whatever the task raised.
    """
    loop = task.get_loop()
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or _get(_SIGINT) is not signal.default_int_handler:
        return _result_of(loop, task)
    asked = _Asked()
    handler = partial(asked.note, task)
    try:
        _set(_SIGINT, handler)
    except ValueError:  # the main thread of a subinterpreter
        return _result_of(loop, task)
    try:
        return _result_of(loop, task)
    except asyncio.CancelledError:
        if asked.times and task.uncancel() == 0:
            raise KeyboardInterrupt from None
        raise
    finally:
        if _get(_SIGINT) is handler:  # else user code has set its own
            _set(_SIGINT, signal.default_int_handler)


def _stop_if_over(task: asyncio.Task[Any]) -> None:
    if task.done():
        task.get_loop().stop()


def _result_of(loop: asyncio.AbstractEventLoop, task: asyncio.Task[T]) -> T:
    try:
        loop.run_forever()
    except BaseException:
        if task.done() and not task.cancelled():
            task.exception()  # raised already: nobody is to be told of it once more
        raise
    if not task.done():
        raise RuntimeError("Event loop stopped before Future completed.")
    return task.result()
