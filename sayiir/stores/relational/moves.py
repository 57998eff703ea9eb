"""The few moves that every verb is made of: claim, wait, end, finish, remove."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sayiir.stores.records import Claimed, Event, Fence, InstanceState
from sayiir.stores.relational.codes import ENDED, JOIN, PHASES, READY, STATE_CODES

if TYPE_CHECKING:
    from sayiir.stores.relational.protocol import Rows
    from sayiir.stores.relational.rows import Item, Run

__all__ = [
    "Keeper",
    "arm_ended",
    "begin_wait",
    "cancel_unclaimed",
    "claimed",
    "deliver",
    "end_item",
    "finish",
    "hold",
    "remove_run",
    "take",
    "unschedule",
]


@dataclass(frozen=True, slots=True)
class Keeper:
    """Who claims, and until when."""

    holder: str
    lease_until: int


def take(rows: Rows, run: Run, item: Item, keeper: Keeper) -> Claimed:
    """Claim the item."""
    hold(rows, item, keeper)
    rows.save_lease(run, item)
    return claimed(rows, run, item)


def hold(rows: Rows, item: Item, keeper: Keeper) -> None:
    """The item's next lease; it is still to be written."""
    item.epoch += 1
    item.holder, item.process, item.lease_until = keeper.holder, rows.process, keeper.lease_until
    item.wait_until = None


def claimed(rows: Rows, run: Run, item: Item) -> Claimed:
    """What a holder is told of his item."""
    return Claimed(
        fence=Fence(run.run, item.key, item.epoch),
        run_id=run.run_id,
        instance_id=run.instance_id,
        definition_hash=run.definition_hash,
        phase=PHASES[item.phase],
        path=item.path,
        input=item.input,
        lease_until_at_us=item.lease_until,
        failures=item.failures,
        interruptions=item.interruptions,
        interruptions_ever=item.interruptions_ever,
        spawned=item.created,
        spawn_total=item.total,
        event=_event(rows, item),
        deadline_in_us=None if run.deadline_at is None else run.deadline_at - rows.now,
        traceparent=run.traceparent,
    )


def _event(rows: Rows, item: Item) -> Event | None:
    if item.event_id is None:
        return None
    return Event(item.event_id, rows.event_payload(item))


# -- waits and events


def begin_wait(rows: Rows, item: Item) -> Event | None:
    """Give a SIGNAL item the oldest kept event that it may have. The item is still to be saved."""
    event = rows.oldest_event(item)
    if event is not None:
        deliver(rows, item, event.event_id)
    return event


def deliver(rows: Rows, item: Item, event_id: int) -> None:
    """The wait consumes the event. The item is still to be saved."""
    item.event_id, item.ready_at = event_id, rows.now
    rows.consume(item)


# -- ends


def end_item(rows: Rows, run: Run, item: Item, output: str | None, error: bytes | None) -> None:
    """The item has ended; its row stays for the join."""
    if error is None:
        item.forget_attempts()
    item.drop_lease()
    item.phase, item.wait_until = ENDED, None
    item.output, item.error, item.error_at = output, error, rows.now
    item.failed = int(error is not None)
    rows.save(run, item)


def arm_ended(
    rows: Rows, run: Run, item: Item, keeper: Keeper | None, *, keep: bool
) -> tuple[Claimed, ...]:
    """Count an ended arm at its parent: ready the next one held, go on from the join."""
    parent = rows.parent_of(item)
    if parent is None:
        return ()
    parent.pending -= 1
    taken: list[Claimed] = []
    while parent.held and parent.has_room:
        follower = rows.next_held(item)
        if follower is None:  # somebody else has written the count
            parent.held = 0
            break
        parent.held -= 1
        follower.phase, follower.ready_at = READY, rows.now
        if keep and keeper is not None and not taken:
            hold(rows, follower, keeper)
            rows.save(run, follower)
            taken.append(claimed(rows, run, follower))
        else:
            rows.save(run, follower)
    if parent.joined:
        parent.ready_at = rows.now
        if keeper is not None and parent.holder is None:
            hold(rows, parent, keeper)
            taken.append(claimed(rows, run, parent))
    _save_parent(rows, run, parent)
    return tuple(taken)


def _save_parent(rows: Rows, run: Run, parent: Item) -> None:
    if parent.joined or parent.phase != JOIN:
        rows.save(run, parent)
    else:
        rows.count_later(parent)


def finish(rows: Rows, run: Run, state: InstanceState) -> None:
    """The instance has ended; nothing of it is due any more."""
    run.state, run.finished_at = STATE_CODES[state], rows.now
    rows.write_run(run)
    unschedule(rows, run)


def unschedule(rows: Rows, run: Run) -> None:
    """No item of the run is looked at by claims from now on."""
    rows.unschedule(run)
    rows.changed.add(run.run)


def cancel_unclaimed(rows: Rows, run: Run) -> None:
    """End what nobody works on; the last one makes the instance cancelled."""
    rows.changed.add(run.run)
    if not rows.end_unclaimed(run):
        finish(rows, run, InstanceState.CANCELLED)


def remove_run(rows: Rows, run: Run) -> None:
    """Remove the run and all that belongs to it; its fences are stale from now on."""
    rows.remove_run(run)
    rows.changed.add(run.run)
