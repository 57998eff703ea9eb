"""What people look at: an instance, pages of them, an instance's history."""

from __future__ import annotations

import heapq
import logging
from typing import TYPE_CHECKING, Final

from sayiir.printable import printable
from sayiir.stores.records import (
    Control,
    InstanceQuery,
    InstanceRecord,
    InstanceState,
    Page,
    ParkedItem,
    ResultRecord,
    StatusName,
)
from sayiir.stores.relational.codes import (
    BACKOFF,
    CONTROL_CODES,
    CONTROLS,
    DELAY,
    ENDED,
    HELD,
    JOIN,
    READY,
    RUNNING,
    SIGNAL,
    STATE_CODES,
    STATES,
)
from sayiir.stores.relational.damage import BEGINNING_OF_TIME, DamagedRow, check_numbers
from sayiir.stores.relational.labels import decode_labels
from sayiir.stores.relational.order import run_before
from sayiir.stores.sqlite import queues

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sayiir.stores.relational.rows import Run
    from sayiir.stores.sqlite.transaction import Transaction

__all__ = ["describe", "page", "results"]

LOGGER: Final = logging.getLogger("sayiir.stores.sqlite")
MAX_PARKED: Final = 100
_ENDS: Final = (StatusName.COMPLETED, StatusName.FAILED, StatusName.CANCELLED)
_CHUNK: Final = 200
_FIRST: Final = 20
# Word for word as the indexes of such items have it.
_WAITS: Final = {
    StatusName.WAITING: f"phase in ({DELAY}, {BACKOFF})",
    StatusName.AWAITING_SIGNAL: f"phase = {SIGNAL} and event_id is null",
}
_PAUSE: Final = CONTROL_CODES[Control.PAUSE]

# Each open item is leased, ready or parked, or none of these (held, or waiting for arms).
_SORTED_ITEMS: Final = f"""
select path, wake_at, signal_name, phase, parked_as,
    case
        when holder is not null and lease_until > :now then 'leased'
        when holder is not null or phase = {READY} or event_id is not null and phase = {SIGNAL}
            or phase = {JOIN} and pending = 0 and created = total
            or phase between {DELAY} and {SIGNAL} and wake_at <= :now
            or parent_spawn_path is null and :deadline <= :now then 'ready'
        when phase between {DELAY} and {SIGNAL} then 'parked'
    end as standing
from work_item indexed by work_item_open
where run = :run and phase <> {ENDED} and phase <> {HELD}
"""  # noqa: S608 - numbers of our own


def describe(tx: Transaction, run: Run) -> InstanceRecord:
    """The instance as it stands."""
    values = {"run": run.run, "now": tx.now, "deadline": run.deadline_at}
    counts = dict(
        tx.execute(
            f"select standing, count(*) from ({_SORTED_ITEMS}) group by standing",  # noqa: S608
            values,
        ).fetchall()
    )
    running = run.state == RUNNING
    parked = _parked(tx, run, values) if running and counts.get("parked") else ()
    return InstanceRecord(
        run=run.run,
        run_id=run.run_id,
        instance_id=run.instance_id,
        workflow_name=run.workflow_name,
        workflow_version=run.workflow_version,
        definition_hash=run.definition_hash,
        state=STATES[run.state],
        control=CONTROLS[run.control],
        reason=run.reason,
        requested_by=run.requested_by,
        priority=run.priority,
        labels=decode_labels(run.labels),
        traceparent=run.traceparent,
        created_at_us=run.created_at,
        finished_at_us=run.finished_at,
        deadline_at_us=run.deadline_at,
        output=run.output,
        error=run.error,
        ready=counts.get("ready", 0) if running else 0,
        leased=counts.get("leased", 0),
        parked=parked,
    )


def _parked(tx: Transaction, run: Run, values: dict[str, int | None]) -> tuple[ParkedItem, ...]:
    rows = tx.execute(
        "select cast(path as text), wake_at, cast(signal_name as text), phase "  # noqa: S608
        f"from ({_SORTED_ITEMS}) where standing = 'parked' "
        f"order by wake_at is null, wake_at, parked_as limit {MAX_PARKED}",
        values,
    ).fetchall()
    check_numbers(run.instance_id, [("work_item.wake_at", row[1]) for row in rows])
    return tuple(
        ParkedItem(path, wake_at, signal_name if phase == SIGNAL else None)
        for path, wake_at, signal_name, phase in rows
    )


# -- pages


def page(tx: Transaction, query: InstanceQuery) -> Page:
    """A page of instances, newest first; its cursor is the last run's number.

    Raises:
        ValueError: the cursor isn't one.
    """
    records: list[InstanceRecord] = []
    for number in _candidates(tx, query, run_before(query.cursor)):
        try:
            run = tx.find_run(number)
            if run is None or query.workflow_name not in (None, run.workflow_name):
                continue
            if query.labels and not set(query.labels) <= set(decode_labels(run.labels)):
                continue
            record = describe(tx, run)
        except DamagedRow as damage:
            LOGGER.warning("left out of a list: %s", printable(str(damage)))
            continue
        if query.status is None or record.status is query.status:
            records.append(record)
        if len(records) > query.limit:
            last = records[query.limit - 1]
            return Page(tuple(records[: query.limit]), str(last.run))
    return Page(tuple(records), None)


def _candidates(tx: Transaction, query: InstanceQuery, before: int) -> Iterator[int]:
    """Runs that may fit, newest first, by an index that leaves out most that don't."""
    if query.status is StatusName.IN_PROGRESS:
        yield from _active(tx, before)
    elif query.status in _WAITS and not query.labels:
        yield from _waiting(tx, _WAITS[query.status], query.workflow_name, before)
    else:
        yield from _runs(tx, *_source(query), before)


