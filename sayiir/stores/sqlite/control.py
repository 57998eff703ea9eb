"""Events and what people ask of an instance: cancel, pause, unpause, retry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sayiir.errors import InvalidTransition
from sayiir.stores.records import Control, InstanceState, ItemKey
from sayiir.stores.sqlite.codes import (
    CONTROL_CODES,
    CONTROLS,
    ENDED,
    RUNNING,
    SIGNAL,
    STATE_CODES,
    STATES,
)
from sayiir.stores.sqlite.moves import begin_wait, cancel_unclaimed, deliver, unschedule

if TYPE_CHECKING:
    from sayiir.stores.sqlite.rows import Run
    from sayiir.stores.sqlite.transaction import Transaction

__all__ = ["request_cancel", "request_pause", "retry", "send_event", "unpause"]

_CANCELLED = STATE_CODES[InstanceState.CANCELLED]
_FAILED = STATE_CODES[InstanceState.FAILED]


def send_event(
    tx: Transaction, instance_id: str, signal_name: str, payload: bytes, path: str | None
) -> None:
    """Give the event to the longest wait, or to the one at ``path``; else keep it."""
    run = tx.unfinished(instance_id, "send_event")
    stored = tx.execute(
        "insert into event (run, signal_name, address, payload, sent_at) values (?, ?, ?, ?, ?)",
        (run.run, signal_name, path or "", payload, tx.now),
    )
    key = (
        _longest_wait(tx, run, signal_name)
        if path is None
        else _wait_at(tx, run, signal_name, path)
    )
    item = None if key is None else tx.find_item(run.run, key)
    if item is None or stored.lastrowid is None:
        return
    deliver(tx, item, stored.lastrowid)
    tx.save(run, item)


# One that is claimed has timed out: its holder goes on without an event.


def _longest_wait(tx: Transaction, run: Run, signal_name: str) -> ItemKey | None:
    row = tx.execute(
        "select spawn_path, idx from work_item indexed by work_item_waiting "
        "where run = ? and signal_name = ? and phase = 3 and event_id is null "
        "and holder is null order by parked_as limit 1",
        (run.run, signal_name),
    ).fetchone()
    return None if row is None else ItemKey(*row)


def _wait_at(tx: Transaction, run: Run, signal_name: str, path: str) -> ItemKey | None:
    row = tx.execute(
        "select spawn_path, idx from work_item indexed by work_item_waiting_at "
        "where run = ? and path = ? and phase = 3 and event_id is null "
        "and signal_name = ? and holder is null limit 1",
        (run.run, path, signal_name),
    ).fetchone()
    return None if row is None else ItemKey(*row)


def request_cancel(
    tx: Transaction, instance_id: str, reason: str | None, requested_by: str | None
) -> None:
    """End what is unclaimed; Cancelled at once if nothing is claimed."""
    run = tx.run_of(instance_id)
    if run.state == _CANCELLED:
        return
    if run.state != RUNNING:
        raise InvalidTransition(instance_id, "cancel", STATES[run.state].value)
    if CONTROLS[run.control] is Control.CANCEL:
        return
    paused = CONTROLS[run.control] is Control.PAUSE
    _ask(tx, run, Control.CANCEL, reason, requested_by)
    if paused:
        # The leases of a paused instance weren't looked at when they end.
        _reschedule(tx, run)
    cancel_unclaimed(tx, run)


def request_pause(
    tx: Transaction, instance_id: str, reason: str | None, requested_by: str | None
) -> None:
    """Let nothing new start. A cancel that was asked before stands."""
    run = tx.unfinished(instance_id, "pause")
    if CONTROLS[run.control] is Control.NONE:
        _ask(tx, run, Control.PAUSE, reason, requested_by)
        unschedule(tx, run)


def unpause(tx: Transaction, instance_id: str) -> None:
    """Let it go on."""
    run = tx.unfinished(instance_id, "unpause")
    if CONTROLS[run.control] is not Control.PAUSE:
        raise InvalidTransition(instance_id, "unpause", STATES[run.state].value)
    _ask(tx, run, Control.NONE, None, None)
    _reschedule(tx, run)


def retry(tx: Transaction, instance_id: str) -> None:
    """Make what a failure stopped due again, with fresh counts and a fresh deadline."""
    run = tx.run_of(instance_id)
    if run.state != _FAILED:
        raise InvalidTransition(instance_id, "retry", STATES[run.state].value)
    run.state, run.finished_at, run.error = RUNNING, None, None
    if run.timeout is not None:
        run.deadline_at = tx.now + run.timeout
    _ask(tx, run, Control.NONE, None, None)
    items = tx.items_where(f"run = ? and phase <> {ENDED}", run.run)
    for item in items:
        item.forget_attempts()
        item.wait_until = None
        if item.holder is None:
            item.ready_at = tx.now
            if item.phase == SIGNAL and item.event_id is None:
                begin_wait(tx, item)
    tx.save_all(run, items)


def _ask(
    tx: Transaction, run: Run, control: Control, reason: str | None, requested_by: str | None
) -> None:
    run.control = CONTROL_CODES[control]
    run.reason, run.requested_by = reason, requested_by
    tx.save_run(run)
    tx.changed.add(run.run)


def _reschedule(tx: Transaction, run: Run) -> None:
    """File every open item anew, after the instance's control changed."""
    tx.save_all(run, tx.items_where(f"run = ? and phase <> {ENDED}", run.run))
