"""Calling a task: its arguments from what the position refers to, its code within its bounds."""

from __future__ import annotations

import asyncio
from time import monotonic, perf_counter_ns
from typing import TYPE_CHECKING, Any, Final

from sayiir.codec.protocol import UNDECLARED
from sayiir.dsl.context import CURRENT_ATTEMPT
from sayiir.dsl.spec import Injection
from sayiir.engine.act_failed import ActFailed
from sayiir.engine.attempt import Attempt
from sayiir.engine.binding import bind
from sayiir.engine.executing import OWN_PLACES, DeadlinePassed, setup_of
from sayiir.engine.failures import AttemptTimedOut
from sayiir.engine.invoke import UserExit, invoke
from sayiir.engine.refs import ElementRef, InputRef, ResultRef
from sayiir.engine.resolve import read
from sayiir.engine.work import NO_ACT, Heed
from sayiir.errors import PayloadError, SayiirError
from sayiir.stores.records import Latest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sayiir.dsl.spec import Injected, TaskSpec
    from sayiir.engine.call_plan import Acted, CallPlan
    from sayiir.engine.executing import Executors
    from sayiir.engine.payloads import Payload
    from sayiir.engine.position import Position
    from sayiir.engine.refs import Ref
    from sayiir.engine.resources import ResourcePool
    from sayiir.engine.threads import TaskThreads
    from sayiir.engine.work import Committer, Work

__all__ = ["Caller"]

_SINGLE: Final = (ResultRef, InputRef, ElementRef)
"""References to one stored value."""


