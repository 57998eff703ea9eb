"""Whether the wall clock was set, told by a clock that nobody can set.

A store that takes the time from the machine ends leases by its wall clock. Where that is set
forwards (by a person, by NTP, by a laptop that wakes up), a lease would be over before its
holder, who is as alive as before, can renew it. So each look at the time compares the two
clocks, and the store moves the ends of leases along with the wall clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sayiir.clock import Steady

if TYPE_CHECKING:
    from sayiir.clock import Clock

__all__ = ["Dial"]

NOTICED_US: Final = 1_000_000
"""Smaller differences aren't a clock that was set. They add up until they are."""


class Dial:
    """The time, and how far the wall clock is ahead of the time that has passed.

    A clock that isn't ``Steady`` has nothing to compare with: it is never taken for set.
    """

    __slots__ = ("_now_us", "_steady_us", "ahead_us")

    def __init__(self, clock: Clock) -> None:
        self._now_us = clock.now_us
        self._steady_us = clock.steady_us if isinstance(clock, Steady) else None
        self.ahead_us: int | None = None
        """As the ends of leases go by it, in microseconds; None: not known yet."""

    def read(self) -> tuple[int, int | None]:
        """The time; and how far it is ahead now, unless that is what is known."""
        now_us = self._now_us()
        if self._steady_us is None:
            return now_us, None
        ahead_us = now_us - self._steady_us()
        known_us = self.ahead_us
        if known_us is not None and -NOTICED_US < ahead_us - known_us < NOTICED_US:
            return now_us, None
        return now_us, ahead_us

    def settle(self, ahead_us: int, recorded_us: int | None) -> int:
        """Know ``ahead_us`` from now on; by how much the ends of leases have to move.

        A clock that was set back moves nothing: leases last longer then, and nobody's is lost.

        Args:
            ahead_us: what ``read`` gave.
            recorded_us: what the ends go by so far; None: nothing was leased before.
        """
        moved_us = 0 if recorded_us is None else ahead_us - recorded_us
        if recorded_us is not None and abs(moved_us) < NOTICED_US:
            self.ahead_us = recorded_us
            return 0
        self.ahead_us = ahead_us
        return max(0, moved_us)
