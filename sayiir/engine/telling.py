"""Telling a listener what happens: wrapped around the committer and the acts, where there is one.

Without a listener nothing is wrapped, so a step costs what it costs without this module.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import sys
import time
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sayiir.engine.transitions import (
    AwaitEvent,
    EndStrand,
    FailStrand,
    ParkUntil,
)
from sayiir.engine.work import RetryLater, Step
from sayiir.errors import LeaseLost
from sayiir.events import (
    InstanceFinished,
    InstanceParked,
    InstanceResumed,
    InstanceStarted,
    RunnerEvent,
    TaskFailed,
    TaskFinished,
    TaskRetried,
    TaskStarted,
)
from sayiir.limits import MAX_UNTOLD_EVENTS
from sayiir.logs import log_facts
from sayiir.stores.records import Control, InstanceState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from sayiir.clock import Clock
    from sayiir.engine.acts import Acts
    from sayiir.engine.call_plan import Acted
    from sayiir.engine.payloads import Payload
    from sayiir.engine.position import Position
    from sayiir.engine.refs import EventRef, Ref
    from sayiir.engine.transitions import Returned
    from sayiir.engine.work import Committer, Reply, Work
    from sayiir.errors import FailureInfo
    from sayiir.events import Listener
    from sayiir.stores.records import Answer, InstanceRecord, Latest

__all__ = ["Teller", "TellingActs", "TellingCommitter"]

logger = logging.getLogger("sayiir.engine")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FAILED: Final = "a listener failed; the run goes on, and this is logged once"
CLOSE_SECONDS: Final = 5.0
"""How long an asynchronous listener may take for what it has not been told yet, on close."""


class _Calls:
    """The calls of a runner that work on one instance at the moment.

    Attributes:
        count: how many they are.
        told: the runs whose end one of them has told of.
    """

    __slots__ = ("count", "told")

    def __init__(self) -> None:
        self.count = 0
        self.told: set[int] = set()


class Teller:
    """Hands events to one listener, in order. Nothing that it does hurts a run.

    A plain function is called at once, on the event loop, and holds everything up while it
    runs. What a coroutine function returns is awaited by a task of its own, one after the other.

    Args:
        listener: whom to tell.
        clock: what the events' times are taken from.
    """

    def __init__(self, listener: Listener, clock: Clock) -> None:
        self._listener = listener
        self._clock = clock
        self._waiting: deque[Awaitable[Any]] = deque()
        self._pump: asyncio.Task[None] | None = None
        self._logged: set[str] = set()
        self._calls: dict[str, _Calls] = {}

    def now(self) -> datetime:
        """The time to put on an event."""
        return _EPOCH + timedelta(microseconds=self._clock.now_us())

    def tell(self, kind: type[RunnerEvent], work: Work, **facts: Any) -> None:
        """Tell that this happened to a work item's instance."""
        self.tell_of(kind, work.run.instance_id, work.program.definition.name, **facts)

    def tell_of(
        self, kind: type[RunnerEvent], instance_id: str, workflow_name: str, **facts: Any
    ) -> None:
        """Tell that this happened to an instance."""
        event = kind(instance_id=instance_id, workflow_name=workflow_name, at=self.now(), **facts)
        if len(self._waiting) >= MAX_UNTOLD_EVENTS:
            words = f"{MAX_UNTOLD_EVENTS} events wait for a listener; further are dropped"
            self._log_once(words, instance_id)
            return
        try:
            outcome = self._listener(event)
        except Exception:
            self._log_once(_FAILED, instance_id)
            return
        if inspect.isawaitable(outcome):
            self._waiting.append(outcome)
            if self._pump is None:
                self._pump = asyncio.get_running_loop().create_task(self._await_all())

    def committer(self, committer: Committer) -> TellingCommitter:
        """The committer, with what it stores told."""
        return TellingCommitter(committer, self)

    def acts(self, acts: Acts, committer: TellingCommitter) -> TellingActs:
        """The acts, with what begins and waits told; ``committer``: what is told of is stored."""
        return TellingActs(acts, committer, self)

    def started(self, work: Work) -> None:
        """Tell that an instance begins, in memory."""
        self.tell(InstanceStarted, work)

    def failed(self, workflow_name: str, error: FailureInfo) -> None:
        """Tell that an instance has failed as a whole, in memory."""
        self.tell_of(InstanceFinished, "", workflow_name, status="Failed", error=error)

    async def told(
        self,
        instance_id: str,
        workflow_name: str,
        running: Awaitable[InstanceRecord | None],
        *,
        resumed: bool,
    ) -> InstanceRecord | None:
        """Tell that a call begins to work on an instance, and whether it was cancelled then.

        The last item's end makes it so, wherever that is; of all the calls here that work on the
        instance, the first one that sees it tells.
        """
        calls = self._calls.setdefault(instance_id, _Calls())
        calls.count += 1
        try:
            kind = InstanceResumed if resumed else InstanceStarted
            self.tell_of(kind, instance_id, workflow_name)
            record = await running
            if record is not None and record.state is InstanceState.CANCELLED:
                if record.run not in calls.told:
                    self.tell_of(InstanceFinished, instance_id, workflow_name, status="Cancelled")
                calls.told.add(record.run)
            return record
        finally:
            calls.count -= 1
            if not calls.count:
                del self._calls[instance_id]

    async def close(self) -> None:
        """Wait until an asynchronous listener has had everything, for at most five seconds."""
        pump = self._pump
        if pump is not None:
            await asyncio.wait({pump}, timeout=CLOSE_SECONDS)
            if not pump.done():
                self._log_once("a listener took too long at the end; it is cut short")
                pump.cancel()
                await asyncio.wait({pump})
        for left in self._waiting:
            if inspect.iscoroutine(left):
                left.close()
        self._waiting.clear()

    async def _await_all(self) -> None:
        try:
            while self._waiting:
                try:
                    await self._waiting.popleft()
                except Exception:
                    self._log_once(_FAILED)
        finally:
            self._pump = None

    def _log_once(self, words: str, instance_id: str | None = None) -> None:
        if words not in self._logged:
            self._logged.add(words)
            facts = log_facts(instance_id=instance_id)
            logger.warning(words, exc_info=sys.exc_info()[0] is not None, extra=facts)


