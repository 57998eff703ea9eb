"""What a runner tells its listener (``on_event=``), as values for ``match``.

Not to be mixed up with the events that are sent to signals: these here are told, at the moment
when they have happened, and kept nowhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from sayiir.errors import FailureInfo

__all__ = [
    "InstanceFinished",
    "InstanceParked",
    "InstanceResumed",
    "InstanceStarted",
    "Listener",
    "RunnerEvent",
    "TaskFailed",
    "TaskFinished",
    "TaskRetried",
    "TaskStarted",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerEvent:
    """What all of them have.

    Attributes:
        instance_id: the instance; empty for an in-memory run.
        workflow_name: name of its workflow.
        at: when it was told, by the clock of the runner (aware, UTC).
    """

    instance_id: str
    workflow_name: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceStarted(RunnerEvent):
    """The instance was created, and is worked on here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceResumed(RunnerEvent):
    """An instance that existed is worked on here. Not told by ``resume_all``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceParked(RunnerEvent):
    """A strand waits in the store: for a time, a signal, or both. Others may run on.

    Attributes:
        path: the delay, the wait, or the task that backs off.
        wake_in: how long at most; None: until an event comes.
        signal_name: the signal it waits for; None: a delay or a backoff.
    """

    path: str
    wake_in: timedelta | None
    signal_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceFinished(RunnerEvent):
    """The instance has ended, and that is stored.

    Attributes:
        status: ``"Completed"``, ``"Failed"`` or ``"Cancelled"``. A cancel is told by ``run``,
            ``resume`` and ``ensure`` of the instance, not by ``resume_all``.
        error: why, where it failed.
    """

    status: str
    error: FailureInfo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStarted(RunnerEvent):
    """An attempt of a task begins.

    Attributes:
        path: where the task stands, as ``"fork[0]/charge_card"``.
        task: its name.
        attempt: from 1; every start counts.
    """

    path: str
    task: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFinished(RunnerEvent):
    """A task's result is stored: it won't run again.

    Attributes:
        path: where the task stands.
        task: its name.
        attempt: the attempt that succeeded; 0: none, the result is an earlier run's (``rerun``).
        duration: how long that took, its checkpoint not included.
    """

    path: str
    task: str
    attempt: int
    duration: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRetried(RunnerEvent):
    """An attempt failed, that is stored, and another follows.

    Attributes:
        path: where the task stands.
        task: its name; None: what failed is the value it was to get.
        attempt: the attempt that failed.
        duration: how long it took.
        error: why.
        retry_in: how long from now the next begins.
    """

    path: str
    task: str | None
    attempt: int
    duration: timedelta
    error: FailureInfo
    retry_in: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFailed(RunnerEvent):
    """The last attempt failed, that is stored, and none follows.

    Attributes:
        path: where the task stands.
        task: its name.
        attempt: the attempt that failed.
        duration: how long it took.
        error: why.
    """

    path: str
    task: str
    attempt: int
    duration: timedelta
    error: FailureInfo


Listener: TypeAlias = Callable[[RunnerEvent], Any]
"""A function or coroutine function; what it returns is ignored."""
