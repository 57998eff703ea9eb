"""Failures as they are recorded: from exceptions, to bytes and back."""

from __future__ import annotations

import json
import os
import traceback
from typing import TYPE_CHECKING, Any

from sayiir.errors import (
    FailureInfo,
    PayloadError,
    TaskFailed,
    TaskProcessDied,
    TaskTimedOut,
    WorkflowTimedOut,
)
from sayiir.executors.protocol import ProcessDied
from sayiir.limits import MAX_MESSAGE_CHARACTERS, MAX_TRACEBACK_CHARACTERS

if TYPE_CHECKING:
    from types import TracebackType

    from sayiir.engine.transitions import FailStrand

__all__ = [
    "AttemptTimedOut",
    "failure_from_bytes",
    "failure_of_deadline",
    "failure_of_exception",
    "failure_of_transition",
    "failure_to_bytes",
    "without_our_frames",
]

_OURS = __file__.rpartition(os.sep + "engine" + os.sep)[0] + os.sep


class AttemptTimedOut(Exception):
    """An attempt ran longer than its task's timeout. Retried as any failure is.

    ``blocking``: it came to its end, for nothing could be cancelled while the event loop stood.
    """

    def __init__(self, seconds: float, *, blocking: bool = False) -> None:
        super().__init__(
            f"the attempt took longer than {seconds:g} s"
            + (
                ", and the event loop was blocked meanwhile, so that nothing could end it; what "
                "blocks belongs in a sync task (def), which runs on a thread"
                if blocking
                else ""
            )
        )


def failure_of_exception(
    error: BaseException, *, task: str | None, path: str, attempt: int
) -> FailureInfo:
    """What is kept of an exception that user code raised."""
    if isinstance(error, AttemptTimedOut):
        kind, type_name, text = TaskTimedOut.__name__, TaskTimedOut.__name__, ""
    elif isinstance(error, ProcessDied):
        kind, type_name, text = TaskProcessDied.__name__, TaskProcessDied.__name__, ""
    elif isinstance(error, PayloadError):
        kind, type_name, text = PayloadError.__name__, PayloadError.__name__, ""
    else:
        kind, type_name = TaskFailed.__name__, _qualified_name(type(error))
        text = _formatted(error)
    message = error.problem if isinstance(error, PayloadError) else _message(error)
    return FailureInfo(kind, type_name, message[:MAX_MESSAGE_CHARACTERS], text, task, path, attempt)


def failure_of_transition(failed: FailStrand, *, attempt: int) -> FailureInfo:
    """What is kept of a failure that the engine itself found."""
    return FailureInfo(
        failed.kind,
        failed.kind,
        failed.message,
        "",
        None,
        failed.position.path,
        attempt,
        failed.details,
    )


def failure_of_deadline(timeout_seconds: float | None) -> FailureInfo:
    """What is kept of a workflow that took longer than its own timeout."""
    name = WorkflowTimedOut.__name__
    message = f"the workflow took longer than its timeout of {timeout_seconds or 0.0:g} s"
    return FailureInfo(name, name, message)


def _qualified_name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else _dotted(kind)


def _dotted(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # a user's __str__ may raise anything; the record must be made
        return "<the exception's own __str__ raised>"


def _users_frames(error: BaseException) -> TracebackType | None:
    """The traceback from the user's first frame on; the whole one where there is none of his."""
    frame = error.__traceback__
    while frame is not None and frame.tb_frame.f_code.co_filename.startswith(_OURS):
        frame = frame.tb_next
    return frame or error.__traceback__


def without_our_frames(error: BaseException | None) -> BaseException | None:
    """The user's exception with a traceback that begins in the user's code."""
    return None if error is None else error.with_traceback(_users_frames(error))


def _formatted(error: BaseException) -> str:
    try:
        text = "".join(traceback.format_exception(type(error), error, _users_frames(error)))
    except Exception:  # as above: formatting calls the user's own __str__ and __repr__
        return ""
    if len(text) <= MAX_TRACEBACK_CHARACTERS:
        return text
    half = MAX_TRACEBACK_CHARACTERS // 2
    return f"{text[:half]}\n… shortened …\n{text[-half:]}"


def failure_to_bytes(info: FailureInfo) -> bytes:
    """The record as stores keep it (lone surrogates in a message are escaped, not lost)."""
    fields: list[Any] = [
        info.kind,
        info.type_name,
        info.message,
        info.traceback,
        info.task,
        info.path,
        info.attempt,
        [list(detail) for detail in info.details],
    ]
    return json.dumps(fields).encode()


def failure_from_bytes(data: bytes) -> FailureInfo:
    """The record that was kept; a damaged one is told as such, it doesn't hide the failure."""
    try:
        # Decoded here: given bytes, json would import the encoding that they seem to be in.
        kind, type_name, message, text, task, path, attempt, details = json.loads(data.decode())
        return FailureInfo(
            str(kind),
            str(type_name),
            str(message),
            str(text),
            None if task is None else str(task),
            str(path),
            int(attempt),
            tuple((str(name), str(value)) for name, value in details),
        )
    except (ArithmeticError, ValueError, TypeError, RecursionError):  # 1e999 is read as infinity
        return FailureInfo(TaskFailed.__name__, "unknown", "the stored failure is damaged")
