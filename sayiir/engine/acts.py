"""The acts that a transition can ask for: call a task, ask a key or a moment, expand a map."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sayiir.dsl.callables import plain_spec
from sayiir.dsl.context import CURRENT_TASK_CONTEXT
from sayiir.dsl.keys import key_text
from sayiir.dsl.spec import Injection
from sayiir.engine.attempt import Attempt
from sayiir.engine.binding import bind
from sayiir.engine.failures import AttemptTimedOut
from sayiir.engine.invoke import UserExit, invoke
from sayiir.engine.payloads import payload_of
from sayiir.engine.refs import EventRef, ResultRef
from sayiir.engine.resolve import read
from sayiir.engine.transitions import (
    AskKey,
    AskUntil,
    Call,
    Expand,
    Expanded,
    KeyChosen,
    Returned,
    UntilKnown,
)
from sayiir.engine.work import Computed
from sayiir.errors import PayloadError, SayiirError
from sayiir.limits import MAX_JOIN_ELEMENTS
from sayiir.stores.records import Latest
from sayiir.values import loop_marks

if TYPE_CHECKING:
    from sayiir.clock import Clock
    from sayiir.dsl.spec import Injected, TaskSpec
    from sayiir.engine.payloads import Payload
    from sayiir.engine.position import Position
    from sayiir.engine.refs import Ref
    from sayiir.engine.threads import TaskThreads
    from sayiir.engine.transitions import Acting, Outcome
    from sayiir.engine.work import Committer, Work
    from sayiir.policy import RetryPolicy

__all__ = ["ActFailed", "ActOutcome", "Acts"]


class ActOutcome:
    """How an act went: for ``advance``, and what must be stored of it."""

    __slots__ = ("computed", "elements", "outcome")

    def __init__(
        self,
        outcome: Outcome,
        computed: Computed | None = None,
        elements: Sequence[Payload] | None = None,
    ) -> None:
        self.outcome = outcome
        self.computed = computed
        self.elements = elements


class ActFailed(Exception):
    """An act did not come to an outcome.

    Attributes:
        error: what was raised.
        task: name of the task that raised, or None.
        policy: its retry policy; None: never retried.
        stopped: the item was interrupted on request, this is no failure.
        deadline: the workflow's own timeout passed, this is no failure of the task.
    """

    def __init__(
        self,
        error: BaseException,
        spec: TaskSpec | None = None,
        policy: RetryPolicy | None = None,
        *,
        stopped: bool = False,
        deadline: bool = False,
    ) -> None:
        super().__init__(error)
        self.error = error
        self.task = spec.name if spec is not None else None
        self.policy = policy
        self.stopped = stopped
        self.deadline = deadline


class Acts:
    """Calls user code for the driver, with the values that its position refers to."""

    def __init__(self, committer: Committer, threads: TaskThreads) -> None:
        self._committer = committer
        self._threads = threads

    async def act(self, work: Work, transition: Acting) -> ActOutcome:
        """The outcome of what the transition asks for.

        Raises:
            ActFailed: user code failed, or a value doesn't fit.
            UserExit: user code raised KeyboardInterrupt or SystemExit.
        """
        position = transition.position
        match transition:
            case Call(task=spec):
                return await self._call(work, position, spec)
            case AskKey(task=spec):
                return await self._ask_key(work, position, spec)
            case AskUntil(until=until):
                return await self._ask_until(work, position, plain_spec(until, "delay(until=)"))
            case Expand():
                return await self._expand(work, position)

    async def event(self, work: Work, ref: EventRef) -> EventRef:
        """The event's reference with payload and loop marks, decoded once to see that it fits.

        Raises:
            PayloadError: the payload doesn't fit the wait's type.
        """
        await self._committer.fill(work, [ref])
        value = read(work.program, ref)
        return EventRef(ref.event_id, ref.node_path, loop_marks(value), ref.payload)

    async def sleep(self, work: Work, clock: Clock, seconds: float) -> bool:
        """Wait out a backoff in place; False: interrupted on request."""
        work.interruptible = task = asyncio.current_task()
        try:
            await clock.sleep(seconds)
        except asyncio.CancelledError:
            if not work.stopping or task is None:
                raise
            task.uncancel()
            return False
        finally:
            work.interruptible = None
        return not work.stopping

    # -- the four acts

    async def _call(self, work: Work, position: Position, spec: TaskSpec) -> ActOutcome:
        value, duration_us = await self._run(work, position, spec)
        node_path = position.place.node_path
        payload = self._encoded(value, work, node_path, position, spec)
        computed = Computed(position, payload, work.attempt, duration_us)
        if node_path in work.program.definition.kept:
            work.kept[node_path] = (position.frame.ordinal, payload)
        ref = ResultRef(computed.path, loop_marks(value), payload)
        return ActOutcome(Returned(ref), computed)

    async def _ask_key(self, work: Work, position: Position, spec: TaskSpec) -> ActOutcome:
        key, duration_us = await self._run(work, position, spec)
        try:
            text = key_text(key)
        except SayiirError as error:
            raise ActFailed(PayloadError(str(error)), spec) from None
        payload = self._encoded(text, work, position.place.node_path, position, spec)
        computed = Computed(position, payload, work.attempt, duration_us)
        if position.place.node_path in work.program.definition.kept:
            work.kept[position.place.node_path] = (position.frame.ordinal, payload)
        return ActOutcome(KeyChosen(text, ResultRef(computed.path, "", payload)), computed)

    async def _ask_until(self, work: Work, position: Position, spec: TaskSpec) -> ActOutcome:
        moment, _ = await self._run(work, position, spec)
        if not isinstance(moment, datetime) or moment.tzinfo is None:
            problem = f"until= must give an aware datetime, not {moment!r}"
            raise ActFailed(PayloadError(problem, path=position.path), spec)
        return ActOutcome(UntilKnown(moment))

    async def _expand(self, work: Work, position: Position) -> ActOutcome:
        value: Any = await self._value(work, position.input, position)
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

    # -- values

    async def _value(self, work: Work, ref: Ref, position: Position) -> Any:
        if isinstance(ref, ResultRef) and ref.payload is not None:
            return ref.payload.read()
        try:
            await self._committer.fill(work, [ref])
            return read(work.program, ref)
        except PayloadError as error:
            raise ActFailed(error.located(path=position.path)) from error

    def _encoded(
        self, value: Any, work: Work, node_path: str, position: Position, spec: TaskSpec
    ) -> Payload:
        try:
            return payload_of(value, work.program.plan(node_path))
        except PayloadError as error:
            located = error.located(path=position.path, task=spec.name)
            raise ActFailed(located, spec) from error

    async def _arguments(
        self, work: Work, position: Position, spec: TaskSpec, attempt: Attempt
    ) -> tuple[list[Any], dict[str, Any]]:
        signature = spec.signature
        value = await self._value(work, position.input, position) if signature.inputs else None
        try:
            args, kwargs = bind(signature, value, work.program.codec)
        except PayloadError as error:
            located = error.located(path=position.path, task=spec.name)
            raise ActFailed(located, spec) from error
        for injected in signature.injected:
            kwargs[injected.name] = await self._injected(work, position, injected, attempt)
        return args, kwargs

    async def _injected(
        self, work: Work, position: Position, injected: Injected, attempt: Attempt
    ) -> Any:
        match injected.source:
            case Injection.CONTEXT:
                return attempt.context
            case Injection.WORKFLOW_INPUT:
                ref = work.program.workflow_input(position.frame)
                value = await self._value(work, ref, position)
                return work.program.codec.conform(value, injected.annotation)
            case Injection.RESULT_OF:
                return (await self._earlier(work, position, injected.name)).read()
            case Injection.RESOURCE:
                raise ActFailed(SayiirError(f"no resource for {injected.annotation!r}"))

    async def _earlier(self, work: Work, position: Position, parameter: str) -> Payload:
        """What ``result_of`` stands for: kept since it ran here, else read from the store."""
        reads = work.program.definition.reads[position.place.node_path]
        source = next(read for read in reads if read.parameter == parameter)
        prefix = position.frame.ordinal[: 4 * source.shared_numbers]
        if source.same_strand:
            kept = [work.kept[path] for path in source.node_paths if path in work.kept]
            found = [(ordinal, payload) for ordinal, payload in kept if ordinal.startswith(prefix)]
            if found:
                return max(found, key=lambda pair: pair[0])[1]
        newest = await self._committer.latest(work, Latest(source.node_paths, prefix))
        if newest is None:
            raise ActFailed(SayiirError(f"the result for parameter {parameter!r} is not stored"))
        node_path, payload = newest
        if source.same_strand:
            work.kept[node_path] = (prefix, payload)
        return payload

    # -- user code

    async def _run(self, work: Work, position: Position, spec: TaskSpec) -> tuple[Any, int]:
        """The task's return value and how long it took, in microseconds."""
        attempt = Attempt(work, position, spec)
        args, kwargs = await self._arguments(work, position, spec, attempt)
        timeout, by_deadline = _timeout(work, spec)
        token = CURRENT_TASK_CONTEXT.set(attempt.context)
        work.interruptible = task = asyncio.current_task()
        work.in_thread = not spec.is_async and spec.run_in != "loop"
        began = time.perf_counter_ns()
        try:
            value = await invoke(spec, args, kwargs, timeout, self._threads)
        except UserExit:
            raise
        except asyncio.CancelledError as error:
            attempt.given_up = True
            if work.stopping and task is not None and task.cancelling():
                task.uncancel()
                raise ActFailed(error, spec, stopped=True) from None
            if task is not None and task.cancelling():
                raise
            raise ActFailed(error, spec, spec.policy) from error
        except AttemptTimedOut as error:
            attempt.given_up = True
            raise ActFailed(error, spec, spec.policy, deadline=by_deadline) from None
        except BaseException as error:
            policy = None if isinstance(error, PayloadError) else spec.policy
            raise ActFailed(error, spec, policy, stopped=work.stopping) from error
        finally:
            work.interruptible = None
            CURRENT_TASK_CONTEXT.reset(token)
        return value, (time.perf_counter_ns() - began) // 1_000


def _timeout(work: Work, spec: TaskSpec) -> tuple[float | None, bool]:
    """The attempt's timeout in seconds, and whether it is the workflow's deadline."""
    if work.deadline_at is None:
        return spec.timeout_seconds, False
    remaining = max(work.deadline_at - time.monotonic(), 0.0)
    if spec.timeout_seconds is not None and spec.timeout_seconds <= remaining:
        return spec.timeout_seconds, False
    return remaining, True
