"""What people look at closely, and what is swept when it is old."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from sayiir.limits import MAX_INSPECTED
from sayiir.stores.inspection import EventRecord, Inspection, ItemRecord, ProgressRecord
from sayiir.stores.memory.reads import describe
from sayiir.stores.records import InstanceState, Phase

if TYPE_CHECKING:
    from sayiir.stores.inspection import Retention
    from sayiir.stores.memory.rows import EventRow, Item, Run
    from sayiir.stores.memory.tables import Tables

__all__ = ["delete_finished", "inspect"]

_TIMED = (Phase.DELAY, Phase.BACKOFF)


def inspect(run: Run, now: int) -> Inspection:
    """The instance with its input, its open items and its kept events."""

    def leased_first(item: Item) -> tuple[object, ...]:
        return (not _leased(item, now), item.phase is Phase.HELD, item.key)

    kept = sorted((each for queue in run.kept.values() for each in queue), key=_accepted)
    return Inspection(
        at_us=now,
        record=describe(run, now),
        input=run.new.input,
        items=tuple(
            _item_record(item, now)
            for item in heapq.nsmallest(MAX_INSPECTED, run.open.values(), key=leased_first)
        ),
        open_items=len(run.open),
        events=tuple(
            EventRecord(
                event_id=each.event_id,
                signal_name=each.signal_name,
                path=each.address,
                sent_at_us=each.sent_at,
            )
            for each in kept[:MAX_INSPECTED]
        ),
        kept_events=len(kept),
    )


def _accepted(event: EventRow) -> int:
    return event.event_id


def _leased(item: Item, now: int) -> bool:
    return item.holder is not None and item.lease_until > now


def _item_record(item: Item, now: int) -> ItemRecord:
    leased = _leased(item, now)
    awaits = item.phase is Phase.SIGNAL and item.event is None
    timed = item.wake_at if item.phase in _TIMED or awaits else None
    return ItemRecord(
        item=item.key,
        path=item.path,
        phase=item.phase,
        failures=item.failures,
        interruptions_ever=item.interruptions_ever,
        error=item.error,
        error_at_us=None if item.error is None else item.error_at,
        wake_at_us=timed if item.wait_until is None else item.wait_until,
        signal_name=item.signal_name if awaits else None,
        holder=item.holder if leased else None,
        lease_until_at_us=item.lease_until if leased else None,
        progress=_progress(item),
    )


def _progress(item: Item) -> ProgressRecord | None:
    """What the attempt at hand said last; what an earlier one said is over."""
    if item.report is None:
        return None
    said, at = item.report
    if (said.fence.epoch, said.at, said.failures) != (item.epoch, item.path, item.failures):
        return None
    return ProgressRecord(
        path=said.path,
        attempt=said.attempt,
        fraction=said.fraction,
        message=said.message,
        at_us=at,
    )


def delete_finished(tables: Tables, retention: Retention) -> int:
    """Remove what ended long ago, the longest ago first; how many."""
    until = tables.now - retention.older_than_us
    old = [
        (run.finished_at, run.number)
        for run in tables.runs.values()
        if run.state is not InstanceState.RUNNING
        and run.finished_at is not None
        and run.finished_at <= until
        and retention.workflow_name in (None, run.new.workflow_name)
        and retention.state in (None, run.state)
    ]
    chosen = heapq.nsmallest(retention.limit, old)
    for _, number in chosen:
        tables.remove(tables.runs[number])
    return len(chosen)
