"""The few moves that every verb is made of: claim, wait, end, finish, remove."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sayiir.stores.records import Claimed, Event, Fence, InstanceState
from sayiir.stores.sqlite.codes import ENDED, JOIN, PHASES, READY, STATE_CODES

if TYPE_CHECKING:
    from sayiir.stores.sqlite.rows import Item, Run
    from sayiir.stores.sqlite.transaction import Transaction

__all__ = [
    "Keeper",
    "arm_ended",
    "begin_wait",
    "below",
    "cancel_unclaimed",
    "claimed",
    "deliver",
    "end_item",
    "finish",
    "hold",
    "next_park",
    "remove_below",
    "remove_run",
    "take",
    "unschedule",
]


@dataclass(frozen=True, slots=True)
class Keeper:
    """Who claims, and until when."""

    holder: str
    lease_until: int


def take(tx: Transaction, run: Run, item: Item, keeper: Keeper) -> Claimed:
    """Claim the item."""
    hold(tx, item, keeper)
    tx.save_lease(run, item)
    return claimed(tx, run, item)


def hold(tx: Transaction, item: Item, keeper: Keeper) -> None:
    """The item's next lease; it is still to be written."""
    item.epoch += 1
    item.holder, item.process, item.lease_until = keeper.holder, tx.process, keeper.lease_until
    item.wait_until = None


def claimed(tx: Transaction, run: Run, item: Item) -> Claimed:
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
        event=None if item.event_id is None else _event(tx, item.event_id),
        deadline_in_us=None if run.deadline_at is None else run.deadline_at - tx.now,
        traceparent=run.traceparent,
    )


def _event(tx: Transaction, event_id: int) -> Event:
    (payload,) = tx.execute("select payload from event where id = ?", (event_id,)).fetchone()
    return Event(event_id, payload)


# -- waits and events


def next_park(tx: Transaction, run: Run) -> int:
    """A number that grows with each park of the run: who has waited longest."""
    run.parks += 1
    tx.execute("update instance set parks = ? where run = ?", (run.parks, run.run))
    return run.parks


def begin_wait(tx: Transaction, item: Item) -> Event | None:
    """Give a SIGNAL item the oldest kept event that it may have. The item is still to be saved."""
    # One seek for those sent to any wait, one for those sent to this one.
    row = tx.execute(
        "select id, payload from ("
        "select * from (select id, payload from event where run = ?1 and signal_name = ?2 "
        "and address = '' and consumed_at_path is null order by id limit 1) "
        "union all "
        "select * from (select id, payload from event where run = ?1 and signal_name = ?2 "
        "and address = ?3 and consumed_at_path is null order by id limit 1)"
        ") order by id limit 1",
        (item.run, item.signal_name, item.path),
    ).fetchone()
    if row is None:
        return None
    event = Event(*row)
    deliver(tx, item, event.event_id)
    return event


def deliver(tx: Transaction, item: Item, event_id: int) -> None:
    """The wait consumes the event. The item is still to be saved."""
    item.event_id, item.ready_at = event_id, tx.now
    tx.execute("update event set consumed_at_path = ? where id = ?", (item.path, event_id))


# -- ends


def end_item(
    tx: Transaction, run: Run, item: Item, output: str | None, error: bytes | None
) -> None:
    """The item has ended; its row stays for the join."""
    if error is None:
        item.forget_attempts()
    item.drop_lease()
    item.phase, item.wait_until = ENDED, None
    item.output, item.error, item.error_at = output, error, tx.now
    item.failed = int(error is not None)
    tx.save(run, item)


