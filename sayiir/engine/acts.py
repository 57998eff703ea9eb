"""Acting at a position: call a task, ask a key or a moment, expand a map."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from sayiir.codec.protocol import FORMAT_TAGGED, FORMAT_TEXT
from sayiir.dsl.keys import key_text
from sayiir.dsl.nodes import AwaitSignal, Branch, Delay
from sayiir.engine.act_failed import ActFailed
from sayiir.engine.call_plan import CallPlan
from sayiir.engine.calling import Caller
from sayiir.engine.earlier import Side
from sayiir.engine.payloads import payload_of
from sayiir.engine.refs import EventRef, InputRef, ResultRef
from sayiir.engine.transitions import Elapsed, Expanded, KeyChosen, Returned
from sayiir.engine.work import Heed, Run, Work
from sayiir.errors import PayloadError
from sayiir.limits import MAX_JOIN_ELEMENTS
from sayiir.stores.records import Control, Latest
from sayiir.values import loop_marks

if TYPE_CHECKING:
    from sayiir.clock import Clock, WorkAware
    from sayiir.engine.call_plan import Acted
    from sayiir.engine.earlier import Earlier
    from sayiir.engine.executing import Executors
    from sayiir.engine.payloads import Payload
    from sayiir.engine.position import Position
    from sayiir.engine.resources import ResourcePool
    from sayiir.engine.threads import TaskThreads
    from sayiir.engine.work import Committer

__all__ = ["Acts", "WorkingActs"]


class Acts:
    """Does for the driver what is to be done at a position.

    ``exits_fail``: whether a task that asks the process to exit has failed, as by any exception.
    """

    def __init__(
        self,
        committer: Committer,
        threads: TaskThreads,
        executors: Executors,
        resources: ResourcePool,
        *,
        exits_fail: bool = False,
    ) -> None:
        self._committer = committer
        self._caller = Caller(committer, threads, executors, resources, exits_fail=exits_fail)

    def act(self, work: Work, position: Position) -> Coroutine[Any, Any, Acted]:
        """How it goes at the position.

        Raises:
            ActFailed: user code failed, or a value doesn't fit.
            UserExit: user code raised KeyboardInterrupt or SystemExit.
        """
        call = position.place.call or CallPlan.of(work.program, position.place)
        if call is None:
            return self._expand(work, position)
        if position.frame.earlier is not None:
            return self._kept_or_called(work, position, call)
        return self._caller.run(work, position, call)

    async def _kept_or_called(self, work: Work, position: Position, call: CallPlan) -> Acted:
        return await self.kept(work, position) or await self._caller.run(work, position, call)

    async def kept(self, work: Work, position: Position) -> Acted | None:
        """What an earlier run has come to here, if this instance takes it from there.

        Raises:
            ActFailed: the earlier run is gone, or its result doesn't fit the task any more.
        """
        earlier = position.frame.earlier
        call = position.place.call or CallPlan.of(work.program, position.place)
        if earlier is None or call is None or earlier.side(position) is not Side.KEPT:
            return None
        if isinstance(position.place.node, Delay):
            return Elapsed(), None, None
        try:
            payload = await self._earlier_result(work, position, earlier)
            value = None if payload is None else payload.read()
        except PayloadError as error:
            located = error.located(path=position.path, task=call.spec.name)
            raise ActFailed(located, call.spec) from error
        if payload is None:
            return None
        if call.kept:
            work.kept[position.place.node_path] = (position.frame.ordinal, payload)
        ref = ResultRef(position.path, loop_marks(value), payload)
        returned = Returned(ref, position, 0, 0, call.kept)
        if isinstance(position.place.node, Branch):
            return KeyChosen(key_text(value), ref), returned, None
        return returned, returned, None

    async def _earlier_result(
        self, work: Work, position: Position, earlier: Earlier
    ) -> Payload | None:
        """The result of the earlier run, None where it never had one here."""
        there = Work(work.program, Run(earlier.run, "", ""), work.fence, position)
        wanted = Latest((position.place.node_path,), position.frame.ordinal)
        payload = await self._committer.latest(there, wanted)
        if payload is None:
            try:
                await self._committer.fill(there, [InputRef()])
            except PayloadError as error:
                raise PayloadError(
                    "the run that this one was started again from is gone, and its results with "
                    "it; start again from one that is still there, or run anew"
                ) from error
        return payload

    async def event(self, work: Work, ref: EventRef) -> EventRef:
        """The event's reference, its payload in the wait's own type, with its loop marks.

        Raises:
            PayloadError: the payload doesn't fit the wait's type.
        """
        await self._committer.fill(work, [ref])
        payload = ref.payload
        if payload is None:
            raise TypeError("an event that was filled has a payload")
        try:
            return self._fitted(work, ref, payload)
        except PayloadError as error:
            node = work.program.places[ref.node_path].node
            signal = node.signal_name if isinstance(node, AwaitSignal) else ref.node_path
            raise PayloadError(
                f"the wait can't take an event sent to signal {signal!r}: {error.problem}. After "
                "retry() it takes the same event again, for where its type was at fault; where the "
                "payload was, rerun() the instance from here as another, which waits anew. "
                "send_event(..., workflow=...) refuses such a payload at once",
                path=error.path,
                type_name=error.type_name,
            ) from error.__cause__

    @staticmethod
    def _fitted(work: Work, ref: EventRef, payload: Payload) -> EventRef:
        codec = work.program.codec
        if payload.stored[:1] in (FORMAT_TAGGED, FORMAT_TEXT):
            # Sent without the workflow at hand: what arrives from outside is taken leniently.
            data = codec.decode_plain(payload.stored)
            value = codec.accept(data, work.program.event_type(ref.node_path))
            payload = payload_of(value, payload.plan)
        return EventRef(ref.event_id, ref.node_path, loop_marks(payload.read()), payload)

    async def sleep(self, work: Work, clock: Clock, seconds: float) -> bool:
        """Wait out a backoff in place; False: something was asked, so no attempt follows it."""
        work.heeds = Heed.PAUSE
        try:
            await clock.sleep(seconds)
        except asyncio.CancelledError:
            if not work.acted():
                raise
            return False
        finally:
            work.acted()
        return not work.lost and work.control is Control.NONE

    async def _expand(self, work: Work, position: Position) -> Acted:
        """The elements of the sequence that flows into a map, encoded."""
        value: Any = await self._caller.value(work, position.input, position)
        if not isinstance(value, Sequence) or isinstance(value, (str, bytes, bytearray)):
            kind = type(value).__name__
            problem = f"a map needs a list or tuple, not {kind}"
            raise ActFailed(PayloadError(problem, path=position.path, type_name=kind))
        elements: Sequence[Any] = value  # pyright: ignore[reportUnknownVariableType]
        if len(elements) > MAX_JOIN_ELEMENTS:
            problem = f"{len(elements)} elements to map, at most {MAX_JOIN_ELEMENTS}"
            raise ActFailed(PayloadError(problem, path=position.path))
        plan = work.program.element_plan(position.place.node_path)
        try:
            payloads = [payload_of(element, plan) for element in elements]
        except PayloadError as error:
            raise ActFailed(error.located(path=position.path)) from error
        return Expanded(len(payloads)), None, payloads


class WorkingActs(Acts):
    """Tells a clock that moves by itself while user code runs."""

    def __init__(
        self,
        committer: Committer,
        threads: TaskThreads,
        executors: Executors,
        resources: ResourcePool,
        clock: WorkAware,
    ) -> None:
        super().__init__(committer, threads, executors, resources)
        self._clock = clock

    async def act(self, work: Work, position: Position) -> Acted:
        """As the others do, in the clock's sight."""
        with self._clock.working():
            return await super().act(work, position)
