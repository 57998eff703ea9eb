"""Events and what people ask of an instance: cancel, pause, unpause, retry."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from sayiir.errors import InvalidTransition
from sayiir.stores.memory.rows import EventRow, Item, Run
from sayiir.stores.records import Control, InstanceState, Phase

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sayiir.stores.memory.tables import Tables

__all__ = ["request_cancel", "request_pause", "retry", "send_event", "unpause"]


def send_event(
    tables: Tables, instance_id: str, signal_name: str, payload: bytes, path: str | None
) -> None:
    """Give the event to the longest wait, or to the one at ``path``; else keep it."""
    run = tables.unfinished(instance_id, "send_event")
    event = EventRow(tables.next_number(), signal_name, payload, path, tables.now)
    run.events[event.event_id] = event
    waiting = run.waits.get(signal_name, {})
    candidates: Iterable[Item] = waiting.values()
    if path is not None:
        candidates = [waiting[path]] if path in waiting else []
    # One that is claimed has timed out: its holder goes on without an event.
    item = next((each for each in candidates if each.holder is None), None)
    if item is None:
        run.kept.setdefault((signal_name, path), deque()).append(event)
        return
    tables.deliver(run, item, event)
    tables.refresh(run, item)


def request_cancel(
    tables: Tables, instance_id: str, reason: str | None, requested_by: str | None
) -> None:
    """End what is unclaimed; Cancelled at once if nothing is claimed."""
    run = tables.run_of(instance_id)
    if run.state is InstanceState.CANCELLED:
        return
    tables.unfinished(instance_id, "cancel")
    if run.control is Control.CANCEL:
        return
    _ask(tables, run, Control.CANCEL, reason, requested_by)
    tables.cancel_unclaimed(run)


def request_pause(
    tables: Tables, instance_id: str, reason: str | None, requested_by: str | None
) -> None:
    """Let nothing new start. A cancel that was asked before stands."""
    run = tables.unfinished(instance_id, "pause")
    if run.control is Control.NONE:
        _ask(tables, run, Control.PAUSE, reason, requested_by)


def unpause(tables: Tables, instance_id: str) -> None:
    """Let it go on."""
    run = tables.unfinished(instance_id, "unpause")
    if run.control is not Control.PAUSE:
        raise InvalidTransition(instance_id, "unpause", run.state.value)
    _ask(tables, run, Control.NONE, None, None)


def _ask(
    tables: Tables, run: Run, control: Control, reason: str | None, requested_by: str | None
) -> None:
    run.control, run.reason, run.requested_by = control, reason, requested_by
    tables.refresh_all(run)


def retry(tables: Tables, instance_id: str) -> None:
    """Make what a failure stopped due again, with fresh counts and a fresh deadline.

    What somebody holds was not stopped: it keeps its counts, and is not due before its lease ends.
    """
    run = tables.run_of(instance_id)
    if run.state is not InstanceState.FAILED:
        raise InvalidTransition(instance_id, "retry", run.state.value)
    run.state, run.finished_at, run.error = InstanceState.RUNNING, None, None
    if run.new.timeout_us is not None:
        run.deadline_at = tables.now + run.new.timeout_us
    for item in list(run.open.values()):
        item.wait_until = None
        if item.holder is not None:
            # Nothing stopped it: its holder goes on counting, and so does who comes after.
            item.interruptions = 0
            continue
        item.forget_attempts()
        item.ready_at = tables.now
        if item.phase is Phase.SIGNAL and item.event is None:
            tables.begin_wait(run, item)
    run.interrupted.clear()
    _ask(tables, run, Control.NONE, None, None)
