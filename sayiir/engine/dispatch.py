"""Claiming work and giving it slots, for one instance or for whatever is due."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sayiir.engine.acts import Acts
from sayiir.engine.claims import claiming, work_of
from sayiir.engine.driver import Driver
from sayiir.engine.executing import Executors
from sayiir.limits import INTERRUPTIONS_BEFORE_ISOLATION
from sayiir.stores.records import ClaimAnswer, Control, InstanceState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sayiir.clock import Clock
    from sayiir.engine.program import Program
    from sayiir.engine.threads import TaskThreads
    from sayiir.engine.work import Committer, Work
    from sayiir.stores.protocols import Store, Watch
    from sayiir.stores.records import Claimed, ClaimRequest, InstanceRecord

__all__ = ["Dispatcher", "Engine"]

_LONGEST_NAP_SECONDS = 1.0
"""Polling is the truth: wake-ups only make it quicker."""


@dataclass(frozen=True, slots=True)
class Engine:
    """What all dispatchers of a process share.

    ``held`` lists the work whose leases the process keeps alive.
    """

    store: Store
    committer: Committer
    threads: TaskThreads
    clock: Clock
    held: set[Work]
    executors: Executors = field(default_factory=Executors)


class Dispatcher:
    """Claims work items as slots become free and drives them.

    Args:
        engine: what the process shares.
        programs: definition hash -> program: what can be run here.
        request: what to claim and for whom; its ``limit`` is the number of slots.
    """

    def __init__(
        self, engine: Engine, programs: Mapping[str, Program], request: ClaimRequest
    ) -> None:
        self.held = engine.held
        self._engine = engine
        self._programs = programs
        self._request = replace(request, definitions=frozenset(programs))
        acts = Acts(engine.committer, engine.threads, engine.executors)
        self._driver = Driver(engine.committer, acts, engine.clock, self)
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: deque[Work] = deque()
        self._asked = 0
        """Slots kept free for a claim that is on its way."""
        self._lonely: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None

    # -- the desk

    def start(self, work: Work) -> None:
        """Drive an item in a slot of its own, as soon as there is one.

        A suspected poison item waits until it can run alone.
        """
        self.held.add(work)
        self._waiting.append(work)
        self._start_waiting()

    def room(self) -> int:
        """How many further items could be started at once."""
        if self._lonely is not None:
            return 0
        taken = len(self._tasks) + len(self._waiting) + self._asked
        return max(self._request.limit - taken, 0)

    def fail(self, error: BaseException) -> None:
        """Start nothing more; ``run_instance`` or ``run_due`` raises the error."""
        self._failure = self._failure or error

    def _spawn(self, work: Work, *, alone: bool = False) -> asyncio.Task[None]:
        driving = self._drive_alone(work) if alone else self._driver.drive(work)
        task = asyncio.get_running_loop().create_task(driving)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _start_waiting(self) -> None:
        """A suspect runs when nothing else does; whatever waits behind it follows."""
        while self._waiting and self._lonely is None and len(self._tasks) < self._request.limit:
            suspect = self._waiting[0].interruptions >= INTERRUPTIONS_BEFORE_ISOLATION
            if suspect and self._tasks:
                return
            task = self._spawn(self._waiting.popleft(), alone=suspect)
            if suspect:
                self._lonely = task

    async def _drive_alone(self, work: Work) -> None:
        """Drive a suspect; what waits behind it goes back first.

        It would be interrupted with the suspect, over and over, and given up in its place.
        """
        try:
            await self._give_back_waiting()
        except BaseException:
            self._waiting.append(work)  # `_stop` gives it back
            raise
        await self._driver.drive(work)

    async def _give_back_waiting(self) -> None:
        while self._waiting:
            work = self._waiting.pop()
            self.held.discard(work)
            await self._engine.committer.release(work)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task is self._lonely:
            self._lonely = None
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = self._failure or error
        self._start_waiting()

    # -- running

    async def run_instance(
        self, instance_id: str, claimed: Claimed | None = None, *, wait: bool = False
    ) -> InstanceRecord | None:
        """Work until nothing of the instance is due (``wait``: until it ends or is paused).

        Returns the instance as it stands then, None if it is gone.

        Raises:
            BaseException: what a driver raised that is no failure of the instance: the store
                is lost, user code asked the process to exit.
        """
        run = await self._run_number(instance_id, claimed)
        if run is None:
            return None
        watch = self._engine.store.watch(run)
        request = replace(self._request, instance_id=instance_id)
        try:
            if claimed is not None:
                self._start_claimed(claimed)
                await self._wait_for_progress(watch, _LONGEST_NAP_SECONDS)
            while True:
                idle = not self._tasks and self._failure is None
                if idle:
                    record = await self._engine.store.describe(instance_id)
                    if record is None or _at_rest(record, wait=wait):
                        return record
                next_due_in = await self._claim(request)
                if self._tasks:
                    await self._wait_for_progress(watch, next_due_in)
                elif idle:  # else the last task ended during the claim, and may have been all
                    await watch.changed(min(next_due_in, _LONGEST_NAP_SECONDS))
        finally:
            watch.close()
            await self._stop()

    async def _run_number(self, instance_id: str, claimed: Claimed | None) -> int | None:
        if claimed is not None:
            return claimed.fence.run
        record = await self._engine.store.describe(instance_id)
        return None if record is None else record.run

    async def run_due(self, limit: int | None = None) -> int:
        """Work on whatever is due, until nothing is; how many items were claimed.

        Args:
            limit: claim at most so many.
        """
        claimed = 0
        watch = self._engine.store.watch()
        try:
            while True:
                idle = not self._tasks
                left = self.room() if limit is None else min(self.room(), limit - claimed)
                answer = await self._claimed(self._request, left)
                claimed += len(answer.items)
                if self._tasks:
                    await self._wait_for_progress(watch, _LONGEST_NAP_SECONDS)
                elif idle and not answer.items:
                    return claimed
        finally:
            watch.close()
            await self._stop()

    async def _claim(self, request: ClaimRequest) -> float:
        """Fill free slots; seconds until more falls due."""
        answer = await self._claimed(request, self.room())
        if answer.next_due_in_us is None:
            return _LONGEST_NAP_SECONDS
        return max(answer.next_due_in_us / 1e6, 0.0)

    async def _claimed(self, request: ClaimRequest, limit: int) -> ClaimAnswer:
        if self._failure is not None:
            raise self._failure
        if limit <= 0:
            return ClaimAnswer()
        store = self._engine.store
        claim = store.claim(replace(request, limit=limit))
        self._asked += limit
        try:
            answer = await claiming(store, claim, lambda answer: answer.items)
        finally:
            self._asked -= limit
        for claimed in answer.items:
            self._start_claimed(claimed)
        return answer

    def _start_claimed(self, claimed: Claimed) -> None:
        self.start(work_of(self._programs[claimed.definition_hash], claimed))

    async def _wait_for_progress(self, watch: Watch, next_due_in: float) -> None:
        """Until a slot becomes free, something changed, or something falls due."""
        seconds = min(next_due_in, _LONGEST_NAP_SECONDS)
        change = asyncio.ensure_future(watch.changed(max(seconds, 0.001)))
        try:
            await asyncio.wait({change, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            change.cancel()
            # One task waits on a watch at a time: the next wait must not meet this one.
            await asyncio.gather(change, return_exceptions=True)

    async def _stop(self) -> None:
        """Give back what is held; the reason for stopping is told by the caller."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._give_back_waiting()


def _at_rest(record: InstanceRecord, *, wait: bool) -> bool:
    """Nothing more is to be done for the instance now."""
    if record.state is not InstanceState.RUNNING:
        return True
    if record.leased or (record.ready and record.control is not Control.PAUSE):
        return False
    return not wait or record.control is Control.PAUSE
