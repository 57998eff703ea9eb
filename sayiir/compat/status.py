"""``WorkflowStatus``: how an instance stands, as one flat object."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from sayiir.compat.calls import plain_value
from sayiir.compat.errors import failure_text
from sayiir.compat.names import unescaped
from sayiir.ids import path_segments
from sayiir.status import (
    AwaitingSignal,
    Cancelled,
    Completed,
    Failed,
    InProgress,
    Paused,
    Waiting,
)
from sayiir.status import WorkflowStatus as NativeStatus

__all__ = ["WorkflowStatus", "compat_status"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowStatus:
    """How an instance stands. What a status doesn't have is None.

    Attributes:
        status: ``"completed"``, ``"failed"``, ``"cancelled"``, ``"in_progress"``, ``"paused"``,
            ``"waiting"`` or ``"awaiting_signal"``.
        output: what it gave, where it is completed.
        error: why it failed, as ``"ValueError: no good"``.
        reason: why it was cancelled or paused.
        cancelled_by: who cancelled it.
        paused_by: who paused it.
        wake_at: when the wait ends at the latest (ISO 8601, UTC).
        delay_id: the delay that it waits at, or the task that is tried again later.
        signal_id: the id of the wait.
        signal_name: the signal that is waited for.

    >>> WorkflowStatus(status="completed", output=42).is_completed()
    True
    """

    status: str
    output: Any = None
    error: str | None = None
    reason: str | None = None
    cancelled_by: str | None = None
    paused_by: str | None = None
    wake_at: str | None = None
    delay_id: str | None = None
    signal_id: str | None = None
    signal_name: str | None = None

    def __repr__(self) -> str:
        told = ((each.name, getattr(self, each.name)) for each in fields(self))
        return f"WorkflowStatus({', '.join(f'{n}={v!r}' for n, v in told if v is not None)})"

    def is_completed(self) -> bool:
        """It is done."""
        return self.status == "completed"

    def is_failed(self) -> bool:
        """A failure ended it."""
        return self.status == "failed"

    def is_cancelled(self) -> bool:
        """Somebody cancelled it."""
        return self.status == "cancelled"

    def is_in_progress(self) -> bool:
        """Something of it runs or could run now."""
        return self.status == "in_progress"

    def is_paused(self) -> bool:
        """Somebody paused it."""
        return self.status == "paused"

    def is_waiting(self) -> bool:
        """It waits for a time."""
        return self.status == "waiting"

    def is_awaiting_signal(self) -> bool:
        """It waits for a signal."""
        return self.status == "awaiting_signal"


def compat_status(status: NativeStatus[Any]) -> WorkflowStatus:
    """A native status in this form.

    >>> compat_status(Completed(3))
    WorkflowStatus(status='completed', output=3)
    """
    match status:
        case Completed(output):
            return WorkflowStatus(status="completed", output=plain_value(output))
        case Failed(error):
            return WorkflowStatus(status="failed", error=failure_text(error))
        case Cancelled(reason, cancelled_by):
            return WorkflowStatus(status="cancelled", reason=reason, cancelled_by=cancelled_by)
        case Paused(reason, paused_by):
            return WorkflowStatus(status="paused", reason=reason, paused_by=paused_by)
        case Waiting(wake_at, path):
            return WorkflowStatus(
                status="waiting", wake_at=wake_at.isoformat(), delay_id=node_name(path)
            )
        case AwaitingSignal(signal_name, wake_at, path):
            return WorkflowStatus(
                status="awaiting_signal",
                wake_at=None if wake_at is None else wake_at.isoformat(),
                signal_id=node_name(path),
                signal_name=unescaped(signal_name),
            )
        case InProgress():
            return WorkflowStatus(status="in_progress")


def node_name(path: str) -> str:
    """The id of the node at a path, as the flow gave it.

    >>> node_name("child_0/approval#2")
    'approval'
    """
    *_, (node_id, _) = path_segments(path)
    return unescaped(node_id)