class Caller:
    """Calls tasks for the driver, with the values that its position refers to."""

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
        self._timed = committer.durable
        self._threads = threads
        self._executors = executors
        self._resources = resources
        self._exits_fail = exits_fail

    async def run(self, work: Work, position: Position, call: CallPlan) -> Acted:
        """Call the task; what its return value comes to.

        Raises:
            ActFailed: user code failed, or a value doesn't fit.
            UserExit: user code raised KeyboardInterrupt or SystemExit.
        """
        attempt = Attempt(work, position, call.spec)
        if call.bare is not None and work.deadline_at is None:
            ref = position.input
            payload = ref.payload if isinstance(ref, _SINGLE) else None
            if payload is not None and payload.direct and type(payload.value) is call.annotation:
                value = payload.value
            else:
                value = await self._argument(work, position, call)
            function, args, by_deadline = call.bare, (value,), False
        else:
            function, args, by_deadline = await self._prepared(work, position, call, attempt)
        token = CURRENT_ATTEMPT.set(attempt)
        work.heeds = call.heeds
        began = perf_counter_ns() if self._timed else 0
        try:
            value = await function(*args)
        except BaseException as error:
            attempt.given_up = True
            raise self._act_failed(work, call.spec, error, by_deadline=by_deadline) from error
        finally:
            work.heeds = NO_ACT
            if work.cancelled:
                work.acted()
            CURRENT_ATTEMPT.reset(token)
        duration_us = (perf_counter_ns() - began) // 1_000 if began else 0
        return call.ended(work, position, call, value, duration_us)

    async def _prepared(
        self, work: Work, position: Position, call: CallPlan, attempt: Attempt
    ) -> tuple[Callable[..., Awaitable[Any]], tuple[Any, ...], bool]:
        """What to await, and whether its timeout is the workflow's own."""
        spec, instance = call.spec, None
        if call.takes_value:
            args: tuple[Any, ...] = (await self._argument(work, position, call),)
            kwargs: dict[str, Any] = {}
        else:
            args, kwargs = await self._arguments(work, position, spec, attempt)
        if call.built is not None:
            instance = await self._made(work, spec, self._resources.instance(call.built))
        timeout, by_deadline = _timeout(work, spec)
        if call.elsewhere:
            setup = setup_of(spec, self._resources.resources)
            given = (spec, args, kwargs, attempt, setup, _until_deadline(work))
            return self._executors.run, given, by_deadline
        return invoke, (spec, args, kwargs, timeout, self._threads, instance), by_deadline

    # -- arguments

    async def _argument(self, work: Work, position: Position, call: CallPlan) -> Any:
        """The value of the position's input, as the task's only parameter takes it."""
        value = await self.value(work, position.input, position)
        if type(value) is call.annotation or call.annotation is UNDECLARED:
            return value
        try:
            return work.program.codec.conform(value, call.annotation)
        except PayloadError as error:
            located = error.located(path=position.path, task=call.spec.name)
            raise ActFailed(located, call.spec) from error

    async def value(self, work: Work, ref: Ref, position: Position) -> Any:
        """The value of a reference, read where that is needed.

        Raises:
            ActFailed: stored bytes don't fit their type, or a join is too large.
        """
        try:
            if isinstance(ref, _SINGLE) and ref.payload is not None:
                return ref.payload.read()
            await self._committer.fill(work, [ref])
            return read(work.program, ref)
        except PayloadError as error:
            raise ActFailed(error.located(path=position.path)) from error

    async def _arguments(
        self, work: Work, position: Position, spec: TaskSpec, attempt: Attempt
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        signature = spec.signature
        value = None
        if signature.inputs:
            value = await self.value(work, position.input, position)
        try:
            args, kwargs = bind(signature, value, work.program.codec)
            for injected in signature.injected:
                if injected.source is Injection.RESOURCE and spec.run_in not in OWN_PLACES:
                    continue  # made over there
                kwargs[injected.name] = await self._injected(
                    work, position, spec, injected, attempt
                )
        except PayloadError as error:
            located = error.located(path=position.path, task=spec.name)
            raise ActFailed(located, spec) from error
        return args, kwargs

    async def _injected(
        self,
        work: Work,
        position: Position,
        spec: TaskSpec,
        injected: Injected,
        attempt: Attempt,
    ) -> Any:
        match injected.source:
            case Injection.CONTEXT:
                return attempt.context
            case Injection.WORKFLOW_INPUT:
                ref = work.program.workflow_input(position.frame)
                value = await self.value(work, ref, position)
                return work.program.codec.conform(value, injected.annotation)
            case Injection.RESULT_OF:
                return (await self._earlier(work, position, injected.name)).read()
            case Injection.RESOURCE:
                return await self._made(work, spec, self._resources.get(injected.annotation))

    async def _made(self, work: Work, spec: TaskSpec, making: Awaitable[Any]) -> Any:
        """What the pool makes for a task, as if the task made it: it may be cancelled and retried.

        It is made once for many, so it doesn't count for the timeout of who happens to be first;
        the workflow's own deadline holds.

        Raises:
            ActFailed: it could not be made, or the deadline passed.
        """
        remaining = None
        if work.deadline_at is not None:
            remaining = max(work.deadline_at - monotonic(), 0.0)
        scope = asyncio.timeout(remaining)
        work.heeds = Heed.STOP
        try:
            async with scope:
                return await making
        except BaseException as error:
            late = isinstance(error, TimeoutError) and scope.expired()
            failure = AttemptTimedOut(remaining or 0.0) if late else error
            raise self._act_failed(work, spec, failure, by_deadline=late) from error
        finally:
            work.acted()

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
        return newest

    def _act_failed(
        self, work: Work, spec: TaskSpec, error: BaseException, *, by_deadline: bool
    ) -> BaseException:
        """What the driver is told of an exception that left user code."""
        if isinstance(error, (UserExit, GeneratorExit)):
            return error
        if isinstance(error, (KeyboardInterrupt, SystemExit)) and not self._exits_fail:
            exit_request = UserExit()
            exit_request.__cause__ = error
            return exit_request
        asked = work.acted()
        if isinstance(error, asyncio.CancelledError) and work.task is not None:
            if asked:
                return ActFailed(error, spec, stopped=True)
            if work.task.cancelling():
                return error
        if isinstance(error, AttemptTimedOut):
            by_deadline = (
                isinstance(error, DeadlinePassed) if spec.run_in not in OWN_PLACES else by_deadline
            )
            return ActFailed(error, spec, spec.policy, deadline=by_deadline)
        policy = None if isinstance(error, PayloadError) else spec.policy
        return ActFailed(error, spec, policy, stopped=work.stopping)


def _timeout(work: Work, spec: TaskSpec) -> tuple[float | None, bool]:
    """The attempt's timeout in seconds, and whether it is the workflow's deadline.

    Raises:
        ActFailed: the workflow's deadline has passed.
    """
    remaining = _until_deadline(work)
    if remaining is None:
        return spec.timeout_seconds, False
    if remaining == 0.0:
        # Begun now it would run until it first waits for something, or to its end.
        raise ActFailed(AttemptTimedOut(0.0), spec, deadline=True)
    if spec.timeout_seconds is not None and spec.timeout_seconds <= remaining:
        return spec.timeout_seconds, False
    return remaining, True


def _until_deadline(work: Work) -> float | None:
    """Seconds until the workflow's own timeout, if it has one."""
    return None if work.deadline_at is None else max(work.deadline_at - monotonic(), 0.0)
