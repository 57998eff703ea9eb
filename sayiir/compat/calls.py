"""A task of a compat workflow as the engine calls it: one value in, plain data out."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from sayiir.compat.context import CURRENT_PLACE, Place, WorkflowFacts
from sayiir.compat.decorators import TaskMetadata, annotations_of
from sayiir.compat.errors import WorkflowError
from sayiir.compat.loop_result import loop_value
from sayiir.compat.models import dumper, validator
from sayiir.compat.names import escaped
from sayiir.compat.steps import TaskStep
from sayiir.dsl.callables import is_async_callable
from sayiir.dsl.options import check_timeout
from sayiir.dsl.spec import Parameter, Signature, TaskSpec
from sayiir.policy import RetryPolicy
from sayiir.values import Again, BranchResult, Done

__all__ = ["plain_value", "spec_of"]

# Every function gets the flowing value as its only argument, whatever its signature says.
_ONE_VALUE: Final = Signature(inputs=(Parameter("value"),))


def plain_value(value: Any) -> Any:
    """A value as tasks and callers see it: a route's envelope as a dict.

    >>> plain_value(BranchResult("billing", 3))
    {'branch': 'billing', 'result': 3}
    """
    kind: object = value.__class__
    if kind is BranchResult:
        return {"branch": value.branch, "result": value.result}
    return value


def spec_of(step: TaskStep, workflow: WorkflowFacts, *, loop_body: bool = False) -> TaskSpec:
    """The native task of a step.

    Raises:
        DefinitionError: its timeout or retries are out of their bounds.
    """
    metadata = step.metadata or TaskMetadata()
    function = step.function or _missing(step.id)
    call = _call(step, function, workflow, loop_body=loop_body)
    is_async = inspect.iscoroutinefunction(call)
    policy = metadata.retries
    return TaskSpec(
        name=escaped(step.id),
        function=call,
        # Two functions under one name are told apart by place, as plain callables are.
        decorated=False,
        is_async=is_async,
        version=metadata.version or "",
        timeout_seconds=check_timeout(metadata.timeout_secs, f"task {step.id!r}"),
        policy=RetryPolicy(max_retries=0) if policy is None else policy.native(),
        # Tags are for people: the published package's workers have none, and take every task.
        priority=metadata.priority,
        # Lambdas too: programs written for the published package may block in any function.
        run_in="loop" if is_async else "thread",
        description=metadata.description or "",
        known_signature=_ONE_VALUE,
    )


def _missing(task_id: str) -> Callable[..., Any]:
    def missing(_: object) -> Any:
        raise WorkflowError(f"the task registry has no function for task {task_id!r}")

    return missing


@dataclass(frozen=True, slots=True)
class _Border:
    """What happens to a value on its way into a function and out of it."""

    place: Place
    validate: Callable[[Any], Any] | None
    dump: Callable[[Any], Any] | None
    loop_body: bool

    def taken(self, value: Any) -> Any:
        value = plain_value(value)
        return value if self.validate is None else self.validate(value)

    def given(self, result: Any) -> Any:
        if not self.loop_body:
            return result if self.dump is None else self.dump(result)
        ending = loop_value(result)
        value = ending.value if self.dump is None else self.dump(ending.value)
        return Again(value) if isinstance(ending, Again) else Done(value)


def _call(
    step: TaskStep, function: Callable[..., Any], workflow: WorkflowFacts, *, loop_body: bool
) -> Callable[[Any], Any]:
    takes, gives = _types_of(function)
    border = _Border(
        Place(workflow, step.id, step.metadata),
        validator(takes),
        # A loop's body may put a model into a dict that its annotation tells nothing of.
        dumper(None if loop_body else gives),
        loop_body,
    )
    return _async_call(function, border) if is_async_callable(function) else _sync(function, border)


def _types_of(function: Callable[..., Any]) -> tuple[Any, Any]:
    """As ``@task`` kept them, which knew the local names; else read now."""
    if hasattr(function, "_task_id"):
        return getattr(function, "_input_type", None), getattr(function, "_output_type", None)
    return annotations_of(function)


def _sync(function: Callable[..., Any], border: _Border) -> Callable[[Any], Any]:
    def call(value: Any) -> Any:
        token = CURRENT_PLACE.set(border.place)
        try:
            result = function(border.taken(value))
            if inspect.isawaitable(result):
                return _awaited(result, border)
            return border.given(result)
        finally:
            CURRENT_PLACE.reset(token)

    return call


def _async_call(function: Callable[..., Any], border: _Border) -> Callable[[Any], Any]:
    async def call(value: Any) -> Any:
        token = CURRENT_PLACE.set(border.place)
        try:
            return border.given(await function(border.taken(value)))
        finally:
            CURRENT_PLACE.reset(token)

    return call


async def _awaited(result: Awaitable[Any], border: _Border) -> Any:
    """What a function that only returns a coroutine gives in the end."""
    token = CURRENT_PLACE.set(border.place)
    try:
        return border.given(await result)
    finally:
        CURRENT_PLACE.reset(token)
