"""Running one coroutine to its end in the caller's thread, as ``asyncio.run`` does.

What that pays for is the loop: to make and to close one costs as much as forty steps in memory.
So a thread's loop is kept for its next call, where the call before has left it as it was made.
Whatever isn't certain to be the same as with a fresh loop gets a fresh loop: a task or a timer
that was left behind, an executor, a reader, a signal's handler, an exit by Ctrl-C.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import weakref
from contextlib import suppress
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sayiir.loops.interrupts import run_until_complete
from sayiir.loops.own import BaseLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["run_to_end"]

T = TypeVar("T")


# asyncio has public words for few of these.
_LEFT_EMPTY: Final = (
    "_asyncgens",
    "_asyncgens_shutdown_called",
    "_default_executor",
    "_exception_handler",
    "_executor_shutdown_called",
    "_signal_handlers",
    "_stopping",
    "_task_factory",
)


class _KeptLoop(BaseLoop):
    """A loop that can tell whether it is as it was made, and that ends without a word."""

    def __init__(self) -> None:
        super().__init__()
        self.process_id = os.getpid()
        self._made_with = self._settings

    @property
    def _settings(self) -> tuple[bool, float]:
        return self.get_debug(), self.slow_callback_duration

    @property
    def as_made(self) -> bool:
        """Whether nothing is left in it of what ran, so that the next call can't meet it."""
        here: dict[str, Any] = vars(self)
        # Where a name is gone no loop is kept: that costs time and nothing else, and a test tells.
        if self.is_closed() or self._settings != self._made_with:
            return False
        for name in _LEFT_EMPTY:
            if here.get(name, True):
                return False
        for handles in (here["_ready"], here["_scheduled"]):
            for handle in handles:
                if not handle.cancelled():
                    return False
        if asyncio.all_tasks(self):
            return False
        return len(here["_selector"].get_map()) == 1  # what wakes the loop itself

    def end(self) -> None:
        """Close it, wherever its thread or process may be."""
        if self.is_closed() or self.is_running():
            return
        if self.process_id == os.getpid():
            self.close()
            return
        # In a forked child. The selector is the parent's too: to close the loop would take out
        # of it what wakes the parent's. So only the child's own descriptors are let go.
        for part in ("_selector", "_ssock", "_csock"):
            with suppress(AttributeError):
                getattr(self, part).close()

    def __del__(self, _end: Callable[[_KeptLoop], None] = end) -> None:
        """With its thread: nobody else has it, and nobody is to be warned of it."""
        _end(self)


class _Spare(threading.local):
    """The runner that this thread's last call has left."""

    runner: asyncio.Runner | None = None
    loop: _KeptLoop | None = None


# The one thing that lives in a module here: idle loops, of which no call can see anything.
_SPARE: Final = _Spare()
_KEPT: Final[weakref.WeakSet[_KeptLoop]] = weakref.WeakSet()


def run_to_end(run: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The result of a coroutine, run in this thread, in a copy of the caller's context.

    Ctrl-C in the main thread cancels it and is raised as KeyboardInterrupt; tasks, generators and
    threads that it leaves behind are ended, all as by ``asyncio.run``.

    Raises:
        RuntimeError: an event loop runs in this thread already.
        BaseException: whatever the coroutine raised.
    """
    runner, loop = _taken()
    keep = False
    try:
        result = run_until_complete(loop.create_task(_stopping(loop, run), context=copy_context()))
        keep = True
    except Exception:
        keep = True
        raise
    finally:
        if keep and loop.as_made:
            _SPARE.runner, _SPARE.loop = runner, loop
        else:
            runner.close()
    return result


async def _stopping(loop: _KeptLoop, run: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The coroutine's result; then the loop stops with this turn, and needs no other to be told."""
    try:
        return await run()
    finally:
        loop.stop()


def _taken() -> tuple[asyncio.Runner, _KeptLoop]:
    """A runner that nobody else has: the spare one, or a new one."""
    runner, loop = _SPARE.runner, _SPARE.loop
    # Out of the way first: a signal's handler may call as well.
    _SPARE.runner = _SPARE.loop = None
    if runner is None or loop is None or loop.is_closed() or loop.process_id != os.getpid():
        runner = asyncio.Runner(loop_factory=_KeptLoop)
        made = runner.get_loop()
        assert isinstance(made, _KeptLoop)
        loop = made
        _KEPT.add(loop)
    return runner, loop


@atexit.register
def _end_all() -> None:
    """Before modules are taken apart, which closing a loop needs."""
    for loop in tuple(_KEPT):
        loop.end()
