"""How all instances stand, counted by hand in the store's tables: one statement, one moment."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Sample", "Watch"]

# Ended instances by their state (1 completed, 2 failed, 3 cancelled). The others are in progress if
# one of their open items is ready (phase 0), has its event (a rank), or has had its time; else they
# wait for a time (phases 1 and 2) or for a signal (3).
COUNTS: Final = """
with open as (
    select run, bool_or(phase in (1, 2)) as timed, bool_or(phase = 0 or rank is not null
        or due <= extract(epoch from clock_timestamp()) * 1000000) as ready
    from {0}.work_item where phase <> 6 group by run
), standing as (
    select count(*) filter (where ready) as in_progress,
        count(*) filter (where not ready and timed) as waiting,
        count(*) filter (where not ready and not timed) as awaiting
    from open
), ended as (
    select count(*) filter (where state = 1) as completed, count(*) filter (where state > 1) as bad
    from {0}.instance where state <> 0
)
select in_progress, waiting, awaiting, completed, bad,
    (select count(*) from {0}.task_result) as steps,
    extract(epoch from clock_timestamp())::float8 as at
from standing, ended
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """How the instances stood at one moment, all of it as the store has it.

    Attributes:
        at: that moment, in seconds since the first sample, by the server's clock.
        in_progress: are being worked on, or could be.
        waiting: in a delay, or before another attempt.
        awaiting: wait for a signal.
        completed: have ended well.
        bad: failed or cancelled.
        steps: committed steps of all of them.
    """

    at: float
    in_progress: int
    waiting: int
    awaiting: int
    completed: int
    bad: int
    steps: int


class Watch:
    """Counts, and keeps what it has counted.

    Args:
        pool: connections to the server.
        schema: the store's.
    """

    def __init__(self, pool: Any, schema: str) -> None:
        self._pool = pool
        self._schema = schema
        self._began = 0.0
        self._looked = asyncio.Event()
        self.samples: list[Sample] = []

    async def look(self) -> Sample:
        """Count now."""
        looked, self._looked = self._looked, asyncio.Event()
        row = await self._pool.fetchrow(COUNTS.format(self._schema))
        if not self.samples:
            self._began = row["at"]
        sample = Sample(**{**row, "at": row["at"] - self._began})
        self.samples.append(sample)
        looked.set()
        return sample

    async def next_sample(self) -> Sample:
        """Wait until somebody has looked, who begins to look from now on."""
        await self._looked.wait()
        return self.samples[-1]

    def first_done(self) -> Sample:
        """The last sample before anything was committed."""
        return next(each for each in reversed(self.samples) if not each.steps)

    async def held_by(self, worker: str) -> int:
        """How many items stand under this worker's name, whether its lease has ended or not."""
        held: int = await self._pool.fetchval(
            f"select count(*) from {self._schema}.work_item where holder = $1", worker
        )
        return held
