"""One instance looked at closely: its input, its open items, its kept events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sayiir.limits import MAX_INSPECTED
from sayiir.stores.inspection import EventRecord, Inspection, ItemRecord, ProgressRecord
from sayiir.stores.postgres.describe import describe_run, said
from sayiir.stores.postgres.snapshot import snapshot
from sayiir.stores.records import ItemKey
from sayiir.stores.relational.codes import BACKOFF, DELAY, ENDED, HELD, PHASES, SIGNAL
from sayiir.stores.relational.damage import DamagedRow, check_numbers

if TYPE_CHECKING:
    from sayiir.stores.postgres.database import Database
    from sayiir.stores.postgres.driver import Record

__all__ = ["inspect"]

_WHOLE: Final = f"""
select run,
    (select body from @instance_input where run = instance.run) as input,
    (select count(*) from @work_item where run = instance.run and phase <> {ENDED}) as open_items,
    (select count(*) from @event where run = instance.run and consumed_at_path is null)
        as kept_events
from @instance as instance where instance_id = $1
"""  # noqa: S608 - a number of our own
# A report counts while the item stands where it stood when the attempt began.
_ITEMS: Final = f"""
select item.spawn_path, item.idx, item.path, item.phase, item.failures,
    item.interruptions_ever, item.error, item.error_at,
    coalesce(item.wait_until, case when item.phase in ({DELAY}, {BACKOFF})
        or item.phase = {SIGNAL} and item.event_id is null then item.wake_at end) as wake_at,
    case when item.phase = {SIGNAL} and item.event_id is null
        then item.signal_name end as signal_name,
    item.holder is not null and item.lease_until > $2 as leased, item.holder,
    item.lease_until, said.path as said_path, said.attempt, said.fraction, said.message,
    said.reported_at
from @work_item as item
left join @progress as said on said.run = item.run and said.spawn_path = item.spawn_path
    and said.idx = item.idx and said.epoch = item.epoch and said.stands_at = item.path
    and said.failures = item.failures
where item.run = $1 and item.phase <> {ENDED}
order by (item.holder is not null and item.lease_until > $2) desc, item.phase = {HELD},
    item.spawn_path, item.idx
limit {MAX_INSPECTED}
"""  # noqa: S608 - numbers of our own
_NUMBERS: Final = ("failures", "interruptions_ever", "error_at", "wake_at", "lease_until")
_SAID_NUMBERS: Final = ("attempt", "reported_at")
_EVENTS: Final = f"""
select id, signal_name, address, sent_at from @event
where run = $1 and consumed_at_path is null order by id limit {MAX_INSPECTED}
"""  # noqa: S608 - a number of our own


async def inspect(db: Database, instance_id: str) -> Inspection | None:
    """The instance with its input, its open items and its kept events, or None.

    All as of one moment: one snapshot, and one time.
    """
    async with snapshot(db) as session:
        whole = await session.fetchrow(_WHOLE, instance_id)
        if whole is None:
            return None
        run, now = whole["run"], await session.now()
        record = await describe_run(session, run, at_us=now)
        if record is None:
            return None
        return Inspection(
            at_us=now,
            record=record,
            input=whole["input"],
            items=tuple(_item(instance_id, row) for row in await session.fetch(_ITEMS, run, now)),
            open_items=whole["open_items"],
            events=tuple(_event(instance_id, row) for row in await session.fetch(_EVENTS, run)),
            kept_events=whole["kept_events"],
        )


def _item(instance_id: str, row: Record) -> ItemRecord:
    leased = row["leased"]
    if not 0 <= row["phase"] < len(PHASES):
        raise DamagedRow(instance_id, "work_item.phase", row["phase"])
    check_numbers(instance_id, [(f"work_item.{name}", row[name]) for name in _NUMBERS])
    if row["said_path"] is not None:
        check_numbers(instance_id, [(f"progress.{name}", row[name]) for name in _SAID_NUMBERS])
    return ItemRecord(
        item=ItemKey(row["spawn_path"], row["idx"]),
        path=row["path"],
        phase=PHASES[int(row["phase"])],
        failures=row["failures"],
        interruptions_ever=row["interruptions_ever"],
        error=row["error"],
        error_at_us=None if row["error"] is None else row["error_at"],
        wake_at_us=row["wake_at"],
        signal_name=row["signal_name"],
        holder=row["holder"] if leased else None,
        lease_until_at_us=row["lease_until"] if leased else None,
        progress=_progress(row),
    )


def _progress(row: Record) -> ProgressRecord | None:
    if row["said_path"] is None:
        return None
    return ProgressRecord(
        path=row["said_path"],
        attempt=row["attempt"],
        fraction=row["fraction"],
        message=said(row, "message"),
        at_us=row["reported_at"],
    )


def _event(instance_id: str, row: Record) -> EventRecord:
    check_numbers(instance_id, [("event.sent_at", row["sent_at"])])
    return EventRecord(
        event_id=row["id"],
        signal_name=row["signal_name"],
        path=row["address"] or None,
        sent_at_us=row["sent_at"],
    )
