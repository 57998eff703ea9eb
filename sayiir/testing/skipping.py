"""A clock that jumps to the next wake-up by itself, whenever nothing else is left to do."""

from __future__ import annotations

import asyncio
import heapq
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from sayiir.testing.clock import MovedClock, wake

if TYPE_CHECKING:
    from collections.abc import Generator
    from datetime import datetime

__all__ = ["SkippingClock"]

_QUIET_TURNS: Final = 100
"""So many turns of the loop without news mean that nobody but sleepers is left: what goes on by
itself has had its turns by then. They take a tenth of a millisecond."""


class SkippingClock(MovedClock):
    """Time stands still while your code runs, and jumps to the next wake-up when all sleep.

    Pass it as ``clock=`` to a run in memory: delays, backoffs and the timeouts of waits and of
    workflows take no time, and happen in their order. While a task runs, on a thread too, real
    time goes by and this clock stands: a delay of an hour never ends before a task that takes a
    second. (The timeout of a task is real time: it bounds real work.)

    Tests of durable runs have one in their ``WorkflowEnvironment``. A runner of your own doesn't
    tell a clock when tasks run, so there use ``MovedClock``.

    >>> from sayiir import delay, task, workflow
    >>> @task
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> clock = SkippingClock()
    >>> before = clock.now_us()
    >>> workflow("patient", double >> delay("2d") >> double).run(1, clock=clock)
    4
    >>> (clock.now_us() - before) / 3_600_000_000
    48.0
    """

    def __init__(self, start: datetime | int | None = None) -> None:
        if start is None:
            super().__init__()
        else:
            super().__init__(start)
        self._working = 0
        self._news = 0
        """Counts what happens, so that a quiet time is told from a busy one."""
        self._looking: asyncio.AbstractEventLoop | None = None

    @contextmanager
    def working(self) -> Generator[None]:
        """Time stands still in here: user code runs, in real time."""
        self._working += 1
        try:
            yield
        finally:
            self._working -= 1
            self._news += 1
            self._look_soon()

    async def sleep(self, seconds: float) -> None:
        """Until everybody else sleeps too, and nobody is to wake earlier."""
        self._news += 1
        if seconds > 0:
            self._look_soon()
        await super().sleep(seconds)

    def _look_soon(self) -> None:
        """Begin to look for a quiet moment, unless that is done already."""
        loop = asyncio.get_running_loop()
        if self._looking is not None and not self._looking.is_closed():
            return
        self._looking = loop
        loop.call_soon(self._look, loop, self._news, _QUIET_TURNS)

    def _look(self, loop: asyncio.AbstractEventLoop, news: int, turns: int) -> None:
        if self._working:
            self._looking = None  # whoever works looks again at its end
        elif news != self._news:
            loop.call_soon(self._look, loop, self._news, _QUIET_TURNS)
        elif turns:
            loop.call_soon(self._look, loop, news, turns - 1)
        elif self._wake_next():
            loop.call_soon(self._look, loop, self._news, _QUIET_TURNS)
        else:
            self._looking = None

    def _wake_next(self) -> bool:
        """Move to the next sleeper and wake it; False: nobody sleeps."""
        with self._lock:
            self._drop_cancelled()
            if not self._sleepers:
                return False
            wake_us, _, future = heapq.heappop(self._sleepers)
            self._pass(wake_us)
        self._news += 1
        wake(future)
        return True
