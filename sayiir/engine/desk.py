"""Work items in slots: claimed, driven, given back. What embedded runs and workers share."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from sayiir.engine.acts import Acts
from sayiir.engine.claims import claiming, work_of
from sayiir.engine.driver import Driver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sayiir.clock import Clock
    from sayiir.engine.claims import Releaser
    from sayiir.engine.executing import Executors
    from sayiir.engine.position import Position
    from sayiir.engine.program import Program
    from sayiir.engine.refs import Ref
    from sayiir.engine.resources import ResourcePool
    from sayiir.engine.slots import Slots
    from sayiir.engine.telling import Teller
    from sayiir.engine.threads import TaskThreads
    from sayiir.engine.work import Committer, Work
    from sayiir.stores.protocols import Store, Watch
    from sayiir.stores.records import ClaimAnswer, Claimed, ClaimRequest

__all__ = ["Engine", "SlotDesk"]


@dataclass(frozen=True, slots=True)
class Engine:
    """What all desks of a process share.

    ``held`` lists the work whose leases the process keeps alive; ``slots`` bounds how much of
    it runs at once.
    """

    store: Store
    releaser: Releaser
    committer: Committer
    threads: TaskThreads
    clock: Clock
    held: set[Work]
    slots: Slots
    executors: Executors
    resources: ResourcePool
    teller: Teller | None = None


class SlotDesk:
    """Claims work items as slots become free and drives them; when to, its subclasses say.

    Args:
        engine: what the process shares.
        programs: definition hash -> program: what can be run here.
        request: what to claim and for whom.
        slots: where the items run; the engine's own by default.
        exits_fail: whether a task that asks the process to exit has failed, as by any exception.
    """

    def __init__(
        self,
        engine: Engine,
        programs: Mapping[str, Program],
        request: ClaimRequest,
        slots: Slots | None = None,
        *,
        exits_fail: bool = False,
    ) -> None:
        self.held = engine.held
        self._engine = engine
        self._programs = programs
        self._request = replace(request, definitions=frozenset(programs))
        acts = Acts(
            engine.committer,
            engine.threads,
            engine.executors,
            engine.resources,
            exits_fail=exits_fail,
        )
        if engine.teller is None:
            self._driver = Driver(engine.committer, acts, engine.clock, self)
        else:
            committer = engine.teller.committer(engine.committer)
            telling = engine.teller.acts(acts, committer)
            self._driver = Driver(committer, telling, engine.clock, self)
        self._slots = slots or engine.slots
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: set[Work] = set()
        """What stands in line for a slot."""
        self._leaving: set[Work] = set()
        """What was taken out of it, and is to be given back."""
        self._returning: asyncio.Task[None] | None = None
        self._watch: Watch | None = None
        """What is waited on between claims: a slot that becomes free wakes it too."""
        self.stopping = False
        """Nothing starts any more: the call has failed, or is on its way out."""

    # -- the driver's desk

    def start(self, work: Work) -> None:
        """Drive an item in a slot of its own, as soon as there is one.

        A suspected poison item waits until it can run alone, and what comes after it goes back.
        """
        self.held.add(work)
        self._waiting.add(work)
        if not self.stopping:
            self._slots.line_up(self, work)

    def wants(self, work: Work) -> bool:
        """Whether a claimed item is to run here."""
        return not self.stopping

    def runs(self, program: Program, position: Position) -> bool:
        """Whether what follows at a position can run here: anything can."""
        return True

    def room(self) -> int:
        """How many further items could be started at once; below zero: so many wait for that."""
        return self._slots.room()

    def ending(self, work: Work) -> None:
        """A run is about to end: another item may have its slot."""
        self._slots.ending(work)

    def ended(self, work: Work, output: Ref) -> None:
        """A run has ended."""

    def fail(self, error: BaseException) -> bool:
        """Driving has met an error that is no failure of the instance.

        Whether the item is to be given back: each kind of desk has its own answer.
        """
        raise NotImplementedError

    # -- the slots' sharer

    def begin(self, work: Work) -> None:
        """Drive the item: it has a slot now."""
        self._waiting.discard(work)
        work.task = asyncio.get_running_loop().create_task(self._driver.drive(work))
        self._tasks.add(work.task)
        work.task.add_done_callback(partial(self._finished, work))

    def wake(self) -> None:
        """Look for work again."""
        if self._watch is not None:
            self._watch.wake()

    def step_back(self, work: Work) -> None:
        """Give the item back: it will be claimed again when there is room.

        Beside a suspect it would be interrupted with it, over and over, and given up in its place.
        """
        self._waiting.discard(work)
        self._leaving.add(work)
        if self._returning is None or self._returning.done():
            self._returning = asyncio.get_running_loop().create_task(self._return())
            self._tasks.add(self._returning)
            self._returning.add_done_callback(self._returned)

    async def _return(self) -> None:
        while self._leaving:
            await self._give_back(self._leaving)

    def _returned(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)
        self.wake()

    def _finished(self, work: Work, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            # What the driver has raised was told to `fail` already, before it gave the item back.
            task.exception()
        elif work in self.held:
            # Before its first step: the driver knows nothing of it, and `_stop` gives it back.
            self._waiting.add(work)
        self.wake()
        self._slots.free(work)

    # -- claiming and giving back

    async def _claimed(self, request: ClaimRequest, limit: int) -> ClaimAnswer | None:
        """Claim what there is room for; None: there is none, and the watch tells of some."""
        kept = self._slots.ask(self, limit)
        if kept == 0:
            return None
        try:
            releaser = self._engine.releaser
            await releaser.catch_up()
            claim = self._engine.store.claim(replace(request, limit=kept))
            answer = await claiming(releaser, claim, lambda answer: answer.items)
            for claimed in answer.items:
                self._start_claimed(claimed)
        finally:
            self._slots.came(kept)
        return answer

    def _start_claimed(self, claimed: Claimed) -> None:
        self.start(work_of(self._programs[claimed.definition_hash], claimed))

    async def _stop(self) -> None:
        """Give back what is held; the reason for stopping is told by the caller."""
        self.stopping = True
        self._watch = None
        self._slots.leave(self, lined_up=bool(self._waiting))
        await self._give_back(self._waiting)
        for task in self._tasks:
            task.cancel()
        try:
            if self._tasks:
                await asyncio.wait(self._tasks)
        finally:
            # What was brought by steps that were on their way, or hasn't begun.
            await self._give_back(self._waiting | self._leaving)

    async def _give_back(self, works: set[Work]) -> None:
        """Give back what has no slot, all at once."""
        if not works:
            return
        given = tuple(works)
        self._waiting.difference_update(given)
        self._leaving.difference_update(given)
        self.held.difference_update(given)
        fences = [work.fence for work in given if not work.lost]
        try:
            with suppress(asyncio.CancelledError):
                await asyncio.shield(self._engine.releaser.release(fences))
        finally:
            self._slots.gone(given)
