"""The clock as a seam: everything that asks for the time or sleeps takes one of these."""

from __future__ import annotations

import asyncio
import time
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

__all__ = ["Clock", "Steady", "SystemClock", "WorkAware"]


class Clock(Protocol):
    """Wall time and sleeping. Tests hand in one that they move."""

    def now_us(self) -> int:
        """Wall time in whole microseconds since the Unix epoch. May jump either way."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that long by this clock."""
        ...


@runtime_checkable
class Steady(Protocol):
    """A clock that counts, beside the wall time, the time that passes. Nobody can set that."""

    def steady_us(self) -> int:
        """Microseconds since a moment that is the same for all processes of the machine.

        It may stand still while the machine sleeps.
        """
        ...


@runtime_checkable
class WorkAware(Protocol):
    """A clock that wants to know while user code runs, since it moves by itself when none does."""

    def working(self) -> AbstractContextManager[object]:
        """User code runs in here, in real time."""
        ...


class SystemClock:
    """The machine's own clock.

    >>> SystemClock().now_us() > 1_700_000_000_000_000
    True
    """

    __slots__ = ()

    def now_us(self) -> int:
        """Wall time in whole microseconds since the Unix epoch."""
        return time.time_ns() // 1_000

    def steady_us(self) -> int:
        """Microseconds since the machine started, sleep left out."""
        return time.monotonic_ns() // 1_000

    async def sleep(self, seconds: float) -> None:
        """``asyncio.sleep``; at most a day at a time, for very long sleeps overflow it."""
        while seconds > 86_400:
            await asyncio.sleep(86_400)
            seconds -= 86_400
        await asyncio.sleep(seconds)
