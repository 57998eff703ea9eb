"""A clock that tests move, so that an hour's delay takes no time at all."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import threading
from datetime import datetime

from sayiir.durations import Duration, duration_seconds

__all__ = ["MovedClock", "wake"]

_DEFAULT_START_US = 1_767_225_600_000_000
"""2026-01-01 00:00 UTC: a fixed date, so that a failing test fails again tomorrow."""


class MovedClock:
    """Time stands still until the test moves it.

    Pass it as ``clock=`` wherever one is taken. Two kinds of time follow it: ``now_us``, which
    may be set to anything, and sleeping, which only goes forward. A task that sleeps an hour
    wakes once ``advance`` has moved an hour in all, and ``set`` never wakes anybody early or
    late: a machine whose date is corrected doesn't shorten anybody's sleep either. Use
    ``advance`` for time that passes and ``set`` for a clock that jumps.

    ``advance`` is awaited: the sleepers wake in the order of their times, each with the clock
    standing at its own time, and after each one the other tasks of the loop get their turns.
    So a task that sleeps in a loop, a minute at a time, wakes sixty times in an hour's advance.

    Args:
        start: where it begins; an aware datetime, or whole microseconds since the Unix epoch.
            The default is 2026-01-01 00:00 UTC, always the same.

    >>> import asyncio
    >>> async def test() -> list[str]:
    ...     clock, woken = MovedClock(), []
    ...
    ...     async def sleeper(name: str, seconds: float) -> None:
    ...         await clock.sleep(seconds)
    ...         woken.append(name)
    ...
    ...     tasks = [asyncio.create_task(sleeper(*each)) for each in [("late", 60), ("soon", 5)]]
    ...     await clock.advance("1h")
    ...     return woken
    >>> asyncio.run(test())
    ['soon', 'late']
    """

    def __init__(self, start: datetime | int = _DEFAULT_START_US) -> None:
        self._now_us = _microseconds(start)
        self._slept_us = 0
        """How far ``advance`` has moved in all: the time that sleeping goes by."""
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = 0
        self._lock = threading.Lock()

    def now_us(self) -> int:
        """The time it stands at, in whole microseconds since the Unix epoch."""
        return self._now_us

    @property
    def sleepers(self) -> int:
        """How many tasks sleep on it now."""
        with self._lock:
            return sum(not future.done() for _, _, future in self._sleepers)

    @property
    def next_wake_in_seconds(self) -> float | None:
        """How far to advance until the next sleeper wakes; None where nobody sleeps."""
        with self._lock:
            self._drop_cancelled()
            if not self._sleepers:
                return None
            return (self._sleepers[0][0] - self._slept_us) / 1_000_000

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been advanced so far; of 0 or less, give others a turn."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        with self._lock:
            self._order += 1
            wake_us = self._slept_us + round(seconds * 1_000_000)
            heapq.heappush(self._sleepers, (wake_us, self._order, future))
        await future

    async def advance(self, duration: Duration) -> None:
        """Let this much time pass, waking each sleeper at its own time.

        Returns when the sleepers of this loop that were due have had their turns. Threads and
        files are not waited for: only tasks that go on without them have finished what they do.
        Sleepers of other loops are woken too, and go on when their threads get to it.

        Raises:
            DefinitionError: the duration is negative or no duration. ``set`` moves backwards.
        """
        end_us = self._slept_us + round(duration_seconds(duration) * 1_000_000)
        await _let_others_run()
        while True:
            with self._lock:
                self._drop_cancelled()
                if not self._sleepers or self._sleepers[0][0] > end_us:
                    self._pass(end_us)
                    break
                wake_us, _, future = heapq.heappop(self._sleepers)
                self._pass(wake_us)
            wake(future)
            await _let_others_run()
        await _let_others_run()

    def set(self, moment: datetime | int) -> None:
        """Jump to this moment, backwards too. Nobody wakes: sleeping goes by what has passed.

        Args:
            moment: an aware datetime, or whole microseconds since the Unix epoch.

        Raises:
            ValueError: the datetime has no time zone.
        """
        self._now_us = _microseconds(moment)

    def shift(self, seconds: float) -> None:
        """Jump by so much, backwards if negative. Nobody wakes, as with ``set``."""
        self._now_us += round(seconds * 1_000_000)

    def _pass(self, slept_us: int) -> None:
        passed_us = max(0, slept_us - self._slept_us)
        self._slept_us += passed_us
        self._now_us += passed_us

    def _drop_cancelled(self) -> None:
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)


def wake(future: asyncio.Future[None]) -> None:
    """Wake a sleeper, from its own loop or from another."""
    loop = future.get_loop()
    if loop is asyncio.get_running_loop():
        future.set_result(None)
        return
    # A loop that is closed has nobody left who sleeps.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(_finish, future)


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _microseconds(moment: datetime | int) -> int:
    if isinstance(moment, int):
        return moment
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone; give it one, as datetime.UTC")
    return round(moment.timestamp() * 1_000_000)


async def _let_others_run() -> None:
    """Enough turns for what was woken to do its work and wake what waits for it.

    A task that hands on through several others needs one turn for each. The number is a bound,
    not a promise; it is small enough that a thousand advances take no time worth noticing.
    """
    for _ in range(20):
        await asyncio.sleep(0)
