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
from sayiir.stores.sqlite.codes import (
    BACKOFF,
    CONTROLS,
    DELAY,
    ENDED,
    READY,
    RUNNING,
    SIGNAL,
)
from sayiir.stores.sqlite.moves import (
    Keeper,
    arm_ended,
    begin_wait,
    below,
    cancel_unclaimed,
    end_item,
    finish,
    next_park,
    remove_below,
)
from sayiir.stores.sqlite.quick import Results, quick_way
from sayiir.stores.sqlite.spawn import spawn_arms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.stores.sqlite.rows import Item, Run
    from sayiir.stores.sqlite.transaction import Transaction

__all__ = ["commit"]

_STALE: Final = Answer(accepted=False)


def commit(tx: Transaction, checkpoints: Sequence[Checkpoint]) -> list[Answer]:
    """Write the checkpoints whose fences hold, one after the other.

    Raises:
        StoreError: a path that has a result already, or an effect that makes no sense; nothing
            of the whole batch is written.
    """
    results = Results(tx)
    answers = [
        quick_way(tx, checkpoint, results) or _write(tx, checkpoint, results)
        for checkpoint in checkpoints
    ]
    results.write()
    tx.write_counts()
    return answers


def _write(tx: Transaction, checkpoint: Checkpoint, results: Results) -> Answer:
    held = tx.held(checkpoint.fence)
    if held is None:
        return _STALE
    run, item = held
    control = CONTROLS[run.control] if run.state == RUNNING else Control.STOP
    if checkpoint.result is not None:
        results.add(run.run, checkpoint.result)
    if control is Control.CANCEL:
        end_item(tx, run, item, None, None)
        cancel_unclaimed(tx, run)
        return Answer(control=control)
    if checkpoint.prune:
        results.write()
        for prefix in checkpoint.prune:
            _prune(tx, run, prefix)
    # With a control request nothing is claimed for the caller: it is to stop, not to go on.
    keeper = None
    if control is Control.NONE and item.holder is not None:
        keeper = Keeper(item.holder, item.lease_until)
    event, joined, claimed = _apply(tx, run, item, checkpoint, keeper)
    if keeper is not None:
        return Answer(event=event, joined=joined, claimed=claimed)
    # Whoever waits for the instance to come to rest looks again.
    tx.changed.add(run.run)
    return Answer(control=control)


_Outcome = tuple[Event | None, bool, tuple[Claimed, ...]]
"""An event that came at once, whether a spawn has joined, what was claimed."""


def _apply(
    tx: Transaction, run: Run, item: Item, checkpoint: Checkpoint, keeper: Keeper | None
) -> _Outcome:
    item.interruptions = 0
    outcome: _Outcome = (None, False, ())
    match checkpoint.effect:
        case End(output=output, keep=keep):
            return None, False, _end(tx, run, item, output, keeper, keep=keep)
        case Fail(scope=None, at=None) if checkpoint.result is not None:
            raise StoreError("a Fail with a result says in `at` where a retry goes on")
        case Fail() as fail:
            return None, False, _fail(tx, run, item, fail, keeper)
        case Spawn() as spawn:
            if item.total is None or spawn.path != item.path:
                _stand(tx, run, item, READY, spawn)
            joined, claimed = spawn_arms(tx, run, item, spawn, keeper)
            outcome = (None, joined, claimed)
        case Move() as move:
            _stand(tx, run, item, READY, move)
        case Park() as park:
            _park(tx, run, item, park)
        case Await() as wait:
            outcome = (_await(tx, run, item, wait), False, ())
        case Retry() as retry:
            _retry(tx, run, item, retry)
    if keeper is None and item.holder is not None:
        item.drop_lease()
        item.ready_at = tx.now
    tx.save(run, item)
    return outcome


def _stand(
    tx: Transaction, run: Run, item: Item, phase: int, at: Move | Park | Await | Spawn
) -> None:
    """Put the item at a position; what it waited for, spawned and met at the last one goes."""
    if phase != READY or at.path != item.path:
        item.forget_attempts()
    item.phase, item.path, item.input = phase, at.path, at.input
    item.ready_at, item.wake_at, item.wait_until = tx.now, None, None
    item.signal_name = item.event_id = None
    item.prio = at.priority or run.priority
    item.forget_arms()


