"""How an instance stands, as values for ``match``; and what lists and histories are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeAlias, TypeVar

from sayiir.errors import FailureInfo

__all__ = [
    "AwaitingSignal",
    "Cancelled",
    "Completed",
    "Failed",
    "InProgress",
    "InstanceInfo",
    "InstancePage",
    "Parked",
    "Paused",
    "TaskResult",
    "Waiting",
    "WorkflowStatus",
]

Out = TypeVar("Out", covariant=True)


@dataclass(frozen=True, slots=True)
class Parked:
    """One strand that waits.

    Attributes:
        path: path of the delay, the wait or the task that backs off.
        wake_at: when it goes on at the latest (aware, UTC); None: only an event wakes it.
        signal_name: the signal it waits for; None for a timer.
    """

    path: str
    wake_at: datetime | None
    signal_name: str | None = None


@dataclass(frozen=True, slots=True)
class InProgress:
    """Something of it runs or could run now. ``parked``: strands that wait beside that."""

    parked: tuple[Parked, ...] = ()


@dataclass(frozen=True, slots=True)
class Completed(Generic[Out]):
    """It is done.

    Attributes:
        output: the workflow's output; plain JSON data where the workflow wasn't named.
    """

    output: Out


@dataclass(frozen=True, slots=True)
class Failed:
    """A failure ended it; ``retry`` continues it from its last checkpoints.

    Attributes:
        error: what was recorded.
    """

    error: FailureInfo


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Somebody cancelled it."""

    reason: str | None = None
    cancelled_by: str | None = None


@dataclass(frozen=True, slots=True)
class Paused:
    """Somebody paused it, and nothing of it runs any more. ``unpause`` lets it go on."""

    reason: str | None = None
    paused_by: str | None = None
    parked: tuple[Parked, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """All its strands wait, the earliest for a time: a delay or a retry's backoff.

    Attributes:
        wake_at: that time (aware, UTC).
        path: where it waits.
        parked: all strands that wait, the earliest first (at most 100).
    """

    wake_at: datetime
    path: str
    parked: tuple[Parked, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class AwaitingSignal:
    """All its strands wait, the earliest for a signal.

    Attributes:
        signal_name: send an event to this name.
        wake_at: when the wait times out (aware, UTC), or None.
        path: where it waits.
        parked: all strands that wait, the earliest first (at most 100).
    """

    signal_name: str
    wake_at: datetime | None
    path: str
    parked: tuple[Parked, ...] = field(default=())


WorkflowStatus: TypeAlias = (
    InProgress | Completed[Out] | Failed | Cancelled | Paused | Waiting | AwaitingSignal
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceInfo:
    """One line of a list of instances.

    Attributes:
        instance_id: its id.
        run_id: this creation of it.
        workflow_name: name of its workflow.
        workflow_version: version of its workflow.
        definition_hash: the definition it runs.
        status: name of its status class, as ``"AwaitingSignal"``.
        priority: 1 (most urgent) to 5.
        labels: what it was labelled with.
        created_at: when it was created (aware, UTC).
        finished_at: when it ended, or None.
    """

    instance_id: str
    run_id: str
    workflow_name: str
    workflow_version: str
    definition_hash: str
    status: str
    priority: int
    labels: Mapping[str, str]
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class InstancePage:
    """A page of a list, to iterate over.

    Attributes:
        items: the instances, newest first.
        cursor: given to the next call; None after the last page.
    """

    items: tuple[InstanceInfo, ...]
    cursor: str | None

    def __iter__(self) -> Iterator[InstanceInfo]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResult:
    """One line of an instance's history.

    Attributes:
        path: the node that ran.
        output: what it gave (a branch's own path: the key); None where it failed.
        error: the last failure where it has not succeeded, else None.
        attempts: how often it was started.
        started_at: when its last attempt began (aware, UTC).
        finished_at: when its checkpoint was written (aware, UTC).
    """

    path: str
    output: Any
    error: FailureInfo | None
    attempts: int
    started_at: datetime
    finished_at: datetime
