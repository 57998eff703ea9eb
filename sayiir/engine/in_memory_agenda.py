"""The items of a run in memory: which run, which are ready, and which wait for a time."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from itertools import count
from typing import TYPE_CHECKING

from sayiir.stores.records import Control

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sayiir.engine.work import Work

__all__ = ["Agenda"]


class Agenda:
    """What is to be done yet, for whoever turns it over to tasks.

    Attributes:
        held: the items that are driven at the moment.
        tasks: the tasks that drive, and which item each began with.
        ready: the items to start next.
        failure: what ends the run, once something does.
        progress: set whenever there may be something to do.
    """

    __slots__ = ("_timer_ids", "_timers", "failure", "held", "progress", "ready", "tasks")

    def __init__(self) -> None:
        self.held: set[Work] = set()
        self.tasks: dict[asyncio.Task[None], Work] = {}
        self.ready: deque[Work] = deque()
        self.failure: BaseException | None = None
        self.progress = asyncio.Event()
        self._timers: list[tuple[int, int, Work]] = []
        self._timer_ids = count()

    def queue(self, items: Iterable[Work]) -> None:
        """Have them started when there is room."""
        self.ready.extend(items)
        self.progress.set()

    def park(self, due_us: int, work: Work) -> None:
        """Have it started at a time."""
        heapq.heappush(self._timers, (due_us, next(self._timer_ids), work))
        self.progress.set()

    def fail(self, error: BaseException) -> None:
        """End the run with it. Only the first counts: what follows, follows from that."""
        if self.failure is None:
            self.failure = error
        self.progress.set()

    def ready_what_is_due(self, now_us: int) -> int | None:
        """Ready the items whose time has come; the time of the next one."""
        while self._timers and self._timers[0][0] <= now_us:
            self.ready.append(heapq.heappop(self._timers)[2])
        return self._timers[0][0] if self._timers else None

    @property
    def first(self) -> Work | None:
        """The item whose time comes next, if any waits for one."""
        return self._timers[0][2] if self._timers else None

    def drop_below(self, prefix: str, failing: Work) -> None:
        """Forget and stop whatever was spawned below a path, but the item that says so."""
        # A task goes on with another item when one ends, so it is `held` that tells what runs.
        for other in {*self.held, *self.tasks.values()}:
            if other is not failing and _is_below(prefix, other):
                other.interrupt(Control.STOP, lost=True)
        self.ready = deque(item for item in self.ready if not _is_below(prefix, item))
        self._timers = [timer for timer in self._timers if not _is_below(prefix, timer[2])]
        heapq.heapify(self._timers)

    async def stop_all(self) -> None:
        """End what runs, and wait for that."""
        for work in self.held:
            work.interrupt(Control.STOP)
        for task in list(self.tasks):
            task.cancel()
        if self.tasks:
            await asyncio.wait(list(self.tasks))


def _is_below(prefix: str, work: Work) -> bool:
    return work.fence.item.spawn_path.startswith(prefix)
