"""The ends of leases move along where the wall clock is set forwards.

What they go by is a row of the file, so one transaction moves them, once for all processes; who
opens the file afterwards finds it done, or does it. The time since the machine started is the
same for all of its processes. After a restart it begins anew, which looks as if the clock had been
set: all holders are dead then, and their leases over by their free locks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sayiir.stores.dial import Dial

if TYPE_CHECKING:
    import sqlite3

    from sayiir.clock import Clock

__all__ = ["WallClock"]

# A lease's end is what an item of a running, unpaused instance is due at; else that is null.
_MOVE: Final = """
update work_item indexed by work_item_leased
set lease_until = lease_until + ?1, due = due + ?1 where process is not null
"""


class WallClock:
    """The time of this store's writing transactions. One thread at a time."""

    __slots__ = ("_dial",)

    def __init__(self, clock: Clock) -> None:
        self._dial = Dial(clock)

    def now_us(self, connection: sqlite3.Connection) -> int:
        """The time. Inside a transaction: where the clock was set, leases move with it first."""
        now_us, ahead_us = self._dial.read()
        if ahead_us is not None:
            self._follow(connection, ahead_us)
        return now_us

    def forget(self) -> None:
        """Something was rolled back, and may have been what was done here."""
        self._dial.ahead_us = None

    def _follow(self, connection: sqlite3.Connection, ahead_us: int) -> None:
        row = connection.execute("select cast(ahead as integer) from wall_clock").fetchone()
        recorded_us: int | None = None if row is None else row[0]
        moved_us = self._dial.settle(ahead_us, recorded_us)
        if moved_us:
            connection.execute(_MOVE, (moved_us,))
        if self._dial.ahead_us != recorded_us:
            connection.execute(
                "insert or replace into wall_clock (id, ahead) values (1, ?)", (ahead_us,)
            )