def arm_ended(
    tx: Transaction, run: Run, item: Item, keeper: Keeper | None, *, keep: bool
) -> tuple[Claimed, ...]:
    """Count an ended arm at its parent: ready the next one held, go on from the join."""
    parent = tx.parent_of(item)
    if parent is None:
        return ()
    parent.pending -= 1
    taken: list[Claimed] = []
    while parent.held and parent.has_room:
        follower = _next_held(tx, item)
        parent.held -= 1
        follower.phase, follower.ready_at = READY, tx.now
        if keep and keeper is not None and not taken:
            hold(tx, follower, keeper)
            tx.save(run, follower)
            taken.append(claimed(tx, run, follower))
        else:
            tx.save(run, follower)
    if parent.joined:
        parent.ready_at = tx.now
        if keeper is not None and parent.holder is None:
            hold(tx, parent, keeper)
            taken.append(claimed(tx, run, parent))
    _save_parent(tx, run, parent)
    return tuple(taken)


def _save_parent(tx: Transaction, run: Run, parent: Item) -> None:
    if parent.joined or parent.phase != JOIN:
        tx.save(run, parent)
    else:
        tx.count_later(parent)


def _next_held(tx: Transaction, sibling: Item) -> Item:
    return tx.items_where(
        "run = ? and spawn_path = ? and idx = (select min(idx) from work_item "
        "indexed by work_item_held where run = ?1 and spawn_path = ?2 and phase = 5)",
        sibling.run,
        sibling.spawn_path,
    )[0]


def finish(tx: Transaction, run: Run, state: InstanceState) -> None:
    """The instance has ended; nothing of it is due any more."""
    run.state, run.finished_at = STATE_CODES[state], tx.now
    tx.save_run(run)
    unschedule(tx, run)


def unschedule(tx: Transaction, run: Run) -> None:
    """No item of the run is looked at by claims from now on."""
    tx.execute("update work_item set rank = null where run = ? and rank is not null", (run.run,))
    tx.execute("update work_item set due = null where run = ? and due is not null", (run.run,))
    tx.changed.add(run.run)


_END_UNCLAIMED: Final = f"""
update work_item indexed by work_item_open
set phase = {ENDED}, holder = null, process = null, wait_until = null, rank = null, due = null,
    failures = 0, interruptions = 0, interruptions_ever = 0, output = null, error = null,
    failed = 0, error_at = ?2
where run = ?1 and phase <> {ENDED} and (holder is null or lease_until <= ?2)
"""  # noqa: S608 - a number of our own


def cancel_unclaimed(tx: Transaction, run: Run) -> None:
    """End what nobody works on; the last one makes the instance cancelled."""
    tx.execute(_END_UNCLAIMED, (run.run, tx.now))
    tx.forget_items()
    tx.changed.add(run.run)
    left = tx.execute(
        f"select 1 from work_item where run = ? and phase <> {ENDED} limit 1",  # noqa: S608
        (run.run,),
    ).fetchone()
    if left is None:
        finish(tx, run, InstanceState.CANCELLED)


# -- removing


def below(prefix: str) -> tuple[str, str]:
    """The range of paths that begin with a prefix that ends in ``/``: from, and up to."""
    return prefix, prefix[:-1] + "0"  # "0" is what follows "/"


def remove_below(tx: Transaction, run: Run, scope: Item) -> None:
    """Remove all items below a map item, whoever works on them."""
    for table in ("work_item", "element", "progress"):
        tx.execute(
            f"delete from {table} where run = ? and spawn_path >= ? and spawn_path < ?",  # noqa: S608
            (run.run, *below(scope.strand)),
        )
    tx.forget_items()
    tx.changed.add(run.run)


def remove_run(tx: Transaction, run: Run) -> None:
    """Remove the run and all that belongs to it; its fences are stale from now on."""
    for table in (
        "work_item", "element", "progress", "task_result", "label", "instance_input", "instance",
    ):  # fmt: skip
        tx.execute(f"delete from {table} where run = ?", (run.run,))  # noqa: S608
    # Apart, for each kind has an index of its own.
    tx.execute("delete from event where run = ? and consumed_at_path is null", (run.run,))
    tx.execute("delete from event where run = ? and consumed_at_path is not null", (run.run,))
    tx.forget_run(run.run)
    tx.changed.add(run.run)
