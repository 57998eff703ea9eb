"""``task`` and what it writes on a function; durations and retry policies."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar, overload

from sayiir.codec.protocol import UNDECLARED
from sayiir.compat.errors import told_as_compat
from sayiir.dsl.callables import captured_namespace
from sayiir.dsl.options import check_priority, check_tags
from sayiir.dsl.signature import resolve_annotation
from sayiir.limits import MAX_DURATION_SECONDS
from sayiir.policy import RetryPolicy as NativeRetryPolicy

__all__ = ["RetryPolicy", "TaskMetadata", "annotations_of", "parse_duration", "task"]

F = TypeVar("F", bound=Callable[..., Any])

_DURATION: Final = re.compile(r"([0-9]+(?:[.][0-9]+)?)\s*(h|m|s|ms)", re.IGNORECASE)
_UNIT_SECONDS: Final = {"h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def parse_duration(value: str | float) -> float:
    """A duration in seconds, from seconds or text with one unit (ms, s, m, h).

    Raises:
        ValueError: the text is no such duration.

    >>> parse_duration("100ms"), parse_duration("5m"), parse_duration(3)
    (0.1, 300.0, 3.0)
    """
    if isinstance(value, (int, float)):
        return float(value)
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise ValueError(
            f"{value!r} is no duration; write seconds, or text as '30s', '5m', '1h', '100ms'"
        )
    return float(match[1]) * _UNIT_SECONDS[match[2].lower()]


@dataclass(slots=True)
class RetryPolicy:
    """How often and when a failed task is tried again; the waits grow, without jitter.

    Attributes:
        max_retries: further attempts after the first; 0 means none.
        initial_delay_secs: wait before the first retry, in seconds.
        backoff_multiplier: each wait is this many times the one before; from 1 to 1000.

    Raises:
        ValueError: a value is out of its bounds.

    >>> RetryPolicy(max_retries=3).backoff_multiplier
    2.0
    """

    max_retries: int = 2
    initial_delay_secs: float = 1.0
    backoff_multiplier: float = 2.0

    def __post_init__(self) -> None:
        self.initial_delay_secs = float(self.initial_delay_secs)
        self.backoff_multiplier = float(self.backoff_multiplier)
        self.native()

    def native(self) -> NativeRetryPolicy:
        """The policy that the engine follows."""
        with told_as_compat():
            return NativeRetryPolicy(
                max_retries=self.max_retries,
                initial_delay=self.initial_delay_secs,
                backoff_multiplier=self.backoff_multiplier,
                max_delay=MAX_DURATION_SECONDS,
                jitter="none",
            )


@dataclass(frozen=True, slots=True)
class TaskMetadata:
    """What is known of a task beside its function.

    Attributes:
        display_name: for people.
        description: for people.
        timeout_secs: of one attempt, in seconds; it is enforced.
        retries: how it is tried again.
        tags: for people and workers.
        version: counts for the definition hash.
        priority: 1 (most urgent) to 5.

    >>> TaskMetadata(tags=["io"]).tags
    ['io']
    """

    display_name: str | None = None
    description: str | None = None
    timeout_secs: float | None = None
    retries: RetryPolicy | None = None
    tags: list[str] | None = None
    version: str | None = None
    priority: int | None = None


@overload
def task(func: F) -> F: ...
@overload
def task(
    func: str | None = None,
    *,
    name: str | None = None,
    timeout: str | float | None = None,
    timeout_secs: float | None = None,
    retries: int | RetryPolicy | None = None,
    tags: list[str] | None = None,
    description: str | None = None,
    priority: int | None = None,
) -> Callable[[F], F]: ...
def task(
    func: Callable[..., Any] | str | None = None,
    *,
    name: str | None = None,
    timeout: str | float | None = None,
    timeout_secs: float | None = None,
    retries: int | RetryPolicy | None = None,
    tags: list[str] | None = None,
    description: str | None = None,
    priority: int | None = None,
) -> Any:
    """Writes what a workflow should know of it on a function, which stays what it is.

    It is kept in the attributes ``_task_id``, ``_metadata``, ``_input_type``, ``_output_type``.

    Args:
        func: the function; or the task's name.
        name: the task's id; the function's name by default.
        timeout: of one attempt: seconds, or text as ``"30s"``. Wins over ``timeout_secs``.
        timeout_secs: the same, in seconds.
        retries: further attempts: a count (1 s, then twice as long each time), or a policy.
        tags: at most 20, of 1 to 64 characters.
        description: for people.
        priority: 1 (most urgent) to 5.

    Raises:
        ValueError: an option is out of its bounds.

    >>> @task("shelve", timeout="20s", retries=2)
    ... def put_on_shelf(title: str) -> str:
    ...     return f"{title} stands on its shelf"
    >>> put_on_shelf("Momo"), put_on_shelf._metadata.timeout_secs
    ('Momo stands on its shelf', 20.0)
    """
    if isinstance(func, str):
        name, func = func, None
    seconds = timeout_secs if timeout is None else parse_duration(timeout)
    policy = RetryPolicy(retries, 1.0, 2.0) if isinstance(retries, int) else retries
    with told_as_compat():
        check_priority(priority, "task")
        check_tags(tags or (), "task")

    def decorate(function: Any) -> Any:
        task_id = name or function.__name__
        function._task_id = task_id
        function._metadata = TaskMetadata(
            display_name=task_id,
            description=description,
            timeout_secs=None if seconds is None else float(seconds),
            retries=policy,
            tags=tags,
            priority=priority,
        )
        function._input_type, function._output_type = annotations_of(function)
        return function

    return decorate if func is None else decorate(func)


def annotations_of(function: Callable[..., Any]) -> tuple[Any, Any]:
    """The types of a callable's first parameter and of what it returns; None where unknown."""
    try:
        described = inspect.signature(function)
    except (TypeError, ValueError):  # many builtins don't tell
        return None, None
    namespace = captured_namespace(function)

    def resolved(annotation: Any) -> Any:
        if annotation is inspect.Parameter.empty:
            return None
        found = resolve_annotation(annotation, function, namespace)
        return None if found is UNDECLARED else found

    first = next(iter(described.parameters.values()), None)
    return resolved(first.annotation) if first else None, resolved(described.return_annotation)
