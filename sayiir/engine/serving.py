"""A worker's claim loop: it goes on until it is told to stop, whatever happens to an item."""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from sayiir.engine.checkpoints import next_tags, tags_after
from sayiir.engine.desk import SlotDesk
from sayiir.engine.transitions import Entered
from sayiir.engine.work import NO_CONTROL, Damaged
from sayiir.errors import StoreUnavailable
from sayiir.outages import OutageLog
from sayiir.stores.records import Control

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sayiir.engine.desk import Engine
    from sayiir.engine.position import Position
    from sayiir.engine.program import Program
    from sayiir.engine.work import Work
    from sayiir.stores.records import ClaimAnswer, ClaimRequest

__all__ = ["Server"]

logger = logging.getLogger("sayiir.worker")

POLL_SPREAD: Final = 0.2
"""Polls of a fleet that was started together drift apart by so much of their interval."""
WAKINGS_IN_VAIN: Final = 2
"""So often may a worker be woken for nothing: what it has ended itself wakes it, too."""
FIRST_JITTER_SECONDS: Final = 0.001
LONGEST_JITTER_SECONDS: Final = 0.05
"""Whoever was woken for nothing more often in a row waits up to so long before it claims."""
FIRST_BACKOFF_SECONDS: Final = 0.1
LONGEST_BACKOFF_SECONDS: Final = 5.0
"""How long a store that can't be reached is left alone."""
PATIENCE_SECONDS: Final = 0.1
"""So long may an item stand in line for a slot here, while another worker may have one free."""
LAST_STEPS_SECONDS: Final = 0.7
"""So long may what was cancelled after the grace take to let go."""
_SHORTEST_NAP_SECONDS: Final = 0.001


