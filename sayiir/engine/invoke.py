"""Calling the user's code: on the loop or on a thread, within its timeout."""

from __future__ import annotations

import asyncio
import inspect
from functools import partial
from typing import TYPE_CHECKING, Any

from sayiir.engine.failures import AttemptTimedOut

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir.dsl.spec import TaskSpec
    from sayiir.engine.threads import TaskThreads

__all__ = ["UserExit", "invoke"]


class UserExit(BaseException):
    """User code raised KeyboardInterrupt or SystemExit; ``__cause__`` is that one.

    The event loop treats the two specially and would tear itself down; under this name they
    travel to whoever runs the loop.
    """


async def invoke(
    spec: TaskSpec,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    timeout_seconds: float | None,
    threads: TaskThreads,
    instance: Callable[..., Any] | None = None,
) -> Any:
    """The task's return value.

    ``instance``: of a class task, what is called instead of the function.

    Raises:
        AttemptTimedOut: it took longer than ``timeout_seconds``. A coroutine is cancelled, a
            thread abandoned; what they still return is dropped. What blocks the loop can't be
            cancelled, and is judged by when it returns.
        BaseException: whatever it raised.
    """
    function = instance or spec.function
    if function is None:
        raise TypeError(f"task {spec.name!r} has no function: its definition was only read")
    if timeout_seconds is None:
        return await _called(spec, function, args, kwargs, threads)
    scope = asyncio.timeout(timeout_seconds)
    try:
        async with scope:
            value = await _called(spec, function, args, kwargs, threads)
    except TimeoutError:
        if not scope.expired():
            raise
        raise AttemptTimedOut(timeout_seconds) from None
    if scope.expired():  # it swallowed the cancellation
        raise AttemptTimedOut(timeout_seconds)
    if _late(scope) and (spec.is_async or spec.run_in == "loop"):
        # No timer could fire. Else it would depend on a mere ``await`` after it whether it is late.
        raise AttemptTimedOut(timeout_seconds, blocking=True)
    return value


def _late(scope: asyncio.Timeout) -> bool:
    ends_at = scope.when()
    return ends_at is not None and asyncio.get_running_loop().time() > ends_at


async def _called(
    spec: TaskSpec,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    threads: TaskThreads,
) -> Any:
    if spec.is_async:
        return await function(*args, **kwargs)
    if spec.run_in == "loop":
        value = function(*args, **kwargs)
    else:
        value = await threads.run(partial(function, *args, **kwargs))
    # A lambda or a partial may well return a coroutine, though it doesn't look like one.
    return await value if inspect.isawaitable(value) else value