def _runs(
    tx: Transaction, source: str, values: tuple[object, ...], before: int, first: int = _CHUNK
) -> Iterator[int]:
    """The runs of a table's rows, newest first; a few at first where few may be wanted."""
    size = first
    while True:
        rows = tx.execute(
            f"select distinct run from {source} and run < ? order by run desc limit {size}",  # noqa: S608
            (*values, before),
        ).fetchall()
        for (run,) in rows:
            yield run
        if len(rows) < size:
            return
        before, size = rows[-1][0], _CHUNK


def _waiting(tx: Transaction, waits: str, name: str | None, before: int) -> Iterator[int]:
    """Runs of which something waits so, of this workflow or of any, newest first.

    A queue is of one definition, which has one workflow's name, and the index is by queue: what
    waits of other workflows is not met.
    """
    streams = [
        _runs(tx, f"work_item where queue = ? and {waits}", (queue,), before, _FIRST)
        for queue in _queues_waiting(tx, waits)
        if name is None or name == _workflow_of(tx, queue, waits)
    ]
    last = None
    for run in heapq.merge(*streams, reverse=True):
        if run != last:  # it may stand in several queues
            yield run
        last = run


def _queues_waiting(tx: Transaction, waits: str) -> Iterator[int]:
    """The queues in which something waits so, hopping from one to the next."""
    last = 0
    while True:
        (last,) = tx.execute(
            f"select min(queue) from work_item where queue > ? and {waits}",  # noqa: S608
            (last,),
        ).fetchone()
        if last is None:
            return
        yield last


def _workflow_of(tx: Transaction, queue: int, waits: str) -> str | None:
    """The name of the workflow of all that stands in the queue."""
    row = tx.execute(
        "select cast(workflow_name as text) from instance where run = "  # noqa: S608
        f"(select max(run) from work_item where queue = ? and {waits})",
        (queue,),
    ).fetchone()
    return None if row is None else row[0]


def _source(query: InstanceQuery) -> tuple[str, tuple[object, ...]]:
    if query.labels:
        return _labelled(query)
    match query.status:
        case StatusName.PAUSED:
            return "instance where control <> 0", ()
        case None if query.workflow_name is None:
            return "instance where 1", ()
        case None:
            return "instance where workflow_name = ?", (query.workflow_name,)
        case ended:
            state = STATE_CODES[InstanceState(ended.value)]
            if query.workflow_name is None:
                return f"instance where state = {state} and state <> 0", ()
            return (
                f"instance where workflow_name = ? and state = {state} and state <> 0",
                (query.workflow_name,),
            )


def _labelled(query: InstanceQuery) -> tuple[str, tuple[object, ...]]:
    """The first label leads; what else is asked is looked up by index for each of its runs."""
    (name, value), *others = query.labels
    source = "label where name = ? and value = ?"
    values: list[object] = [name, value]
    for other in others:
        source += (
            " and exists (select 1 from label as other "
            "where other.name = ? and other.value = ? and other.run = label.run)"
        )
        values += other
    if query.status in _ENDS:
        source += (
            " and exists (select 1 from instance "
            "where instance.run = label.run and instance.state = ?)"
        )
        values.append(STATE_CODES[InstanceState(query.status.value)])
    return source, tuple(values)


def _active(tx: Transaction, before: int) -> list[int]:
    """Runs of which something is leased, ready, due or kept back after interruptions.

    That is as much as workers have before them, however many wait.
    """
    rows = tx.execute(
        "select run from work_item where process is not null "
        "union select run from work_item where rank is not null "
        "union select run from work_item where wait_until is not null"
    ).fetchall()
    runs = {run for (run,) in rows}
    for queue in queues.with_work(tx):
        runs.update(queues.runs_due(tx, queue))
    return sorted((run for run in runs if run < before), reverse=True)


# -- history


def results(tx: Transaction, instance_id: str) -> list[ResultRecord]:
    """What was committed, in that order; then what open and failed items met last."""
    run = tx.find_instance(instance_id)
    if run is None:
        return []
    rows = tx.execute(
        "select cast(path as text), cast(node_path as text), cast(output as blob), attempts, "
        "duration, finished_at from task_result where run = ? order by seq",
        (run.run,),
    ).fetchall()
    for *_, attempts, duration, finished_at in rows:
        _check_result(instance_id, attempts, duration, finished_at)
    records = [
        ResultRecord(
            path=path,
            node_path=node_path,
            output=output,
            error=None,
            attempts=attempts,
            started_at_us=finished_at - duration,
            finished_at_us=finished_at,
        )
        for path, node_path, output, attempts, duration, finished_at in rows
    ]
    errors = tx.execute(
        "select cast(path as text), cast(error as blob), failures + failed, error_at "
        "from work_item where run = ? and error is not null order by spawn_path, idx",
        (run.run,),
    ).fetchall()
    for path, error, attempts, at in errors:
        check_numbers(instance_id, (("work_item.failures", attempts), ("work_item.error_at", at)))
        records.append(
            ResultRecord(
                path=path,
                node_path=path,
                output=None,
                error=error,
                attempts=attempts,
                started_at_us=at,
                finished_at_us=at,
            )
        )
    return records


def _check_result(instance_id: str, attempts: int, duration: int, finished_at: int) -> None:
    numbers = {"attempts": attempts, "duration": duration, "finished_at": finished_at}
    check_numbers(instance_id, [(f"task_result.{name}", n) for name, n in numbers.items()])
    if finished_at - duration < BEGINNING_OF_TIME:
        raise DamagedRow(instance_id, "task_result.duration", duration)