def _park(tx: Transaction, run: Run, item: Item, park: Park) -> None:
    if (park.wait_us is None) == (park.at_us is None):
        raise StoreError("a Park takes either wait_us or at_us")
    _stand(tx, run, item, DELAY, park)
    item.parked_as = next_park(tx, run)
    item.wake_at = park.at_us if park.wait_us is None else tx.now + park.wait_us
    item.drop_lease()


def _await(tx: Transaction, run: Run, item: Item, wait: Await) -> Event | None:
    _stand(tx, run, item, SIGNAL, wait)
    item.parked_as = next_park(tx, run)
    item.signal_name = wait.signal_name
    if wait.timeout_us is not None:
        item.wake_at = tx.now + wait.timeout_us
    event = begin_wait(tx, item)
    if event is None:
        item.drop_lease()
    return event


def _retry(tx: Transaction, run: Run, item: Item, retry: Retry) -> None:
    if retry.at is not None:
        _stand_with_counts(tx, run, item, retry.at)
    item.failures += 1
    item.error, item.error_at, item.failed = retry.error, tx.now, 0
    item.ready_at = tx.now
    # In place too: whoever takes the item over from a lost holder waits for what remains.
    item.phase, item.wake_at = BACKOFF, tx.now + retry.wait_us
    item.parked_as = next_park(tx, run)
    if not retry.in_place:
        item.drop_lease()


def _stand_with_counts(tx: Transaction, run: Run, item: Item, at: Move) -> None:
    """Put the item at the position of an attempt that failed; what it counted goes along."""
    failures, ever = item.failures, item.interruptions_ever
    _stand(tx, run, item, READY, at)
    item.failures, item.interruptions_ever = failures, ever


def _end(
    tx: Transaction, run: Run, item: Item, output: str, keeper: Keeper | None, *, keep: bool
) -> tuple[Claimed, ...]:
    end_item(tx, run, item, output, None)
    if item.parent_spawn_path is None and run.state == RUNNING:
        run.output = output
        finish(tx, run, InstanceState.COMPLETED)
    return arm_ended(tx, run, item, keeper, keep=keep)


def _fail(
    tx: Transaction, run: Run, item: Item, fail: Fail, keeper: Keeper | None
) -> tuple[Claimed, ...]:
    if fail.scope is not None:
        top = _scope(tx, run, item, fail)
        remove_below(tx, run, top)
        end_item(tx, run, top, None, fail.error)
        return arm_ended(tx, run, top, keeper, keep=fail.keep)
    if fail.at is not None:
        _stand_with_counts(tx, run, item, fail.at)
    item.error, item.error_at, item.failed = fail.error, tx.now, 1
    item.drop_lease()
    tx.save(run, item)
    if run.state == RUNNING:
        run.error = fail.error
        finish(tx, run, InstanceState.FAILED)
    return ()


def _scope(tx: Transaction, run: Run, item: Item, fail: Fail) -> Item:
    """The map item that collects the failure."""
    top = None if fail.scope is None else tx.find_item(run.run, fail.scope)
    if top is None or top.parent_spawn_path is None or top.phase == ENDED:
        raise StoreError(f"{fail.scope} is no open map item, so it can't collect a failure")
    if top.key != item.key and not item.spawn_path.startswith(top.strand):
        raise StoreError(f"{item.key} isn't below {fail.scope}")
    return top


def _prune(tx: Transaction, run: Run, prefix: str) -> None:
    """Remove the results, ended items and consumed events whose paths begin so."""
    first, last = below(prefix)
    values = (run.run, first, last)
    tx.execute("delete from task_result where run = ? and path >= ? and path < ?", values)
    for table in ("element", "progress"):
        tx.execute(
            f"delete from {table} where (run, spawn_path, idx) in (select run, spawn_path, idx "  # noqa: S608
            "from work_item where run = ? and spawn_path >= ? and spawn_path < ? and phase = 6)",
            values,
        )
    tx.execute(
        "delete from work_item where run = ? and spawn_path >= ? and spawn_path < ? and phase = 6",
        values,
    )
    tx.execute(
        "delete from event where run = ? and consumed_at_path >= ? and consumed_at_path < ?",
        values,
    )
    tx.forget_items()
