"""From a store's inspection of an instance to its description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sayiir.access.statuses import moment, status_of
from sayiir.description import InstanceDescription, OpenItem, PendingEvent, Progress
from sayiir.engine.failures import failure_from_bytes
from sayiir.stores.records import InstanceState, Phase

if TYPE_CHECKING:
    from datetime import datetime

    from sayiir.access.programs import Programs
    from sayiir.stores.inspection import Inspection, ItemRecord
    from sayiir.workflow import Workflow

__all__ = ["description_of"]


async def description_of(
    inspection: Inspection, programs: Programs, workflow: Workflow[Any, Any] | None
) -> InstanceDescription:
    """What users see of it.

    Raises:
        DefinitionMismatch: the workflow named is not the one that created the instance.
    """
    record = inspection.record
    program = await programs.for_record(record, workflow)
    return InstanceDescription(
        instance_id=record.instance_id,
        run_id=record.run_id,
        workflow_name=record.workflow_name,
        workflow_version=record.workflow_version,
        definition_hash=record.definition_hash,
        status=await status_of(record, programs, workflow),
        input=program.input_plan.decode(inspection.input),
        labels=dict(record.labels),
        priority=record.priority,
        traceparent=record.traceparent,
        created_at=moment(record.created_at_us),
        finished_at=_maybe(record.finished_at_us),
        deadline=_maybe(record.deadline_at_us),
        described_at=moment(inspection.at_us),
        open_items=tuple(_open_item(item, inspection) for item in inspection.items),
        open_item_count=inspection.open_items,
        pending_events=tuple(
            PendingEvent(
                signal_name=event.signal_name, path=event.path, sent_at=_maybe(event.sent_at_us)
            )
            for event in inspection.events
        ),
        pending_event_count=inspection.kept_events,
    )


def _maybe(at_us: int | None) -> datetime | None:
    return None if at_us is None else moment(at_us)


def _open_item(item: ItemRecord, inspection: Inspection) -> OpenItem:
    said = item.progress
    phase = _phase(item, inspection)
    progress = None
    if said is not None and item.holder is not None:
        progress = Progress(fraction=said.fraction, message=said.message, at=moment(said.at_us))
    running = phase == "running"
    timeless = running or (phase == "ready" and not _waits(item, inspection))
    error = None if item.error is None else failure_from_bytes(item.error)
    failures = item.failures
    attempt = failures + item.interruptions_ever + 1 if said is None else said.attempt
    # The store counts what was retried. The failure that ended the item is of the attempt after.
    if phase == "stopped" and error is not None and error.task is not None:
        failures += error.attempt > item.failures + item.interruptions_ever
    return OpenItem(
        # A task that follows a timer, an event or a join runs before its position is stored.
        path=item.path if said is None else said.path,
        phase=phase,
        attempt=attempt,
        failures=failures,
        last_error=error,
        failed_at=_maybe(item.error_at_us),
        progress=progress,
        due_at=None if timeless else _maybe(item.wake_at_us),
        signal_name=None if running else item.signal_name,
        leased_until=_maybe(item.lease_until_at_us),
        holder=item.holder,
    )


def _phase(item: ItemRecord, inspection: Inspection) -> str:
    waits = _waits(item, inspection)
    if item.holder is not None:
        # A short backoff is slept by the holder.
        return "backoff" if item.phase is Phase.BACKOFF and waits else "running"
    if inspection.record.state is InstanceState.FAILED:
        return "stopped"
    if item.phase is Phase.BACKOFF and not waits:
        return "ready"  # it is over, or ``retry`` set the count back
    if item.phase is Phase.SIGNAL and item.signal_name is None:
        return "ready"  # its event has come, and nobody has taken it yet
    return item.phase.value


def _waits(item: ItemRecord, inspection: Inspection) -> bool:
    return item.wake_at_us is not None and item.wake_at_us > inspection.at_us
