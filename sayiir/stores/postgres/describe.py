"""An instance as it stands, and the statement that lists are made with too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, Protocol

from sayiir.stores.postgres.texts import decode_labels, decode_text
from sayiir.stores.records import InstanceRecord, ParkedItem
from sayiir.stores.relational.codes import (
    CONTROLS,
    DELAY,
    ENDED,
    HELD,
    JOIN,
    READY,
    RUNNING,
    SIGNAL,
    STATES,
)
from sayiir.stores.relational.damage import DamagedRow, check_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.stores.postgres.driver import Record

__all__ = [
    "DESCRIBED",
    "LEASED",
    "MOMENT",
    "OPEN",
    "Source",
    "describe",
    "describe_run",
    "record_of",
    "said",
]

MAX_PARKED: Final = 100


class Source(Protocol):
    """What one statement can be asked of: a database, or a transaction of it."""

    async def fetch(self, template: str, *values: object) -> Sequence[Record]:
        """The rows of one statement."""
        ...

    async def fetchrow(self, template: str, *values: object) -> Record | None:
        """Its first row, or None."""
        ...


MOMENT: Final = "moment as materialized (select @now as now)"
"""The time of a statement, asked once: the clock goes on while a statement runs, and no index
can be searched for a time that changes with every row.
"""

_NOW: Final = "(select now from moment)"
LEASED: Final = f"holder is not null and lease_until > {_NOW}"

# Each open item is leased, ready or parked, or none of these (held, or waiting for arms).
_STANDING: Final = f"""
case
    when {LEASED} then 'leased'
    when holder is not null or phase = {READY} or event_id is not null and phase = {SIGNAL}
        or phase = {JOIN} and pending = 0 and created = total
        or phase between {DELAY} and {SIGNAL} and wake_at <= {_NOW}
        or parent_spawn_path is null and instance.deadline_at <= {_NOW} then 'ready'
    when phase between {DELAY} and {SIGNAL} then 'parked'
end
"""
_OPEN_ITEMS: Final = f"""
select path, wake_at, parked_as, case when phase = {SIGNAL} then signal_name end as signal_name,
    {_STANDING} as standing
from @work_item
where run = instance.run and phase <> {ENDED} and phase <> {HELD}
"""  # noqa: S608 - numbers of our own

OPEN: Final = f"""
cross join lateral (
    select count(*) filter (where standing = 'leased') as leased,
        count(*) filter (where standing = 'ready') as ready,
        count(*) filter (where standing = 'parked') as parked
    from ({_OPEN_ITEMS}) as item
) as open
cross join lateral (
    select array_agg(path) as paths, array_agg(wake_at) as wakes,
        array_agg(signal_name) as signals
    from (
        select * from ({_OPEN_ITEMS}) as item
        where standing = 'parked' and open.parked > 0 and instance.state = {RUNNING}
        order by wake_at nulls last, parked_as limit {MAX_PARKED}
    ) as first
) as parked
"""  # noqa: S608 - numbers of our own
"""Joins an ``instance`` with its counts (``open``) and its first waits (``parked``)."""

DESCRIBED: Final = """
instance.run, instance.run_id, instance.instance_id, instance.workflow_name,
instance.workflow_version, instance.state, instance.control, instance.reason,
instance.requested_by, instance.priority, instance.labels, instance.traceparent,
instance.created_at, instance.finished_at, instance.deadline_at, instance.output, instance.error,
(select hash from @definition where id = instance.definition) as definition_hash,
open.leased, open.ready, parked.paths, array_to_json(parked.wakes)::text as wakes, parked.signals
"""
"""The columns that ``record_of`` reads, of an ``instance`` joined with ``OPEN``.

Numbers come as text, for the driver asks the server what an array of them is, once on each
connection: 8 ms.
"""

_CODES: Final = {"state": len(STATES), "control": len(CONTROLS)}
_TIMES: Final = ("created_at", "finished_at", "deadline_at")

_BY_ID: Final = (
    f"with {MOMENT} select {DESCRIBED} from @instance as instance {OPEN} "  # noqa: S608
    "where instance.instance_id = $1"
)
_BY_RUN: Final = (
    f"with {MOMENT} select {DESCRIBED} from @instance as instance {OPEN} "  # noqa: S608
    "where instance.run = $1"
)
_BY_RUN_AT: Final = _BY_RUN.replace("@now", "$2::bigint")


async def describe(source: Source, instance_id: str) -> InstanceRecord | None:
    """The instance as it stands, or None. One statement."""
    row = await source.fetchrow(_BY_ID, instance_id)
    return None if row is None else record_of(row)


async def describe_run(
    source: Source, run: int, *, at_us: int | None = None
) -> InstanceRecord | None:
    """The run as it stands (at this time of the store), or None. One statement."""
    if at_us is None:
        row = await source.fetchrow(_BY_RUN, run)
    else:
        row = await source.fetchrow(_BY_RUN_AT, run, at_us)
    return None if row is None else record_of(row)


def record_of(row: Record) -> InstanceRecord:
    """The record that a row of ``DESCRIBED`` tells.

    Raises:
        DamagedRow: a number in it makes no sense.
    """
    name, wakes = row["instance_id"], json.loads(row["wakes"] or "[]")
    for column, codes in _CODES.items():
        if not 0 <= row[column] < codes:
            raise DamagedRow(name, f"instance.{column}", row[column])
    check_numbers(name, [(f"instance.{column}", row[column]) for column in _TIMES])
    check_numbers(name, [("work_item.wake_at", at) for at in wakes])
    return InstanceRecord(
        run=row["run"],
        run_id=row["run_id"],
        instance_id=row["instance_id"],
        workflow_name=row["workflow_name"],
        workflow_version=row["workflow_version"],
        definition_hash=row["definition_hash"],
        state=STATES[int(row["state"])],
        control=CONTROLS[int(row["control"])],
        reason=said(row, "reason"),
        requested_by=said(row, "requested_by"),
        priority=row["priority"],
        labels=decode_labels(row["labels"]),
        traceparent=said(row, "traceparent"),
        created_at_us=row["created_at"],
        finished_at_us=row["finished_at"],
        deadline_at_us=row["deadline_at"],
        output=row["output"],
        error=row["error"],
        ready=row["ready"] if row["state"] == RUNNING else 0,
        leased=row["leased"],
        parked=tuple(map(ParkedItem, row["paths"] or (), wakes, row["signals"] or ())),
    )


def said(row: Record, column: str) -> str | None:
    """What people said in this column."""
    body: bytes | None = row[column]
    return decode_text(body)
