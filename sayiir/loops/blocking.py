"""Runs in memory from code that is not async: a coroutine driven to its end, in some thread."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from sayiir.loops.kept import run_to_end

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["run_blocking"]

T = TypeVar("T")


def run_blocking(run: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The result of a coroutine, run in this thread, or in another where a loop runs here.

    Raises:
        BaseException: whatever it raised; KeyboardInterrupt after it was cancelled.
    """
    # asyncio's public word for it raises where there is none, and its exception would cost more
    # than a task, and head the traceback of every failure.
    if asyncio._get_running_loop() is None:
        return run_to_end(run)
    context = contextvars.copy_context()
    outcome: Future[T] = Future()
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any] | None]] = Future()

    async def tracked() -> T:
        started.set_result((asyncio.get_running_loop(), asyncio.current_task()))
        return await run()

    def in_thread() -> None:
        try:
            with asyncio.Runner() as runner:
                outcome.set_result(runner.run(tracked(), context=context))
        except BaseException as error:  # handed to the caller, who raises it
            outcome.set_exception(error)

    thread = threading.Thread(target=in_thread, name="sayiir-run", daemon=True)
    thread.start()
    try:
        return outcome.result()
    except BaseException:
        # Ctrl-C here must not leave the run going on behind the caller's back.
        if not outcome.done():
            loop, task = started.result()
            if task is not None:
                loop.call_soon_threadsafe(task.cancel)
        raise
    finally:
        thread.join()
