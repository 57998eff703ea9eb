"""Reading: what a worker loads, and what people look at."""

from __future__ import annotations

import heapq
from itertools import islice
from typing import TYPE_CHECKING

from sayiir.stores.memory.rows import Item, Run
from sayiir.stores.memory.tables import own_due
from sayiir.stores.records import (
    ArmEnd,
    InstanceQuery,
    InstanceRecord,
    InstanceState,
    Loaded,
    Page,
    ParkedItem,
    Phase,
    ResultRecord,
    Wanted,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sayiir.stores.memory.tables import Tables

__all__ = ["describe", "load", "page", "results"]

MAX_PARKED = 100


def load(tables: Tables, wanted: Wanted) -> Loaded:
    """What was asked of one run; what isn't there is left out."""
    run = tables.runs.get(wanted.run)
    if run is None:
        return Loaded()
    latest = {each: run.latest(each) for each in wanted.latest}
    items = {key: run.item(key) for key in wanted.elements}
    return Loaded(
        results={p: run.results[p].result.output for p in wanted.results if p in run.results},
        latest={each: found for each, found in latest.items() if found is not None},
        joins={path: _join(run, path) for path in wanted.joins if path in run.spawns},
        elements={
            key: item.element
            for key, item in items.items()
            if item is not None and item.element is not None
        },
        events={n: run.events[n].payload for n in wanted.events if n in run.events},
        input=run.new.input if wanted.input else None,
    )


def _join(run: Run, spawn_path: str) -> tuple[ArmEnd, ...]:
    return tuple(
        ArmEnd(index, item.output, item.error)
        for index, item in sorted(run.spawns[spawn_path].items())
        if item.phase is Phase.ENDED
    )


def describe(run: Run, now: int) -> InstanceRecord:
    """The instance as it stands."""
    ready, leased, parked = 0, 0, list[Item]()
    running = run.state is InstanceState.RUNNING
    for item in run.open.values():
        if item.holder is not None and item.lease_until > now:
            leased += 1
        elif running and _could_be_claimed(run, item, now):
            ready += 1
        elif running and item.phase in (Phase.DELAY, Phase.BACKOFF, Phase.SIGNAL):
            parked.append(item)
    new = run.new
    return InstanceRecord(
        run=run.number,
        run_id=new.run_id,
        instance_id=new.instance_id,
        workflow_name=new.workflow_name,
        workflow_version=new.workflow_version,
        definition_hash=new.definition_hash,
        state=run.state,
        control=run.control,
        reason=run.reason,
        requested_by=run.requested_by,
        priority=new.priority,
        labels=new.labels,
        traceparent=new.traceparent,
        created_at_us=run.created_at,
        finished_at_us=run.finished_at,
        deadline_at_us=run.deadline_at,
        output=run.output,
        error=run.error,
        ready=ready,
        leased=leased,
        parked=tuple(
            ParkedItem(
                item.path,
                item.wake_at,
                item.signal_name if item.phase is Phase.SIGNAL else None,
            )
            for item in heapq.nsmallest(MAX_PARKED, parked, key=_earliest_first)
        ),
    )


def _could_be_claimed(run: Run, item: Item, now: int) -> bool:
    """Whether the item's time has come, waits after interruptions aside."""
    when = own_due(item)
    by_deadline = item.parent is None and run.deadline_at is not None and run.deadline_at <= now
    return item.holder is not None or by_deadline or (when is not None and when[0] <= now)


def _earliest_first(item: Item) -> tuple[bool, int, int]:
    return item.wake_at is None, item.wake_at or 0, item.parked_as


def page(tables: Tables, query: InstanceQuery) -> Page:
    """A page of instances, newest first; its cursor is the last run's number."""
    cursor = query.cursor
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise ValueError(f"{cursor!r} is no cursor; pass the one that the page before gave")
    before = None if cursor is None else int(cursor)
    records = list(islice(_matching(tables, query, before), query.limit + 1))
    more = len(records) > query.limit
    records = records[: query.limit]
    return Page(tuple(records), str(records[-1].run) if more else None)


def _matching(tables: Tables, query: InstanceQuery, before: int | None) -> Iterator[InstanceRecord]:
    for number in reversed(tables.runs):
        run = tables.runs[number]
        if before is not None and number >= before:
            continue
        if query.workflow_name not in (None, run.new.workflow_name):
            continue
        if not set(query.labels) <= set(run.new.labels):
            continue
        record = describe(run, tables.now)
        if query.status is None or record.status is query.status:
            yield record


def results(run: Run) -> list[ResultRecord]:
    """What was committed, in that order; then what open and failed items met last."""
    records = [
        ResultRecord(
            path=row.result.path,
            node_path=row.result.node_path,
            output=row.result.output,
            error=None,
            attempts=row.result.attempts,
            started_at_us=row.finished_at - row.result.duration_us,
            finished_at_us=row.finished_at,
        )
        for row in run.results.values()
    ]
    for _, siblings in sorted(run.spawns.items()):
        for _, item in sorted(siblings.items()):
            if item.error is not None:
                records.append(_error_record(item, item.error))
    return records


def _error_record(item: Item, error: bytes) -> ResultRecord:
    return ResultRecord(
        path=item.path,
        node_path=item.path,
        output=None,
        error=error,
        attempts=item.failures + item.failed,
        started_at_us=item.error_at,
        finished_at_us=item.error_at,
    )
