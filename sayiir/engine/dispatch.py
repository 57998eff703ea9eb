"""Running what is due of one instance, or of all, until nothing is: the embedded runner's way."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from sayiir.dsl.context import CURRENT_ATTEMPT
from sayiir.engine.desk import Engine, SlotDesk
from sayiir.engine.slots import Slots
from sayiir.stores.records import ClaimAnswer, Control, InstanceState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sayiir.engine.program import Program
    from sayiir.engine.refs import Ref
    from sayiir.engine.work import Work
    from sayiir.stores.records import ClaimRequest, InstanceRecord

__all__ = ["Dispatcher"]

_LONGEST_NAP_SECONDS = 1.0
"""Polling is the truth: wake-ups only make it quicker."""
_SHORTEST_NAP_SECONDS = 0.001
_NAP_BESIDE_TASKS_SECONDS = 0.005
"""A look takes a connection and the server's time, which what has just begun is spared."""
_TURNS_OF_AN_ANSWER = 3
"""A commit wakes the dispatcher so many turns of the loop before what it ended has left its slot:
to look at once would be to claim in vain."""


class Dispatcher(SlotDesk):
    """Runs what is due, and returns.

    Args:
        engine: what the process shares.
        programs: definition hash -> program: what can be run here.
        request: what to claim and for whom; its ``limit`` is the number of slots of a call that
            comes from inside a task, and counts not against the shared ones.
    """

    def __init__(
        self, engine: Engine, programs: Mapping[str, Program], request: ClaimRequest
    ) -> None:
        # Whoever runs an instance from inside a task has a slot already, and waits in it: to
        # count the instance's items beside it could leave none for them.
        nested = CURRENT_ATTEMPT.get(None) is not None
        super().__init__(engine, programs, request, Slots(request.limit) if nested else None)
        self.completed: tuple[int, Ref] | None = None
        """The run whose end was stored here, and its output."""
        self._failure: BaseException | None = None
        self._room_matters = True
        """A free slot is a reason to claim: the last claim took all that there was room for."""
        self._left_some = False
        """The same, and nobody has claimed since: there is no need to ask whether all has ended."""

    def ended(self, work: Work, output: Ref) -> None:
        """Keep the output, so that neither it nor the instance need be read again."""
        self.completed = work.run.number, output

    def fail(self, error: BaseException) -> bool:
        """Start nothing more; ``run_instance`` or ``run_due`` raises the error."""
        self._failure = self._failure or error
        self.stopping = True
        return True

    def wake(self) -> None:
        """Look for work again, unless all there was has a slot and something still runs."""
        idle = not self._tasks and not self._waiting
        if idle or self._room_matters or self._failure is not None:
            super().wake()

    # -- running

    async def run_instance(
        self,
        instance_id: str,
        root: Work | None = None,
        record: InstanceRecord | None = None,
        *,
        wait: bool = False,
    ) -> InstanceRecord | None:
        """Work until nothing of the instance is due (``wait``: until it ends or is paused).

        ``root``: its root item, where the caller has claimed it. ``record``: the instance, where
        the caller has just read it.

        Returns the instance as it stands then; None if it is gone, or has completed here, which
        ``completed`` tells.

        Raises:
            BaseException: what a driver raised that is no failure of the instance: the store
                is lost, user code asked the process to exit.
        """
        if root is not None:
            run = root.run.number
        else:
            record = record or await self._engine.store.describe(instance_id)
            if record is None:
                return None
            run = record.run
        watch = self._watch = self._engine.store.watch(run)
        request = replace(self._request, instance_id=instance_id)
        try:
            if root is not None:
                self._room_matters = False  # there is nothing but this item yet
                self.start(root)
                await watch.changed(_LONGEST_NAP_SECONDS)
            while True:
                idle = await self._is_idle()
                if idle and self.completed is not None:
                    return None
                if idle and self._left_some:
                    idle = self._left_some = False
                # What the caller has read may have changed before the watch began: so it is good
                # for a first claim, and not for a wait.
                read_here = record is None
                if idle:
                    record = record or await self._engine.store.describe(instance_id)
                    if record is None or _at_rest(record, wait=wait):
                        return record
                record = None
                # Its end is stored, and the task that stored it about to finish: nothing is due.
                ending = self.completed is not None and bool(self._tasks)
                next_due_in = _LONGEST_NAP_SECONDS if ending else await self._claim(request)
                if (
                    self._tasks or self._waiting or (idle and read_here)
                ):  # else the last ended meanwhile, and may have been all
                    shortest = _NAP_BESIDE_TASKS_SECONDS if self._tasks else _SHORTEST_NAP_SECONDS
                    await watch.changed(min(max(next_due_in, shortest), _LONGEST_NAP_SECONDS))
        finally:
            watch.close()
            await self._stop()

    async def _is_idle(self) -> bool:
        """Whether nothing runs or is about to, once the answers that are there have been taken."""
        for _ in range(_TURNS_OF_AN_ANSWER):
            if not self._tasks:
                break
            await asyncio.sleep(0)
        return not self._tasks and not self._waiting and self._failure is None

    async def run_due(self, limit: int | None = None) -> int:
        """Work on whatever is due, until nothing is; how many items were claimed.

        Args:
            limit: claim at most so many.
        """
        claimed = 0
        watch = self._watch = self._engine.store.watch()
        try:
            while True:
                idle = not self._tasks and not self._waiting
                left = self._request.limit if limit is None else limit - claimed
                answer = await self._claimed(self._request, left) if left else ClaimAnswer()
                claimed += 0 if answer is None else len(answer.items)
                if self._tasks or self._waiting or answer is None:
                    await watch.changed(_LONGEST_NAP_SECONDS)
                elif idle and not answer.items:
                    return claimed
        finally:
            watch.close()
            await self._stop()

    async def _claim(self, request: ClaimRequest) -> float:
        """Fill free slots; seconds until more falls due."""
        answer = await self._claimed(request, request.limit)
        if answer is None or answer.next_due_in_us is None:
            return _LONGEST_NAP_SECONDS
        return max(answer.next_due_in_us / 1e6, 0.0)

    async def _claimed(self, request: ClaimRequest, limit: int) -> ClaimAnswer | None:
        if self._failure is not None:
            raise self._failure
        self._room_matters = True
        asked = min(limit, self._slots.room())
        answer = await super()._claimed(request, limit)
        if answer is not None and request.instance_id is not None:
            self._room_matters = self._left_some = len(answer.items) >= asked
        return answer


def _at_rest(record: InstanceRecord, *, wait: bool) -> bool:
    """Nothing more is to be done for the instance now."""
    if record.state is not InstanceState.RUNNING:
        return True
    if record.leased or (record.ready and record.control is not Control.PAUSE):
        return False
    return not wait or record.control is Control.PAUSE
