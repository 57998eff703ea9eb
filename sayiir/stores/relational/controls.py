"""Events and what people ask of an instance: cancel, pause, unpause, retry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sayiir.errors import InvalidTransition
from sayiir.stores.records import Control, InstanceState
from sayiir.stores.relational.codes import (
    CONTROL_CODES,
    CONTROLS,
    RUNNING,
    SIGNAL,
    STATE_CODES,
    STATES,
)
from sayiir.stores.relational.moves import begin_wait, cancel_unclaimed, deliver, unschedule

if TYPE_CHECKING:
    from sayiir.stores.relational.protocol import Rows
    from sayiir.stores.relational.rows import Run

__all__ = ["request_cancel", "request_pause", "retry", "send_event", "unpause"]

_CANCELLED = STATE_CODES[InstanceState.CANCELLED]
_FAILED = STATE_CODES[InstanceState.FAILED]


def send_event(
    rows: Rows, instance_id: str, signal_name: str, payload: bytes, path: str | None
) -> None:
    """Give the event to the longest wait, or to the one at ``path``; else keep it."""
    run = rows.unfinished(instance_id, "send_event")
    event_id = rows.keep_event(run, signal_name, payload, path)
    if path is None:
        item = rows.longest_wait(run, signal_name)
    else:
        item = rows.wait_at(run, signal_name, path)
    if item is not None:
        deliver(rows, item, event_id)
        rows.save(run, item)


def request_cancel(
    rows: Rows, instance_id: str, reason: str | None, requested_by: str | None
) -> None:
    """End what is unclaimed; Cancelled at once if nothing is claimed."""
    run = rows.run_of(instance_id)
    if run.state == _CANCELLED:
        return
    if run.state != RUNNING:
        raise InvalidTransition(instance_id, "cancel", STATES[run.state].value)
    if CONTROLS[run.control] is Control.CANCEL:
        return
    paused = CONTROLS[run.control] is Control.PAUSE
    _ask(rows, run, Control.CANCEL, reason, requested_by)
    if paused:
        # The leases of a paused instance weren't looked at when they end.
        _reschedule(rows, run)
    cancel_unclaimed(rows, run)


def request_pause(
    rows: Rows, instance_id: str, reason: str | None, requested_by: str | None
) -> None:
    """Let nothing new start. A cancel that was asked before stands."""
    run = rows.unfinished(instance_id, "pause")
    if CONTROLS[run.control] is Control.NONE:
        _ask(rows, run, Control.PAUSE, reason, requested_by)
        unschedule(rows, run)


def unpause(rows: Rows, instance_id: str) -> None:
    """Let it go on."""
    run = rows.unfinished(instance_id, "unpause")
    if CONTROLS[run.control] is not Control.PAUSE:
        raise InvalidTransition(instance_id, "unpause", STATES[run.state].value)
    _ask(rows, run, Control.NONE, None, None)
    _reschedule(rows, run)


def retry(rows: Rows, instance_id: str) -> None:
    """Make what a failure stopped due again, with fresh counts and a fresh deadline.

    What somebody holds was not stopped: it keeps its counts, and is not due before its lease ends.
    """
    run = rows.run_of(instance_id)
    if run.state != _FAILED:
        raise InvalidTransition(instance_id, "retry", STATES[run.state].value)
    run.state, run.finished_at, run.error = RUNNING, None, None
    if run.timeout is not None:
        run.deadline_at = rows.now + run.timeout
    _ask(rows, run, Control.NONE, None, None)
    items = rows.open_items(run)
    for item in items:
        item.wait_until = None
        if item.holder is not None:
            # Nothing stopped it: its holder goes on counting, and so does who comes after.
            item.interruptions = 0
            continue
        item.forget_attempts()
        item.ready_at = rows.now
        if item.phase == SIGNAL and item.event_id is None:
            begin_wait(rows, item)
    rows.save_all(run, items)


def _ask(
    rows: Rows, run: Run, control: Control, reason: str | None, requested_by: str | None
) -> None:
    run.control = CONTROL_CODES[control]
    run.reason, run.requested_by = reason, requested_by
    rows.write_run(run)
    rows.changed.add(run.run)


def _reschedule(rows: Rows, run: Run) -> None:
    """File every open item anew, after the instance's control changed."""
    rows.save_all(run, rows.open_items(run))
