"""One instance looked at closely: its input, its open items, its kept events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sayiir.limits import MAX_INSPECTED
from sayiir.stores.inspection import EventRecord, Inspection, ItemRecord, ProgressRecord
from sayiir.stores.records import ItemKey
from sayiir.stores.relational.codes import BACKOFF, DELAY, ENDED, HELD, PHASES, SIGNAL
from sayiir.stores.relational.damage import DamagedRow, check_numbers
from sayiir.stores.sqlite.listing import describe

if TYPE_CHECKING:
    from sayiir.stores.relational.rows import Run
    from sayiir.stores.sqlite.transaction import Transaction

__all__ = ["inspect"]

_PHASE_CODES: Final = frozenset(range(len(PHASES)))
_NUMBERS: Final = (
    *("work_item.failures", "work_item.interruptions_ever", "work_item.error_at"),
    *("work_item.wake_at or wait_until", "work_item.lease_until"),
)
# A report counts while the item stands where it stood when the attempt began.
_ITEMS: Final = f"""
select item.spawn_path, item.idx, cast(item.path as text), item.phase, item.failures,
    item.interruptions_ever, cast(item.error as blob), item.error_at,
    coalesce(item.wait_until, case when item.phase in ({DELAY}, {BACKOFF})
        or item.phase = {SIGNAL} and item.event_id is null then item.wake_at end),
    case when item.phase = {SIGNAL} and item.event_id is null
        then cast(item.signal_name as text) end,
    item.holder is not null and item.lease_until > ?2 as leased,
    cast(item.holder as text), item.lease_until, cast(said.path as text),
    said.attempt, said.fraction, cast(said.message as text), said.reported_at
from work_item as item indexed by work_item_open
left join progress as said on said.run = item.run and said.spawn_path = item.spawn_path
    and said.idx = item.idx and said.epoch = item.epoch and said.stands_at = item.path
    and said.failures = item.failures
where item.run = ?1 and item.phase <> {ENDED}
order by not leased, item.phase = {HELD}, item.spawn_path, item.idx limit {MAX_INSPECTED}
"""  # noqa: S608 - numbers of our own


def inspect(tx: Transaction, instance_id: str) -> Inspection | None:
    """The instance with its input, its open items and its kept events, or None."""
    run = tx.find_instance(instance_id)
    if run is None:
        return None
    (data,) = tx.execute(
        "select cast(body as blob) from instance_input where run = ?", (run.run,)
    ).fetchone()
    # All before any is looked at: an error would keep a cursor that isn't through, and with it
    # the state of the database that this connection sees.
    rows = tx.execute(_ITEMS, (run.run, tx.now)).fetchall()
    items = tuple(_item(instance_id, row) for row in rows)
    (open_items,) = tx.execute(
        f"select count(*) from work_item indexed by work_item_open "  # noqa: S608
        f"where run = ? and phase <> {ENDED}",
        (run.run,),
    ).fetchone()
    (kept_events,) = tx.execute(
        "select count(*) from event where run = ? and consumed_at_path is null", (run.run,)
    ).fetchone()
    return Inspection(
        at_us=tx.now,
        record=describe(tx, run),
        input=data,
        items=items,
        open_items=open_items,
        events=_events(tx, run),
        kept_events=kept_events,
    )


def _item(instance_id: str, row: tuple[Any, ...]) -> ItemRecord:
    (
        spawn_path, index, path, phase, failures, ever, error, error_at, wake_at, signal_name,
        leased, holder, lease_until, *said,
    ) = row  # fmt: skip
    if phase not in _PHASE_CODES:
        raise DamagedRow(instance_id, "work_item.phase", phase)
    values = (failures, ever, error_at, wake_at, lease_until)
    check_numbers(instance_id, zip(_NUMBERS, values, strict=True))
    if said[0] is not None:
        check_numbers(
            instance_id, (("progress.attempt", said[1]), ("progress.reported_at", said[4]))
        )
        if not isinstance(said[2], float | int | None):
            raise DamagedRow(instance_id, "progress.fraction", said[2])
    return ItemRecord(
        item=ItemKey(spawn_path, index),
        path=path,
        phase=PHASES[int(phase)],
        failures=failures,
        interruptions_ever=ever,
        error=error,
        error_at_us=None if error is None else error_at,
        wake_at_us=wake_at,
        signal_name=signal_name,
        holder=holder if leased else None,
        lease_until_at_us=lease_until if leased else None,
        progress=_progress(*said),
    )


def _progress(
    path: str | None, attempt: int, fraction: float | None, message: str | None, at: int
) -> ProgressRecord | None:
    if path is None:
        return None
    return ProgressRecord(path=path, attempt=attempt, fraction=fraction, message=message, at_us=at)


def _events(tx: Transaction, run: Run) -> tuple[EventRecord, ...]:
    rows = tx.execute(
        "select id, cast(signal_name as text), cast(address as text), sent_at from event "
        "where run = ? and consumed_at_path is null order by id limit ?",
        (run.run, MAX_INSPECTED),
    ).fetchall()
    check_numbers(run.instance_id, [("event.sent_at", row[3]) for row in rows])
    return tuple(
        EventRecord(event_id=number, signal_name=name, path=address or None, sent_at_us=sent_at)
        for number, name, address, sent_at in rows
    )
