"""Claiming what was found, and leases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sayiir.stores.records import Claimed, Control, LeaseState, interruption_wait_us
from sayiir.stores.relational.codes import BACKOFF, CONTROL_CODES, CONTROLS, RUNNING, SIGNAL
from sayiir.stores.relational.damage import DamagedRow
from sayiir.stores.relational.moves import Keeper, begin_wait, cancel_unclaimed, take

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.stores.records import Fence
    from sayiir.stores.relational.protocol import Rows
    from sayiir.stores.relational.rows import Item, Run

__all__ = ["check", "claim_at", "release", "renew", "skip_waits"]

_CANCEL: Final = CONTROL_CODES[Control.CANCEL]


def skip_waits(rows: Rows, run: Run) -> None:
    """End the waits that follow interruptions: a person asked."""
    for item in rows.interrupted_items(run):
        item.wait_until = None
        rows.save_lease(run, item)


def claim_at(
    rows: Rows, run: Run, item: Item, keeper: Keeper, *, skip_waits: bool
) -> Claimed | None:
    """Claim an item that was found ready or due, if it still is when its turn comes."""
    if item.rank is None and (item.due is None or item.due > rows.now):
        return None  # an item before it ended the whole instance
    if run.control == _CANCEL:
        cancel_unclaimed(rows, run)
        return None
    if _waits_first(rows, run, item, skip_waits=skip_waits):
        return None
    return take(rows, run, item, keeper)


def _waits_first(rows: Rows, run: Run, item: Item, *, skip_waits: bool) -> bool:
    """Count the lease that the item lost, if it lost one; whether it has to wait first."""
    if item.holder is None:
        return False
    item.interruptions += 1
    item.interruptions_ever += 1
    item.ready_at = item.lease_until
    item.drop_lease()
    if item.phase == BACKOFF and item.wake_at is not None and item.wake_at > rows.now:
        rows.save_lease(run, item)
        return True
    wait_us = 0 if skip_waits else interruption_wait_us(item.interruptions)
    if wait_us == 0:
        return False
    item.wait_until = rows.now + wait_us
    rows.save_lease(run, item)
    return True


# -- leases


def renew(rows: Rows, fences: Sequence[Fence], lease_us: int) -> list[LeaseState]:
    """Prolong the leases that still hold."""
    for fence in fences:
        held = rows.held(fence)
        if held is not None:
            run, item = held
            item.lease_until = rows.now + lease_us
            rows.save_lease(run, item)
    return check(rows, fences)


def check(rows: Rows, fences: Sequence[Fence]) -> list[LeaseState]:
    """Which of the leases still hold, and what was asked of their instances."""
    return [_state_of(rows, fence) for fence in fences]


def _state_of(rows: Rows, fence: Fence) -> LeaseState:
    held = rows.held(fence)
    try:
        run = rows.find_run(fence.run)
    except DamagedRow:
        run = None
    ended = run is None or run.state != RUNNING
    return LeaseState(
        held is not None, Control.STOP if run is None or ended else CONTROLS[run.control]
    )


def release(rows: Rows, fences: Sequence[Fence]) -> None:
    """Give the leases back: the items are due at once."""
    for fence in fences:
        held = rows.held(fence)
        if held is None:
            continue
        run, item = held
        _give_up(rows, run, item)
        if run.control == _CANCEL and run.state == RUNNING:
            cancel_unclaimed(rows, run)


def _give_up(rows: Rows, run: Run, item: Item) -> None:
    """The holder lets go of the item, which stays as it was.

    A wait that was claimed because it timed out may wait again: events that came meanwhile
    were kept, and it must not sit beside them.
    """
    item.drop_lease()
    item.ready_at = rows.now
    if item.phase == SIGNAL and item.event_id is None:
        begin_wait(rows, item)
    rows.save(run, item)
