"""Checkpoints: what each effect does to the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sayiir.errors import StoreError
from sayiir.stores.records import (
    Answer,
    Await,
    Checkpoint,
    Claimed,
    Control,
    End,
    Event,
    Fail,
    InstanceState,
    Move,
    Park,
    Retry,
    Spawn,
)
from sayiir.stores.relational.codes import (
    BACKOFF,
    CONTROLS,
    DELAY,
    ENDED,
    READY,
    RUNNING,
    SIGNAL,
)
from sayiir.stores.relational.moves import (
    Keeper,
    arm_ended,
    begin_wait,
    cancel_unclaimed,
    end_item,
    finish,
)
from sayiir.stores.relational.spawn import spawn_arms

if TYPE_CHECKING:
    from sayiir.stores.relational.protocol import Rows
    from sayiir.stores.relational.rows import Item, Run

__all__ = ["write"]

_STALE: Final = Answer(accepted=False)


def write(rows: Rows, checkpoint: Checkpoint) -> Answer:
    """Write one checkpoint, if its fence holds.

    Raises:
        StoreError: a path that has a result already, or an effect that makes no sense; nothing
            of the whole batch is to be written.
    """
    held = rows.held(checkpoint.fence)
    if held is None:
        return _STALE
    run, item = held
    control = CONTROLS[run.control] if run.state == RUNNING else Control.STOP
    if checkpoint.result is not None:
        rows.add_result(run.run, checkpoint.result)
    for prefix in checkpoint.prune:
        rows.prune(run, prefix)
    if control is Control.CANCEL:
        end_item(rows, run, item, None, None)
        cancel_unclaimed(rows, run)
        return Answer(control=control)
    # With a control request nothing is claimed for the caller: it is to stop, not to go on.
    keeper = None
    if control is Control.NONE and item.holder is not None:
        keeper = Keeper(item.holder, item.lease_until)
    event, joined, claimed = _apply(rows, run, item, checkpoint, keeper)
    if keeper is not None:
        return Answer(event=event, joined=joined, claimed=claimed)
    # Whoever waits for the instance to come to rest looks again.
    rows.changed.add(run.run)
    return Answer(control=control)


_Outcome = tuple[Event | None, bool, tuple[Claimed, ...]]
"""An event that came at once, whether a spawn has joined, what was claimed."""


def _apply(
    rows: Rows, run: Run, item: Item, checkpoint: Checkpoint, keeper: Keeper | None
) -> _Outcome:
    item.interruptions = 0
    outcome: _Outcome = (None, False, ())
    match checkpoint.effect:
        case End(output=output, keep=keep):
            return None, False, _end(rows, run, item, output, keeper, keep=keep)
        case Fail(scope=None, at=None) if checkpoint.result is not None:
            raise StoreError("a Fail with a result says in `at` where a retry goes on")
        case Fail() as fail:
            return None, False, _fail(rows, run, item, fail, keeper)
        case Spawn() as spawn:
            if item.total is None or spawn.path != item.path:
                _stand(rows, run, item, READY, spawn)
            joined, claimed = spawn_arms(rows, run, item, spawn, keeper)
            outcome = (None, joined, claimed)
        case Move() as move:
            _stand(rows, run, item, READY, move)
            if move.hand_over:
                item.drop_lease()
        case Park() as park:
            _park(rows, run, item, park)
        case Await() as wait:
            outcome = (_await(rows, run, item, wait), False, ())
        case Retry() as retry:
            _retry(rows, run, item, retry)
    if keeper is None and item.holder is not None:
        item.drop_lease()
        item.ready_at = rows.now
    rows.save(run, item)
    return outcome


def _stand(rows: Rows, run: Run, item: Item, phase: int, at: Move | Park | Await | Spawn) -> None:
    """Put the item at a position; what it waited for, spawned and met at the last one goes."""
    if phase != READY or at.path != item.path:
        item.forget_attempts()
    item.phase, item.path, item.input = phase, at.path, at.input
    item.ready_at, item.wake_at, item.wait_until = rows.now, None, None
    item.signal_name = item.event_id = None
    item.prio = at.priority or run.priority
    item.queue = rows.queue_of(run, at.tags)
    item.forget_arms()


def _park(rows: Rows, run: Run, item: Item, park: Park) -> None:
    if (park.wait_us is None) == (park.at_us is None):
        raise StoreError("a Park takes either wait_us or at_us")
    _stand(rows, run, item, DELAY, park)
    item.parked_as = rows.next_park(run)
    item.wake_at = park.at_us if park.wait_us is None else rows.now + park.wait_us
    item.drop_lease()


def _await(rows: Rows, run: Run, item: Item, wait: Await) -> Event | None:
    _stand(rows, run, item, SIGNAL, wait)
    item.parked_as = rows.next_park(run)
    item.signal_name = wait.signal_name
    if wait.timeout_us is not None:
        item.wake_at = rows.now + wait.timeout_us
    event = begin_wait(rows, item)
    if event is None:
        item.drop_lease()
    return event


def _retry(rows: Rows, run: Run, item: Item, retry: Retry) -> None:
    if retry.at is not None:
        _stand_with_counts(rows, run, item, retry.at)
    item.failures += 1
    item.error, item.error_at, item.failed = retry.error, rows.now, 0
    item.ready_at = rows.now
    # In place too: whoever takes the item over from a lost holder waits for what remains.
    item.phase, item.wake_at = BACKOFF, rows.now + retry.wait_us
    item.parked_as = rows.next_park(run)
    if not retry.in_place:
        item.drop_lease()


def _stand_with_counts(rows: Rows, run: Run, item: Item, at: Move) -> None:
    """Put the item at the position of an attempt that failed; what it counted goes along."""
    failures, ever = item.failures, item.interruptions_ever
    _stand(rows, run, item, READY, at)
    item.failures, item.interruptions_ever = failures, ever


def _end(
    rows: Rows, run: Run, item: Item, output: str, keeper: Keeper | None, *, keep: bool
) -> tuple[Claimed, ...]:
    end_item(rows, run, item, output, None)
    if item.parent_spawn_path is None and run.state == RUNNING:
        run.output = output
        finish(rows, run, InstanceState.COMPLETED)
    return arm_ended(rows, run, item, keeper, keep=keep)


def _fail(
    rows: Rows, run: Run, item: Item, fail: Fail, keeper: Keeper | None
) -> tuple[Claimed, ...]:
    if fail.scope is not None:
        top = _scope(rows, run, item, fail)
        rows.remove_below(run, top)
        rows.changed.add(run.run)
        end_item(rows, run, top, None, fail.error)
        return arm_ended(rows, run, top, keeper, keep=fail.keep)
    if fail.at is not None:
        _stand_with_counts(rows, run, item, fail.at)
    item.error, item.error_at, item.failed = fail.error, rows.now, 1
    item.drop_lease()
    rows.save(run, item)
    if run.state == RUNNING:
        run.error = fail.error
        finish(rows, run, InstanceState.FAILED)
    return ()


def _scope(rows: Rows, run: Run, item: Item, fail: Fail) -> Item:
    """The map item that collects the failure."""
    top = None if fail.scope is None else rows.find_item(run.run, fail.scope)
    if top is None or top.parent_spawn_path is None or top.phase == ENDED:
        raise StoreError(f"{fail.scope} is no open map item, so it can't collect a failure")
    if top.key != item.key and not item.spawn_path.startswith(top.strand):
        raise StoreError(f"{item.key} isn't below {fail.scope}")
    return top
