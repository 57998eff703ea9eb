"""The acts that a transition can ask for: call a task, ask a key or a moment, expand a map."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from sayiir.codec.protocol import FORMAT_TAGGED, UNDECLARED
from sayiir.dsl.callables import plain_spec
from sayiir.dsl.keys import key_text
from sayiir.dsl.nodes import AwaitSignal
from sayiir.engine.calling import ActFailed, Caller, CallPlan
from sayiir.engine.earlier import Side
from sayiir.engine.payloads import payload_of
from sayiir.engine.refs import EventRef, InputRef, ResultRef
from sayiir.engine.transitions import (
    AskKey,
    AskUntil,
    Call,
    Expanded,
    KeyChosen,
    Returned,
    UntilKnown,
)
from sayiir.engine.work import Computed, Heed, Run, Work
from sayiir.errors import PayloadError, SayiirError
from sayiir.limits import MAX_JOIN_ELEMENTS
from sayiir.stores.records import Control, Latest
from sayiir.values import Again, Done, loop_marks

if TYPE_CHECKING:
    from sayiir.clock import Clock, WorkAware
    from sayiir.dsl.spec import TaskSpec
    from sayiir.engine.earlier import Earlier
    from sayiir.engine.executing import Executors
    from sayiir.engine.payloads import Payload
    from sayiir.engine.position import Position
    from sayiir.engine.resources import ResourcePool
    from sayiir.engine.threads import TaskThreads
    from sayiir.engine.transitions import Acting, Outcome
    from sayiir.engine.work import Committer

__all__ = ["ActFailed", "ActOutcome", "Acts", "WorkingActs"]


class ActOutcome:
    """How an act went: for ``advance``, and what must be stored of it.

    ``kept``: another strand may read the result later.
    """

    __slots__ = ("computed", "elements", "kept", "outcome")

    def __init__(
        self,
        outcome: Outcome,
        computed: Computed | None = None,
        elements: Sequence[Payload] | None = None,
        *,
        kept: bool = False,
    ) -> None:
        self.outcome = outcome
        self.computed = computed
        self.elements = elements
        self.kept = kept


class Acts:
    """Does for the driver what a transition asks for.

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

    def act(self, work: Work, transition: Acting) -> Coroutine[Any, Any, ActOutcome]:
        """The outcome of what the transition asks for.

        Raises:
            ActFailed: user code failed, or a value doesn't fit.
            UserExit: user code raised KeyboardInterrupt or SystemExit.
        """
        position = transition.position
        if isinstance(transition, Call):
            return self._call(work, position, transition.task)
        if isinstance(transition, AskKey):
            return self._ask_key(work, position, transition.task)
        if isinstance(transition, AskUntil):
            return self._ask_until(work, position, plain_spec(transition.until, "delay(until=)"))
        return self._expand(work, position)

    async def kept(
        self, work: Work, position: Position, spec: TaskSpec, *, asks_key: bool
    ) -> ActOutcome | None:
        """What an earlier run has come to here, if this instance takes it from there.

        Raises:
            ActFailed: the earlier run is gone, or its result doesn't fit the task any more.
        """
        earlier = position.frame.earlier
        if earlier is None or earlier.side(position) is not Side.KEPT:
            return None
        call = position.place.call or _plan(work, position, spec)
        try:
            payload = await self._earlier_result(work, position, earlier)
            value = None if payload is None else payload.read()
        except PayloadError as error:
            located = error.located(path=position.path, task=spec.name)
            raise ActFailed(located, spec) from error
        if payload is None:
            return None
        if call.kept:
            work.kept[position.place.node_path] = (position.frame.ordinal, payload)
        computed = Computed(position, position.path, payload, attempts=0, duration_us=0)
        if asks_key:
            chosen = KeyChosen(key_text(value), ResultRef(position.path, "", payload))
            return ActOutcome(chosen, computed, kept=call.kept)
        ref = ResultRef(position.path, loop_marks(value), payload)
        return ActOutcome(Returned(ref), computed, kept=call.kept)

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
                "retry() it takes the same event again, for where its type was at fault; "
                "send_event(..., workflow=...) refuses such a payload at once",
                path=error.path,
                type_name=error.type_name,
            ) from error.__cause__

    @staticmethod
    def _fitted(work: Work, ref: EventRef, payload: Payload) -> EventRef:
        codec = work.program.codec
        if payload.stored[:1] == FORMAT_TAGGED:
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

    # -- the four acts

    async def _call(self, work: Work, position: Position, spec: TaskSpec) -> ActOutcome:
        if position.frame.earlier is not None:
            kept = await self.kept(work, position, spec, asks_key=False)
            if kept is not None:
                return kept
        call = position.place.call or _plan(work, position, spec)
        value, duration_us = await self._caller.run(work, position, call)
        computed = _computed(work, position, call, value, duration_us)
        marks = loop_marks(value) if isinstance(value, (Again, Done)) else ""
        ref = ResultRef(computed.path, marks, computed.payload)
        return ActOutcome(Returned(ref), computed, kept=call.kept)

    async def _ask_key(self, work: Work, position: Position, spec: TaskSpec) -> ActOutcome:
        if position.frame.earlier is not None:
            kept = await self.kept(work, position, spec, asks_key=True)
            if kept is not None:
                return kept
        call = position.place.call or _plan(work, position, spec)
        key, duration_us = await self._caller.run(work, position, call)
        try:
            text = key_text(key)
        except SayiirError as error:
            raise ActFailed(PayloadError(str(error)), spec) from None
        computed = _computed(work, position, call, _storable(key, call), duration_us)
        outcome = KeyChosen(text, ResultRef(computed.path, "", computed.payload))
        return ActOutcome(outcome, computed, kept=call.kept)

    async def _ask_until(self, work: Work, position: Position, spec: TaskSpec) -> ActOutcome:
        call = position.place.call or _plan(work, position, spec)
        moment, _ = await self._caller.run(work, position, call)
        if not isinstance(moment, datetime) or moment.tzinfo is None:
            problem = f"until= must give an aware datetime, not {moment!r}"
            raise ActFailed(PayloadError(problem, path=position.path), spec)
        return ActOutcome(UntilKnown(moment))

    async def _expand(self, work: Work, position: Position) -> ActOutcome:
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
        return ActOutcome(Expanded(len(payloads)), elements=payloads)


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

    async def act(self, work: Work, transition: Acting) -> ActOutcome:
        """As the others do, in the clock's sight."""
        with self._clock.working():
            return await super().act(work, transition)


def _storable(key: Any, call: CallPlan) -> Any:
    """A branch's answer as its key task declares it; an Enum that nobody declared, its value."""
    undeclared = call.spec.signature.output is UNDECLARED
    return key.value if undeclared and isinstance(key, Enum) else key


def _plan(work: Work, position: Position, spec: TaskSpec) -> CallPlan:
    """How the place's task is called: worked out once, at the first call."""
    place = position.place
    place.call = CallPlan(work.program, place.node_path, spec)
    return place.call


def _computed(
    work: Work, position: Position, call: CallPlan, value: Any, duration_us: int
) -> Computed:
    """The call's result, encoded, and kept where a later node reads it."""
    try:
        payload = payload_of(value, call.plan)
    except PayloadError as error:
        located = error.located(path=position.path, task=call.spec.name)
        raise ActFailed(located, call.spec) from error
    if call.kept:
        work.kept[position.place.node_path] = (position.frame.ordinal, payload)
    return Computed(position, position.path, payload, work.attempt, duration_us)
