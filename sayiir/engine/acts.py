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
from sayiir.engine.calling import ActFailed, Caller, CallPlan
from sayiir.engine.payloads import payload_of
from sayiir.engine.refs import EventRef, ResultRef
from sayiir.engine.transitions import (
    AskKey,
    AskUntil,
    Call,
    Expanded,
    KeyChosen,
    Returned,
    UntilKnown,
)
from sayiir.engine.work import Computed
from sayiir.errors import PayloadError, SayiirError
from sayiir.limits import MAX_JOIN_ELEMENTS
from sayiir.values import Again, Done, loop_marks

if TYPE_CHECKING:
    from sayiir.clock import Clock
    from sayiir.dsl.spec import TaskSpec
    from sayiir.engine.executing import Executors
    from sayiir.engine.payloads import Payload
    from sayiir.engine.position import Position
    from sayiir.engine.threads import TaskThreads
    from sayiir.engine.transitions import Acting, Outcome
    from sayiir.engine.work import Committer, Work

__all__ = ["ActFailed", "ActOutcome", "Acts"]


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
    """Does for the driver what a transition asks for."""

    def __init__(self, committer: Committer, threads: TaskThreads, executors: Executors) -> None:
        self._committer = committer
        self._caller = Caller(committer, threads, executors)

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

    async def event(self, work: Work, ref: EventRef) -> EventRef:
        """The event's reference, its payload in the wait's own type, with its loop marks.

        Raises:
            PayloadError: the payload doesn't fit the wait's type.
        """
        await self._committer.fill(work, [ref])
        payload, codec = ref.payload, work.program.codec
        if payload is None:
            raise TypeError("an event that was filled has a payload")
        if payload.stored[:1] == FORMAT_TAGGED:
            # Sent without the workflow at hand: what arrives from outside is taken leniently.
            data = codec.decode_plain(payload.stored)
            value = codec.accept(data, work.program.event_type(ref.node_path))
            payload = payload_of(value, payload.plan)
        return EventRef(ref.event_id, ref.node_path, loop_marks(payload.read()), payload)

    async def sleep(self, work: Work, clock: Clock, seconds: float) -> bool:
        """Wait out a backoff in place; False: interrupted on request."""
        work.in_user_code, work.in_thread = True, False
        try:
            await clock.sleep(seconds)
        except asyncio.CancelledError:
            if not work.stopping or work.task is None:
                raise
            work.task.uncancel()
            return False
        finally:
            work.in_user_code = False
        return not work.stopping

    # -- the four acts

    async def _call(self, work: Work, position: Position, spec: TaskSpec) -> ActOutcome:
        place = position.place
        call = place.call
        if call is None:
            call = place.call = CallPlan(work.program, place.node_path, spec)
        value, duration_us = await self._caller.run(work, position, call)
        payload = _encoded(value, call, position)
        path = position.path
        computed = Computed(position, path, payload, work.attempt, duration_us)
        if call.kept:
            work.kept[place.node_path] = (position.frame.ordinal, payload)
        marks = loop_marks(value) if isinstance(value, (Again, Done)) else ""
        return ActOutcome(Returned(ResultRef(path, marks, payload)), computed, kept=call.kept)

    async def _ask_key(self, work: Work, position: Position, spec: TaskSpec) -> ActOutcome:
        place = position.place
        call = CallPlan(work.program, place.node_path, spec)
        key, duration_us = await self._caller.run(work, position, call)
        try:
            text = key_text(key)
        except SayiirError as error:
            raise ActFailed(PayloadError(str(error)), spec) from None
        payload = _encoded(_storable(key, call), call, position)
        path = position.path
        computed = Computed(position, path, payload, work.attempt, duration_us)
        if call.kept:
            work.kept[place.node_path] = (position.frame.ordinal, payload)
        outcome = KeyChosen(text, ResultRef(path, "", payload))
        return ActOutcome(outcome, computed, kept=call.kept)

    async def _ask_until(self, work: Work, position: Position, spec: TaskSpec) -> ActOutcome:
        call = CallPlan(work.program, position.place.node_path, spec)
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


def _storable(key: Any, call: CallPlan) -> Any:
    """A branch's answer as its key task declares it; an Enum that nobody declared, its value."""
    undeclared = call.spec.signature.output is UNDECLARED
    return key.value if undeclared and isinstance(key, Enum) else key


def _encoded(value: Any, call: CallPlan, position: Position) -> Payload:
    try:
        return payload_of(value, call.plan)
    except PayloadError as error:
        located = error.located(path=position.path, task=call.spec.name)
        raise ActFailed(located, call.spec) from error
