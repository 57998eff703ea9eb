"""What a running task can ask about itself, and tell the engine."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Protocol

from sayiir.errors import SayiirError, WorkflowCancelled

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable
    from datetime import datetime

__all__ = ["CURRENT_ATTEMPT", "ContextSource", "TaskContext", "get_task_context"]


def _nothing() -> None:
    return None


def _no_progress(fraction: float, message: str | None) -> None:
    del fraction, message


class TaskContext:
    """One attempt of a task: where it stands, and its line to the engine.

    A task gets it as its parameter ``ctx``, or from ``get_task_context()`` anywhere in the
    call. Made without arguments it serves tests, which call a task as the function it is.

    Attributes:
        instance_id: the instance that runs; empty for an in-memory run.
        path: where the task stands in it, as ``"poll[3]/ask_carrier"``.
        attempt: 1 for the first start of this step; every start counts, after crashes too.
        iteration: the iteration of the nearest loop around the task, from 0; None outside loops.
        deadline: when this attempt is stopped (aware), or None.
        idempotency_key: equal for all attempts, retries and crashes of this step and for no
            other step: hand it to services that should act once.
        traceparent: the W3C trace context of the instance's submitter, or None.

    >>> TaskContext(path="poll[3]/ask", attempt=2).attempt
    2
    """

    __slots__ = (
        "_cancellation",
        "_heartbeat",
        "_logger",
        "_progress",
        "attempt",
        "deadline",
        "idempotency_key",
        "instance_id",
        "iteration",
        "path",
        "traceparent",
    )

    instance_id: str
    path: str
    attempt: int
    iteration: int | None
    deadline: datetime | None
    idempotency_key: str
    traceparent: str | None

    def __init__(
        self,
        *,
        instance_id: str = "",
        path: str = "",
        attempt: int = 1,
        iteration: int | None = None,
        deadline: datetime | None = None,
        idempotency_key: str = "",
        traceparent: str | None = None,
        heartbeat: Callable[[], None] = _nothing,
        progress: Callable[[float, str | None], None] = _no_progress,
        cancellation: Callable[[], WorkflowCancelled | None] = _nothing,
    ) -> None:
        self.instance_id = instance_id
        self.path = path
        self.attempt = attempt
        self.iteration = iteration
        self.deadline = deadline
        self.idempotency_key = idempotency_key
        self.traceparent = traceparent
        self._heartbeat = heartbeat
        self._progress = progress
        self._cancellation = cancellation
        self._logger: logging.LoggerAdapter[Any] | None = None

    @property
    def logger(self) -> logging.LoggerAdapter[Any]:
        """A logger named ``sayiir.task`` whose records carry instance, path and attempt.

        They stand on each record as ``sayiir_instance_id``, ``sayiir_path``, ``sayiir_attempt``,
        beside what the task gives as ``extra``.
        """
        if self._logger is None:
            import logging

            from sayiir.logs import TaskLogger, log_facts

            facts = log_facts(instance_id=self.instance_id, path=self.path, attempt=self.attempt)
            self._logger = TaskLogger(logging.getLogger("sayiir.task"), facts)
        return self._logger

    def heartbeat(self) -> None:
        """Tell that the task is alive; safe from any thread, and as cheap as ``progress``.

        ``client.describe`` shows when that was last. The lease needs none of it: the engine
        keeps that by itself.
        """
        self._heartbeat()

    def progress(self, fraction: float, message: str | None = None) -> None:
        """Tell how far the task is; safe from any thread, and cheap enough for an inner loop.

        About once a second the last word is written to the store, where ``client.describe``
        shows it to everybody. It is gone with the attempt.

        Args:
            fraction: from 0 to 1.
            message: a few words for people; at most 500 characters are kept.

        Raises:
            TypeError: ``fraction`` is no number, or ``message`` no str.
            ValueError: ``fraction`` is not between 0 and 1.
        """
        if not isinstance(fraction, (int, float)):
            raise TypeError(f"progress is a number from 0 to 1, not {fraction!r}")
        if message is not None and not isinstance(message, str):
            raise TypeError(f"a progress message is a str, not {type(message).__name__}")
        if not 0 <= fraction <= 1:
            raise ValueError(f"progress is a fraction from 0 to 1, not {fraction!r}")
        self._progress(float(fraction), message)

    def check_cancelled(self) -> None:
        """Stop here if the instance was cancelled: for loops in tasks that run in threads.

        Raises:
            WorkflowCancelled: somebody cancelled the instance, or the attempt was given up.
        """
        cancellation = self._cancellation()
        if cancellation is not None:
            raise cancellation

    def __repr__(self) -> str:
        return (
            f"TaskContext(instance_id={self.instance_id!r}, path={self.path!r}, "
            f"attempt={self.attempt})"
        )


class ContextSource(Protocol):
    """What makes the context of the running attempt, when somebody asks for it."""

    @property
    def context(self) -> TaskContext:
        """The attempt's context; the same object each time."""
        ...


CURRENT_ATTEMPT: Final[ContextVar[ContextSource]] = ContextVar("sayiir_attempt")
"""Set by the engine around each call of a task; threads get a copy of the caller's context."""


def get_task_context() -> TaskContext:
    """The context of the task that runs here, anywhere below its function.

    Raises:
        SayiirError: no task runs here.

    >>> get_task_context()
    Traceback (most recent call last):
    sayiir.errors.SayiirError: get_task_context() was called outside a running task
    """
    source = CURRENT_ATTEMPT.get(None)
    if source is None:
        raise SayiirError("get_task_context() was called outside a running task")
    return source.context
