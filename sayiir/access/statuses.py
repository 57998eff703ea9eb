"""From what a store keeps of an instance to what users see: statuses, outputs, histories."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sayiir.engine.failures import failure_from_bytes
from sayiir.status import (
    AwaitingSignal,
    Cancelled,
    Completed,
    Failed,
    InProgress,
    InstanceInfo,
    Parked,
    Paused,
    TaskResult,
    Waiting,
)
from sayiir.stores.records import InstanceState, StatusName

if TYPE_CHECKING:
    from sayiir.access.programs import Programs
    from sayiir.engine.program import Program
    from sayiir.errors import FailureInfo
    from sayiir.status import WorkflowStatus
    from sayiir.stores.records import InstanceRecord, ResultRecord
    from sayiir.workflow import Workflow

__all__ = [
    "info_of",
    "moment",
    "status_from_name",
    "status_name",
    "status_of",
    "task_result_of",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(at_us: int) -> datetime:
    """Microseconds since the Unix epoch as an aware datetime."""
    return _EPOCH + timedelta(microseconds=at_us)


_FILTERS = {
    Completed.__name__: StatusName.COMPLETED,
    Failed.__name__: StatusName.FAILED,
    Cancelled.__name__: StatusName.CANCELLED,
    InProgress.__name__: StatusName.IN_PROGRESS,
    Paused.__name__: StatusName.PAUSED,
    Waiting.__name__: StatusName.WAITING,
    AwaitingSignal.__name__: StatusName.AWAITING_SIGNAL,
}


_NAMES = {status: name for name, status in _FILTERS.items()}


def status_name(record: InstanceRecord) -> str:
    """Name of the status class that a record stands for."""
    return _NAMES[record.status]


def status_from_name(name: str) -> StatusName:
    """The status to filter by, from the name of its class.

    Raises:
        TypeError: it is no text.
        ValueError: no status is called so.
    """
    given: object = name
    if not isinstance(given, str):
        raise TypeError(f'status is the name of one, as "Failed", not {given!r}')
    if name not in _FILTERS:
        raise ValueError(f"no status is called {name!r}; there are {', '.join(_FILTERS)}")
    return _FILTERS[name]


async def status_of(
    record: InstanceRecord,
    programs: Programs,
    workflow: Workflow[Any, Any] | None,
) -> WorkflowStatus[Any]:
    """The status that a record stands for, with the output read where it is completed.

    Raises:
        DefinitionMismatch: the workflow named is not the one that created the instance.
    """
    if workflow is not None and workflow.definition_hash != record.definition_hash:
        raise await programs.mismatch(record, workflow.definition)
    match record.state:
        case InstanceState.COMPLETED:
            program = await programs.for_record(record, workflow)
            return Completed(await programs.output(record, program))
        case InstanceState.FAILED:
            return Failed(_failure(record.error))
        case InstanceState.CANCELLED:
            return Cancelled(record.reason, record.requested_by)
        case InstanceState.RUNNING:
            return _running(record)


def _running(record: InstanceRecord) -> InProgress | Paused | Waiting | AwaitingSignal:
    parked = tuple(
        Parked(
            item.path,
            None if item.wake_at_us is None else moment(item.wake_at_us),
            item.signal_name,
        )
        for item in record.parked
    )
    first = parked[0] if parked else None
    match record.status:
        case StatusName.PAUSED:
            return Paused(record.reason, record.requested_by, parked)
        case StatusName.AWAITING_SIGNAL if first and first.signal_name is not None:
            return AwaitingSignal(first.signal_name, first.wake_at, first.path, parked)
        case StatusName.WAITING if first and first.wake_at is not None:
            return Waiting(first.wake_at, first.path, parked)
        case _:
            return InProgress(parked)


def _failure(error: bytes | None) -> FailureInfo:
    return failure_from_bytes(error or b"")


def info_of(record: InstanceRecord) -> InstanceInfo:
    """One line of a list."""
    return InstanceInfo(
        instance_id=record.instance_id,
        run_id=record.run_id,
        workflow_name=record.workflow_name,
        workflow_version=record.workflow_version,
        definition_hash=record.definition_hash,
        status=status_name(record),
        priority=record.priority,
        labels=dict(record.labels),
        created_at=moment(record.created_at_us),
        finished_at=None if record.finished_at_us is None else moment(record.finished_at_us),
    )


def task_result_of(record: ResultRecord, program: Program) -> TaskResult:
    """One line of a history."""
    output = None
    if record.output is not None:
        output = program.plan(record.node_path).decode(record.output)
    return TaskResult(
        path=record.path,
        output=output,
        error=None if record.error is None else failure_from_bytes(record.error),
        attempts=record.attempts,
        started_at=moment(record.started_at_us),
        finished_at=moment(record.finished_at_us),
    )
