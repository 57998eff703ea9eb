"""Closing several things that need each other, whatever one of them says to that."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["close_all"]


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
