"""Closing things to the end: whatever one of them says to that, and whoever can't wait for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["close_all", "outlasted"]


async def close_all(*steps: Callable[[], Awaitable[object] | None]) -> None:
    """Take all steps one after the other: one that fails, or is cancelled, keeps none from it.

    Raises:
        BaseException: what the first step raised that raised something.

    >>> import asyncio
    >>> async def leave() -> None:
    ...     raise OSError("the line is dead")
    >>> closed = []
    >>> asyncio.run(close_all(leave, lambda: closed.append("store")))
    Traceback (most recent call last):
        ...
    OSError: the line is dead
    >>> closed
    ['store']
    """
    first: BaseException | None = None
    for step in steps:
        try:
            closing = step()
            if closing is not None:
                await closing
        except BaseException as error:  # raised below
            first = first or error
    if first is not None:
        raise first


async def outlasted(
    closing: asyncio.Task[Any], on_cancel: Callable[[], None] | None = None
) -> asyncio.CancelledError | None:
    """Wait for the end of a task, also when that is cancelled; the cancellation to raise then.

    Args:
        closing: what has to come to its end.
        on_cancel: called at each cancellation.
    """
    cancelled: asyncio.CancelledError | None = None
    while not closing.done():
        try:
            await asyncio.wait({closing})
        except asyncio.CancelledError as error:
            cancelled = error
            if on_cancel is not None:
                on_cancel()
    return cancelled
