"""Claiming and leases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sayiir.stores.records import (
    ClaimAnswer,
    Claimed,
    ClaimRequest,
    Control,
    ItemKey,
    LeaseState,
    interruption_wait_us,
)
from sayiir.stores.sqlite import queues
from sayiir.stores.sqlite.codes import BACKOFF, CONTROL_CODES, CONTROLS, RUNNING, SIGNAL
from sayiir.stores.sqlite.moves import Keeper, begin_wait, cancel_unclaimed, take
from sayiir.stores.sqlite.queues import Queue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.stores.inspection import ProgressReport
    from sayiir.stores.records import Fence
    from sayiir.stores.sqlite.queues import Place
    from sayiir.stores.sqlite.rows import Item, Run
    from sayiir.stores.sqlite.transaction import Transaction

__all__ = ["check", "claim", "release", "renew", "report"]

_CANCEL = CONTROL_CODES[Control.CANCEL]


def claim(tx: Transaction, request: ClaimRequest) -> ClaimAnswer:
    """Claim what is due within the filters, in rank order."""
    searched = _queues(tx, request)
    keeper = Keeper(request.holder, tx.now + request.lease_us)
    taken: list[Claimed] = []
    while len(taken) < request.limit:
        places = queues.first_due(tx, searched, request.limit - len(taken))
        if not places:
            break
        for place in places:
            claimed = _claim_at(tx, place, keeper, skip_waits=request.skip_interruption_waits)
            if claimed is not None:
                taken.append(claimed)
    next_due = queues.next_due(tx, searched)
    return ClaimAnswer(
        items=tuple(taken), next_due_in_us=None if next_due is None else max(0, next_due - tx.now)
    )


def _queues(tx: Transaction, request: ClaimRequest) -> list[Queue]:
    """What to look into, by the request's filters."""
    known = request.definitions
    if request.instance_id is not None:
        run = tx.find_instance(request.instance_id)
        if run is None:
            return []
        if request.skip_interruption_waits:
            _skip_waits(tx, run)
        fits = known is None or run.definition_hash in known
        return [Queue("run", run.run)] if fits else []
    if known is None:
        return [Queue("definition", number) for number in queues.with_work(tx)]
    rows = (
        tx.execute("select id from definition where hash = ?", (each,)).fetchone() for each in known
    )
    return [Queue("definition", row[0]) for row in rows if row is not None]


def _skip_waits(tx: Transaction, run: Run) -> None:
    waiting = tx.items_where("run = ? and wait_until is not null", run.run)
    for item in waiting:
        item.wait_until = None
        tx.save_lease(run, item)


# -- claiming it


def _claim_at(tx: Transaction, place: Place, keeper: Keeper, *, skip_waits: bool) -> Claimed | None:
    _, number, spawn_path, index = place
    item = tx.find_item(number, ItemKey(spawn_path, index))
    run = tx.find_run(number)
    assert item is not None
    assert run is not None
    if item.rank is None and (item.due is None or item.due > tx.now):
        return None  # an item before it ended the whole instance
    if run.control == _CANCEL:
        cancel_unclaimed(tx, run)
        return None
    if _waits_first(tx, run, item, skip_waits=skip_waits):
        return None
    return take(tx, run, item, keeper)


def _waits_first(tx: Transaction, run: Run, item: Item, *, skip_waits: bool) -> bool:
    """Count the lease that the item lost, if it lost one; whether it has to wait first."""
    if item.holder is None:
        return False
    item.interruptions += 1
    item.interruptions_ever += 1
    item.ready_at = item.lease_until
    item.drop_lease()
    if item.phase == BACKOFF and item.wake_at is not None and item.wake_at > tx.now:
        tx.save_lease(run, item)
        return True
    wait_us = 0 if skip_waits else interruption_wait_us(item.interruptions)
    if wait_us == 0:
        return False
    item.wait_until = tx.now + wait_us
    tx.save_lease(run, item)
    return True


# -- leases


def renew(tx: Transaction, fences: Sequence[Fence], lease_us: int) -> list[LeaseState]:
    """Prolong the leases that still hold."""
    for fence in fences:
        held = tx.held(fence)
        if held is not None:
            run, item = held
            item.lease_until = tx.now + lease_us
            tx.save_lease(run, item)
    return check(tx, fences)


def check(tx: Transaction, fences: Sequence[Fence]) -> list[LeaseState]:
    """Which of the leases still hold, and what was asked of their instances."""
    return [_state_of(tx, fence) for fence in fences]


def _state_of(tx: Transaction, fence: Fence) -> LeaseState:
    held = tx.held(fence)
    run = tx.find_run(fence.run)
    ended = run is None or run.state != RUNNING
    return LeaseState(
        held is not None, Control.STOP if run is None or ended else CONTROLS[run.control]
    )


_REPORT: Final = """
insert or replace into progress
select run, spawn_path, idx, epoch, path, failures, ?1, ?2, ?3, ?4, ?5 from work_item
where run = ?6 and spawn_path = ?7 and idx = ?8 and epoch = ?9 and holder is not null
    and path = ?10 and failures = ?11
"""


def report(tx: Transaction, reports: Sequence[ProgressReport]) -> None:
    """Keep what fits the item as it stands."""
    for each in reports:
        fence = each.fence
        said = (each.path, each.attempt, each.fraction, each.message, tx.now)
        place = (fence.run, fence.item.spawn_path, fence.item.index, fence.epoch)
        tx.execute(_REPORT, (*said, *place, each.at, each.failures))


def release(tx: Transaction, fences: Sequence[Fence]) -> None:
    """Give the leases back: the items are due at once."""
    for fence in fences:
        held = tx.held(fence)
        if held is None:
            continue
        run, item = held
        _give_up(tx, run, item)
        if run.control == _CANCEL and run.state == RUNNING:
            cancel_unclaimed(tx, run)


def _give_up(tx: Transaction, run: Run, item: Item) -> None:
    """The holder lets go of the item, which stays as it was.

    A wait that was claimed because it timed out may wait again: events that came meanwhile
    were kept, and it must not sit beside them.
    """
    item.drop_lease()
    item.ready_at = tx.now
    if item.phase == SIGNAL and item.event_id is None:
        begin_wait(tx, item)
    tx.save(run, item)
