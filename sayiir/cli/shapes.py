"""What ``--json`` prints: one shape for each thing, told in docs/reference/command-line.md."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sayiir.status import (
    AwaitingSignal,
    Cancelled,
    Completed,
    Failed,
    InProgress,
    Paused,
    Waiting,
)

if TYPE_CHECKING:
    from datetime import datetime

    from sayiir.comparison import ComparedRun, Comparison
    from sayiir.description import InstanceDescription, OpenItem, WorkerInfo
    from sayiir.errors import FailureInfo
    from sayiir.status import InstanceInfo, Parked, TaskResult, WorkflowStatus

__all__ = [
    "compared",
    "described",
    "failure",
    "listed",
    "plain",
    "status_fields",
    "task_result",
    "when",
    "worker_here",
]


def plain(value: Any) -> Any:
    """A value as JSON data; what JSON has no word for is told by its ``repr``."""
    from pydantic_core import to_jsonable_python

    return _finite(to_jsonable_python(value, fallback=repr, bytes_mode="base64"))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)  # JSON has no nan, and many readers choke on it
    if isinstance(value, dict):
        entries: dict[Any, Any] = value  # pyright: ignore[reportUnknownVariableType]
        return {str(key): _finite(one) for key, one in entries.items()}
    if isinstance(value, list):
        items: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
        return [_finite(one) for one in items]
    return value


def when(moment: datetime | None) -> str | None:
    """A moment as ISO 8601 in UTC, or None."""
    return None if moment is None else moment.isoformat()


def failure(info: FailureInfo) -> dict[str, Any]:
    """A recorded failure."""
    return {
        "kind": info.kind,
        "type_name": info.type_name,
        "message": info.message,
        "traceback": info.traceback,
        "task": info.task,
        "path": info.path,
        "attempt": info.attempt,
    }


def status_fields(status: WorkflowStatus[Any]) -> dict[str, Any]:
    """A status: its name under ``status``, and what that status knows."""
    fields: dict[str, Any] = {"status": type(status).__name__}
    match status:
        case Completed(output):
            return {**fields, "output": plain(output)}
        case Failed(error):
            return {**fields, "error": failure(error)}
        case Cancelled(reason, cancelled_by):
            return {**fields, "reason": reason, "cancelled_by": cancelled_by}
        case Paused(reason, paused_by):
            fields |= {"reason": reason, "paused_by": paused_by}
        case Waiting(wake_at, path):
            fields |= {"wake_at": when(wake_at), "path": path}
        case AwaitingSignal(signal_name, wake_at, path):
            fields |= {"signal_name": signal_name, "wake_at": when(wake_at), "path": path}
        case InProgress():
            pass
    return {**fields, "parked": [_parked(one) for one in status.parked]}


def _parked(parked: Parked) -> dict[str, Any]:
    return {
        "path": parked.path,
        "wake_at": when(parked.wake_at),
        "signal_name": parked.signal_name,
    }


def listed(info: InstanceInfo) -> dict[str, Any]:
    """One line of a list."""
    return {
        "instance_id": info.instance_id,
        "run_id": info.run_id,
        "workflow_name": info.workflow_name,
        "workflow_version": info.workflow_version,
        "definition_hash": info.definition_hash,
        "status": info.status,
        "priority": info.priority,
        "labels": dict(info.labels),
        "created_at": when(info.created_at),
        "finished_at": when(info.finished_at),
    }


def worker_here(info: WorkerInfo) -> dict[str, Any]:
    """A worker that is here."""
    return {
        "worker_id": info.worker_id,
        "workflows": list(info.workflows),
        "tags": list(info.tags),
        "concurrency": info.concurrency,
        "started_at": when(info.started_at),
        "seen_at": when(info.seen_at),
    }


def task_result(result: TaskResult) -> dict[str, Any]:
    """One line of a history."""
    return {
        "path": result.path,
        "output": plain(result.output),
        "error": None if result.error is None else failure(result.error),
        "attempts": result.attempts,
        "started_at": when(result.started_at),
        "finished_at": when(result.finished_at),
    }


def compared(found: Comparison) -> dict[str, Any]:
    """Two instances node by node."""
    return {
        "first": found.first_id,
        "second": found.second_id,
        "same": found.same,
        "nodes": [
            {
                "path": node.path,
                "verdict": node.verdict,
                "first": None if node.first is None else _compared_run(node.first),
                "second": None if node.second is None else _compared_run(node.second),
            }
            for node in found.nodes
        ],
    }


def _compared_run(run: ComparedRun) -> dict[str, Any]:
    return {
        "output": plain(run.output),
        "error": None if run.error is None else failure(run.error),
        "attempts": run.attempts,
        "seconds": run.duration.total_seconds(),
    }


def open_item(item: OpenItem) -> dict[str, Any]:
    """One strand that hasn't ended."""
    progress = item.progress
    return {
        "path": item.path,
        "phase": item.phase,
        "attempt": item.attempt,
        "failures": item.failures,
        "last_error": None if item.last_error is None else failure(item.last_error),
        "progress": None
        if progress is None
        else {
            "fraction": progress.fraction,
            "message": progress.message,
            "at": when(progress.at),
        },
        "due_at": when(item.due_at),
        "signal_name": item.signal_name,
        "leased_until": when(item.leased_until),
        "holder": item.holder,
    }


def described(seen: InstanceDescription) -> dict[str, Any]:
    """An instance seen closely, its history not included."""
    return {
        "instance_id": seen.instance_id,
        "run_id": seen.run_id,
        "workflow_name": seen.workflow_name,
        "workflow_version": seen.workflow_version,
        "definition_hash": seen.definition_hash,
        **status_fields(seen.status),
        "input": plain(seen.input),
        "labels": dict(seen.labels),
        "priority": seen.priority,
        "created_at": when(seen.created_at),
        "finished_at": when(seen.finished_at),
        "deadline": when(seen.deadline),
        "described_at": when(seen.described_at),
        "open_items": [open_item(item) for item in seen.open_items],
        "open_item_count": seen.open_item_count,
        "pending_events": [
            {"signal_name": event.signal_name, "path": event.path, "sent_at": when(event.sent_at)}
            for event in seen.pending_events
        ],
        "pending_event_count": seen.pending_event_count,
    }