class TellingCommitter:
    """Commits by another committer, and tells what was stored.

    In memory too every step comes here, so ``durable`` is True: each result is told.
    """

    def __init__(self, committer: Committer, teller: Teller) -> None:
        self.durable = True
        self.started: dict[Work, tuple[str, float]] = {}
        """Which task runs on an item's behalf, and since when."""
        self._committer = committer
        self._teller = teller

    async def move(
        self,
        work: Work,
        position: Position,
        computed: Returned | None,
        prune: tuple[str, ...],
        hand_over: bool,
    ) -> Reply | Answer:
        """Make the step durable, then tell it."""
        stored = await self._committer.move(work, position, computed, prune, hand_over)
        if stored.accepted:
            self._tell(work, Step(position, computed), stored.control, served=False)
        else:
            self.started.pop(work, None)
        return stored

    async def commit(self, work: Work, step: Step) -> Reply:
        """The same for what is no move."""
        reply = await self._committer.commit(work, step)
        if reply.accepted:
            self._tell(work, step, reply.control, served=reply.event is not None)
        else:
            self.started.pop(work, None)
        return reply

    async def fill(self, work: Work, refs: Sequence[Ref]) -> None:
        """As the other."""
        await self._committer.fill(work, refs)

    async def latest(self, work: Work, latest: Latest) -> Payload | None:
        """As the other."""
        return await self._committer.latest(work, latest)

    async def release(self, work: Work) -> None:
        """As the other."""
        self.started.pop(work, None)
        await self._committer.release(work)

    # -- what is told

    def _tell(self, work: Work, step: Step, control: Control, *, served: bool) -> None:
        if step.computed is not None:
            task, _ = self.started.pop(work, ("", 0.0))
            self._teller.tell(
                TaskFinished,
                work,
                path=step.computed.ref.path,
                task=task,
                attempt=step.computed.attempts,
                duration=timedelta(microseconds=step.computed.duration_us),
            )
        # Of a step that met a cancel only the result is kept; what follows isn't done.
        if control is not Control.CANCEL:
            self._tell_following(work, step, goes_on=control is not Control.STOP, served=served)

    def _tell_following(self, work: Work, step: Step, *, goes_on: bool, served: bool) -> None:
        match step.following:
            case RetryLater(failure=info, wait_seconds=seconds, in_place=in_place) as retry:
                self._tell_failure(
                    TaskRetried, work, info, task=info.task, retry_in=timedelta(seconds=seconds)
                )
                if not in_place and goes_on:
                    self._parked(work, retry.position.path, seconds)
            case ParkUntil(position=position, seconds=seconds, at=at) if goes_on:
                if at is not None:
                    seconds = max((at - self._teller.now()).total_seconds(), 0.0)
                self._parked(work, position.path, seconds)
            case AwaitEvent(position=position, signal_name=name) as wait if goes_on and not served:
                self._parked(work, position.path, wait.timeout_seconds, name)
            case EndStrand() if goes_on and not work.fence.item.spawn_path:
                self._teller.tell(InstanceFinished, work, status="Completed")
            case FailStrand(scope=scope):
                failure = step.failure
                if failure is not None and failure.task is not None:
                    self._tell_failure(TaskFailed, work, failure, task=failure.task)
                if goes_on and scope is None:
                    self._teller.tell(InstanceFinished, work, status="Failed", error=failure)
            case _:
                pass

    def _tell_failure(
        self, kind: type[RunnerEvent], work: Work, info: FailureInfo, **facts: Any
    ) -> None:
        _, began = self.started.pop(work, ("", time.perf_counter()))
        self._teller.tell(
            kind,
            work,
            path=info.path,
            attempt=info.attempt,
            duration=timedelta(seconds=time.perf_counter() - began),
            error=info,
            **facts,
        )

    def _parked(
        self, work: Work, path: str, seconds: float | None, signal_name: str | None = None
    ) -> None:
        wake_in = None if seconds is None else timedelta(seconds=seconds)
        self._teller.tell(InstanceParked, work, path=path, wake_in=wake_in, signal_name=signal_name)


class TellingActs:
    """Acts by others, and tells which task begins."""

    def __init__(self, acts: Acts, committer: TellingCommitter, teller: Teller) -> None:
        self._acts = acts
        self._committer = committer
        self._teller = teller

    async def act(self, work: Work, position: Position) -> Acted:
        """Tell the start of a task, and run it."""
        if position.place.task is not None:
            task = position.place.task.name
            if position.frame.earlier is not None:
                kept = await self._acts.kept(work, position)
                if kept is not None:  # done by an earlier run: it ends, and has never begun
                    self._committer.started[work] = (task, time.perf_counter())
                    return kept
            self._teller.tell(
                TaskStarted, work, path=position.path, task=task, attempt=work.attempt
            )
            self._committer.started[work] = (task, time.perf_counter())
        try:
            return await self._acts.act(work, position)
        except LeaseLost:
            self._committer.started.pop(work, None)  # nobody gives back what was taken away
            raise

    async def event(self, work: Work, ref: EventRef) -> EventRef:
        """As the others."""
        return await self._acts.event(work, ref)

    async def sleep(self, work: Work, clock: Clock, seconds: float) -> bool:
        """As the others."""
        return await self._acts.sleep(work, clock, seconds)