class Server(SlotDesk):
    """Claims whatever is due and drives it, until it is told to drain.

    Args:
        engine: what the process shares.
        programs: definition hash -> program: what can be run here.
        request: what to claim and for whom. Its ``tags`` are the worker's; its ``limit`` bounds
            one claim.
        poll_seconds: how long it relies on wake-ups alone.
    """

    def __init__(
        self,
        engine: Engine,
        programs: Mapping[str, Program],
        request: ClaimRequest,
        poll_seconds: float,
    ) -> None:
        super().__init__(engine, programs, request, exits_fail=True)
        self._tags = request.tags
        self._poll_seconds = poll_seconds
        self._more = False
        """The last claim brought all it asked for, or asked for nothing: a free slot matters."""
        self._asked = 0
        self._in_vain = 0
        """Claims in a row that brought nothing."""
        self._failed = 0
        """Claims in a row that met a store which can't be reached."""
        self._patience: asyncio.TimerHandle | None = None
        self._told_to_stop = asyncio.Event()
        self._claims = OutageLog(logger, "claiming work")
        self._steps = OutageLog(logger, "storing the step of an item")
        self._errors = OutageLog(logger, "driving an item, whose lease is left to end,")

    # -- the desk

    def start(self, work: Work) -> None:
        """As every desk does; what isn't wanted here goes back at once."""
        if self.wants(work):
            super().start(work)
            if self._waiting and self._patience is None:
                self._be_patient()
        else:
            self.held.add(work)
            self.step_back(work)

    def _be_patient(self) -> None:
        """What a spawn has left in line for some time goes to whoever has a slot for it."""
        loop = asyncio.get_running_loop()
        waiting = frozenset(self._waiting)
        self._patience = loop.call_later(PATIENCE_SECONDS, self._lose_patience, waiting)

    def _lose_patience(self, waited: frozenset[Work]) -> None:
        self._patience = None
        if self.stopping:
            return
        self._slots.send_back(waited & self._waiting)
        if self._waiting:
            self._be_patient()

    def wants(self, work: Work) -> bool:
        """Whether a claimed item is to run here: what follows asks for nothing that isn't."""
        if self.stopping:
            return False
        if self._tags is None or not work.program.tagged or isinstance(work.outcome, Damaged):
            return True
        asked = next_tags if isinstance(work.outcome, Entered) else tags_after
        return self._tags.issuperset(asked(work.program, work.position))

    def runs(self, program: Program, position: Position) -> bool:
        """Whether the next task asks for nothing that this worker doesn't have."""
        if self._tags is None or not program.tagged:
            return True
        return self._tags.issuperset(next_tags(program, position))

    def room(self) -> int:
        """How many further items could be started at once; none where it drains."""
        return -1 if self.stopping else super().room()

    def wake(self) -> None:
        """Look for work again, if there may be some that found no room."""
        if self._more:
            super().wake()

    def fail(self, error: BaseException) -> bool:
        """Go on: one item has failed, or the store is away for a while.

        What the engine can't make sense of isn't given back: it would come again at once. Its
        lease ends by itself, which is counted, and waited for longer each time.
        """
        if isinstance(error, StoreUnavailable):
            self._steps.note(error)
            return True
        self._errors.note(error)
        return False

    # -- serving

    async def serve(self) -> None:
        """Claim and drive until it is told to stop; outages are survived."""
        while not self.stopping:
            try:
                await self._watch_and_claim()
            except Exception as error:  # whatever a store raises: the worker outlives it
                self._claims.note(error)
                self._failed += 1
                await self._nap(_backoff_seconds(self._failed))

    async def _watch_and_claim(self) -> None:
        watch = self._watch = self._engine.store.watch()
        try:
            while not self.stopping:
                answer = await self._claimed(self._request, self._request.limit)
                self._failed = 0
                asked_all = answer is None or len(answer.items) >= self._asked
                self._more = asked_all
                if answer is not None and asked_all:
                    continue
                nap_seconds = self._nap_seconds(answer)
                woken = await watch.changed(nap_seconds)
                if not woken and nap_seconds >= self._poll_seconds * (1 - POLL_SPREAD):
                    self._in_vain = 0  # it was quiet: nobody else is woken all the time
                if self._in_vain > WAKINGS_IN_VAIN:
                    await self._nap(_jitter_seconds(self._in_vain - WAKINGS_IN_VAIN))
        finally:
            self._watch = None
            watch.close()

    async def _claimed(self, request: ClaimRequest, limit: int) -> ClaimAnswer | None:
        self._asked = max(min(limit, self._slots.room()), 0)
        answer = await super()._claimed(request, limit)
        if answer is not None:
            self._in_vain = 0 if answer.items else self._in_vain + 1
        return answer

    def _nap_seconds(self, answer: ClaimAnswer | None) -> float:
        """Until the next poll, or until something is known to fall due."""
        seconds = self._poll_seconds * random.uniform(1 - POLL_SPREAD, 1)  # noqa: S311
        if answer is None or answer.next_due_in_us is None:
            return seconds
        return max(min(answer.next_due_in_us / 1e6, seconds), _SHORTEST_NAP_SECONDS)

    async def _nap(self, seconds: float) -> None:
        """Wait, in real time: what it spaces out are calls. Being told to stop ends it."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._told_to_stop.wait(), seconds)

    # -- leaving

    def stop(self) -> None:
        """Claim nothing more, and let nothing new start: what runs goes on to its next boundary.

        There the same write stores the result and gives the item back.
        """
        if self.stopping:
            return
        self.stopping = True
        self._told_to_stop.set()
        if self._patience is not None:
            self._patience.cancel()
        if self._watch is not None:
            self._watch.wake()
        self._slots.leave(self, lined_up=bool(self._waiting))
        for work in tuple(self._waiting):
            self.step_back(work)
        for work in tuple(self.held):
            if work.control is NO_CONTROL:
                work.interrupt(Control.PAUSE)

    async def drained(self) -> None:
        """Wait until nothing runs here any more."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def leave(self) -> None:
        """Cancel what still runs and give everything back; within a second, come what may."""
        self.stop()
        for task in self._tasks:
            if task is not self._returning:
                task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=LAST_STEPS_SECONDS)
        # What clings to its slot is left behind: nothing that it still writes is accepted.
        await self._give_back(self.held | self._waiting | self._leaving)


def _jitter_seconds(in_vain: int) -> float:
    """How long to wait after a wake-up, so that a fleet doesn't claim at the same moment."""
    bound = min(FIRST_JITTER_SECONDS * 2.0 ** min(in_vain - 1, 16), LONGEST_JITTER_SECONDS)
    return random.uniform(0, bound)  # noqa: S311


def _backoff_seconds(failed: int) -> float:
    bound = min(FIRST_BACKOFF_SECONDS * 2.0 ** min(failed - 1, 16), LONGEST_BACKOFF_SECONDS)
    return bound * random.uniform(0.5, 1)  # noqa: S311
