"""Claiming work and giving it slots, for one instance or for whatever is due."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from sayiir.dsl.context import CURRENT_ATTEMPT
from sayiir.engine.acts import Acts
from sayiir.engine.claims import claiming, work_of
from sayiir.engine.driver import Driver
from sayiir.engine.refs import ref_to_text
from sayiir.engine.slots import Slots
from sayiir.engine.telling import TellingActs, TellingCommitter
from sayiir.stores.records import ClaimAnswer, Control, InstanceState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sayiir.clock import Clock
    from sayiir.engine.claims import Releaser
    from sayiir.engine.executing import Executors
    from sayiir.engine.program import Program
    from sayiir.engine.refs import Ref
    from sayiir.engine.resources import ResourcePool
    from sayiir.engine.telling import Teller
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


class Dispatcher:
    """Claims work items as slots become free and drives them.

    Args:
        engine: what the process shares.
        programs: definition hash -> program: what can be run here.
        request: what to claim and for whom; its ``limit`` is the number of slots of a call that
            comes from inside a task, and counts not against the shared ones.
    """

    def __init__(
        self, engine: Engine, programs: Mapping[str, Program], request: ClaimRequest
    ) -> None:
        self.held = engine.held
        self._engine = engine
        self._programs = programs
        self._request = replace(request, definitions=frozenset(programs))
        acts = Acts(engine.committer, engine.threads, engine.executors, engine.resources)
        if engine.teller is None:
            self._driver = Driver(engine.committer, acts, engine.clock, self)
        else:
            committer = TellingCommitter(engine.committer, engine.teller)
            telling = TellingActs(acts, committer, engine.teller)
            self._driver = Driver(committer, telling, engine.clock, self)
        # Whoever runs an instance from inside a task has a slot already, and waits in it: to
        # count the instance's items beside it could leave none for them.
        nested = CURRENT_ATTEMPT.get(None) is not None
        self._slots = Slots(request.limit) if nested else engine.slots
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: set[Work] = set()
        """What stands in line for a slot."""
        self._leaving: set[Work] = set()
        """What was taken out of it, and is to be given back."""
        self._returning: asyncio.Task[None] | None = None
        self._watch: Watch | None = None
        """What a run waits on between claims: a slot that becomes free wakes it too."""
        self._output: tuple[int, Ref] | None = None
        self._failure: BaseException | None = None
        self.stopping = False
        """Nothing starts any more: the call has failed, or is on its way out."""

    # -- the desk

    def start(self, work: Work) -> None:
        """Drive an item in a slot of its own, as soon as there is one.

        A suspected poison item waits until it can run alone, and what comes after it goes back.
        """
        self.held.add(work)
        self._waiting.add(work)
        if not self.stopping:
            self._slots.line_up(self, work)

    def room(self) -> int:
        """How many further items could be started at once; below zero: so many wait for that."""
        return self._slots.room()

    def ended(self, work: Work, output: Ref) -> None:
        """Keep the output, so that it need not be read again."""
        self._output = work.run.number, output

    def fail(self, error: BaseException) -> None:
        """Start nothing more; ``run_instance`` or ``run_due`` raises the error."""
        self._failure = self._failure or error
        self.stopping = True

    def begin(self, work: Work) -> None:
        """Drive the item: it has a slot now."""
        self._waiting.discard(work)
        task = asyncio.get_running_loop().create_task(self._driver.drive(work))
        self._tasks.add(task)
        task.add_done_callback(partial(self._finished, work))

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
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)
        if task.cancelled() and work in self.held:
            # Before its first step: the driver knows nothing of it, and `_stop` gives it back.
            self._waiting.add(work)
        self.wake()
        self._slots.free(work)

    def output_of(self, record: InstanceRecord) -> Ref | None:
        """The output of a completed run that ended here last, with what is known of it."""
        if self._output is None or record.state is not InstanceState.COMPLETED:
            return None
        run, output = self._output
        return output if (run, ref_to_text(output)) == (record.run, record.output) else None

    # -- running

    async def run_instance(
        self, instance_id: str, root: Work | None = None, *, wait: bool = False
    ) -> InstanceRecord | None:
        """Work until nothing of the instance is due (``wait``: until it ends or is paused).

        ``root``: its root item, where the caller has claimed it.

        Returns the instance as it stands then, None if it is gone.

        Raises:
            BaseException: what a driver raised that is no failure of the instance: the store
                is lost, user code asked the process to exit.
        """
        run = await self._run_number(instance_id) if root is None else root.run.number
        if run is None:
            return None
        watch = self._watch = self._engine.store.watch(run)
        request = replace(self._request, instance_id=instance_id)
        try:
            if root is not None:
                self.start(root)
                await watch.changed(_LONGEST_NAP_SECONDS)
            while True:
                idle = not self._tasks and not self._waiting and self._failure is None
                if idle:
                    record = await self._engine.store.describe(instance_id)
                    if record is None or _at_rest(record, wait=wait):
                        return record
                next_due_in = await self._claim(request)
                if (
                    self._tasks or self._waiting or idle
                ):  # else the last ended meanwhile, and may have been all
                    await watch.changed(min(max(next_due_in, 0.001), _LONGEST_NAP_SECONDS))
        finally:
            watch.close()
            await self._stop()

    async def _run_number(self, instance_id: str) -> int | None:
        record = await self._engine.store.describe(instance_id)
        return None if record is None else record.run

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
        """Claim what there is room for; None: there is none, and the watch tells of some."""
        if self._failure is not None:
            raise self._failure
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


def _at_rest(record: InstanceRecord, *, wait: bool) -> bool:
    """Nothing more is to be done for the instance now."""
    if record.state is not InstanceState.RUNNING:
        return True
    if record.leased or (record.ready and record.control is not Control.PAUSE):
        return False
    return not wait or record.control is Control.PAUSE
