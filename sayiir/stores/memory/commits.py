"""Checkpoints: what each effect does to the rows.

All that can be refused as a mistake of the caller is checked for the whole batch before the
first row changes, so a batch that raises has written nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sayiir.errors import StoreError
from sayiir.stores.memory.rows import Item, Run
from sayiir.stores.memory.tables import Keeper, Tables, has_room
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
    ItemKey,
    Move,
    Park,
    Phase,
    Retry,
    Spawn,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["commit"]


def commit(tables: Tables, checkpoints: Sequence[Checkpoint]) -> list[Answer]:
    """Write the checkpoints whose fences hold, one after the other."""
    written: set[tuple[int, str]] = set()
    for checkpoint in checkpoints:
        held = tables.held(checkpoint.fence)
        if held is not None:
            _check(held[0], checkpoint, written)
    return [_write(tables, checkpoint) for checkpoint in checkpoints]


def _check(run: Run, checkpoint: Checkpoint, written: set[tuple[int, str]]) -> None:
    if checkpoint.result is not None:
        place = (run.number, checkpoint.result.path)
        if place[1] in run.results or place in written:
            raise StoreError(
                f"instance {run.new.instance_id!r} has a result at {place[1]!r} already; "
                "a result is written once"
            )
        written.add(place)
    if run.control is Control.CANCEL:
        return  # the effect isn't done; what it names may have ended already
    match checkpoint.effect:
        case Park(wait_us=wait, at_us=at) if (wait is None) == (at is None):
            raise StoreError("a Park takes either wait_us or at_us")
        case Spawn(items=items, total=total):
            indexes = [item.index for item in items]
            if indexes and indexes != list(range(indexes[0], indexes[-1] + 1)):
                raise StoreError(f"a Spawn's items come in order of index, not {indexes[:20]}")
            if indexes and indexes[-1] >= total:
                raise StoreError(f"a Spawn of {total} has no item {indexes[-1]}")
        case Fail(scope=ItemKey() as scope):
            top = run.item(scope)
            if top is None or top.parent is None or top.phase is Phase.ENDED:
                raise StoreError(f"{scope} is no open map item, so it can't collect a failure")
            below = checkpoint.fence.item.spawn_path.startswith(top.strand)
            if scope != checkpoint.fence.item and not below:
                raise StoreError(f"{checkpoint.fence.item} isn't below {scope}")
        case Fail(at=None) if checkpoint.result is not None:
            raise StoreError("a Fail with a result says in `at` where a retry goes on")
        case _:
            pass


def _write(tables: Tables, checkpoint: Checkpoint) -> Answer:
    held = tables.held(checkpoint.fence)
    if held is None:
        return Answer(accepted=False)
    run, item = held
    control = run.control if run.state is InstanceState.RUNNING else Control.STOP
    if checkpoint.result is not None:
        run.add_result(checkpoint.result, tables.now)
    for prefix in checkpoint.prune:
        run.prune(prefix)
    if control is Control.CANCEL:
        tables.end_item(run, item, None, None)
        tables.cancel_unclaimed(run)
        return Answer(control=control)
    # With a control request nothing is claimed for the caller: it is to stop, not to go on.
    keeper = Keeper(item.holder or "", item.lease_until) if control is Control.NONE else None
    event, joined, claimed = _apply(tables, run, item, checkpoint, keeper)
    if keeper is None and item.phase is not Phase.ENDED and item.holder is not None:
        item.holder, item.ready_at = None, tables.now
    if run.item(item.key) is item:
        tables.refresh(run, item)
    if keeper is None:
        # Whoever waits for the instance to come to rest looks again.
        event, joined = None, False
        tables.changed.add(run.number)
    return Answer(control=control, event=event, joined=joined, claimed=tuple(claimed))


def _apply(
    tables: Tables, run: Run, item: Item, checkpoint: Checkpoint, keeper: Keeper | None
) -> tuple[Event | None, bool, list[Claimed]]:
    """The effect; an event that came at once, whether a spawn has joined, what was claimed."""
    item.interruptions = 0
    match checkpoint.effect:
        case Move() as move:
            _move(tables, run, item, move)
            if move.hand_over:
                item.holder = None
        case Park() as park:
            _stand(tables, run, item, Phase.DELAY, park)
            item.wake_at = park.at_us if park.wait_us is None else tables.now + park.wait_us
            item.holder = None
        case Await() as wait:
            return _await(tables, run, item, wait), False, []
        case Retry() as retry:
            _retry(tables, run, item, retry)
        case Spawn() as spawn:
            joined, claimed = _spawn(tables, run, item, spawn, keeper)
            return None, joined, claimed
        case End() as end:
            return None, False, _end(tables, run, item, end, keeper)
        case Fail() as fail:
            return None, False, _fail(tables, run, item, fail, keeper)
    return None, False, []


def _stand(
    tables: Tables, run: Run, item: Item, phase: Phase, at: Move | Park | Await | Spawn
) -> None:
    """Put the item at a position; what it waited for, spawned and met at the last one goes."""
    tables.leave_wait(run, item)
    if phase is not Phase.READY or at.path != item.path:
        item.forget_attempts()
    item.phase, item.path, item.input = phase, at.path, at.input
    item.ready_at, item.wake_at, item.wait_until = tables.now, None, None
    item.signal_name = item.event = None
    item.priority = at.priority
    tables.ask_for(run, item, at.tags)
    item.parked_as = tables.next_number()
    item.forget_arms()


def _move(tables: Tables, run: Run, item: Item, move: Move) -> None:
    _stand(tables, run, item, Phase.READY, move)


def _move_with_counts(tables: Tables, run: Run, item: Item, move: Move) -> None:
    """Move to where an attempt was made without a write: the attempts were made there too."""
    counts = item.failures, item.interruptions_ever
    _move(tables, run, item, move)
    item.failures, item.interruptions_ever = counts


def _await(tables: Tables, run: Run, item: Item, wait: Await) -> Event | None:
    _stand(tables, run, item, Phase.SIGNAL, wait)
    item.signal_name = wait.signal_name
    if wait.timeout_us is not None:
        item.wake_at = tables.now + wait.timeout_us
    if not tables.begin_wait(run, item) or item.event is None:
        item.holder = None
        return None
    return Event(item.event.event_id, item.event.payload)


def _retry(tables: Tables, run: Run, item: Item, retry: Retry) -> None:
    tables.leave_wait(run, item)
    if retry.at is not None:
        _move_with_counts(tables, run, item, retry.at)
    item.failures += 1
    item.error, item.error_at, item.failed = retry.error, tables.now, False
    item.ready_at = tables.now
    # In place too: whoever takes the item over from a lost holder waits for what remains.
    item.phase = Phase.BACKOFF
    item.wake_at = tables.now + retry.wait_us
    item.parked_as = tables.next_number()
    if not retry.in_place:
        item.holder = None


def _spawn(
    tables: Tables, run: Run, item: Item, spawn: Spawn, keeper: Keeper | None
) -> tuple[bool, list[Claimed]]:
    if item.total is None or spawn.path != item.path:
        _stand(tables, run, item, Phase.READY, spawn)
    item.total, item.limit = spawn.total, spawn.limit
    claimed: list[Claimed] = []
    for new in spawn.items:
        if new.index < item.created:
            continue  # the same batch again, after a crash before its answer arrived
        arm = Item(
            key=ItemKey(spawn.path, new.index),
            parent=item,
            path=new.path,
            input=new.input,
            priority=new.priority,
            tags=new.tags,
            element=new.element,
            ready_at=tables.now,
        )
        # Counting the open arms, not comparing the index: when an earlier batch has all ended
        # no arm is left that would ready the first of this one.
        room = has_room(item)
        run.add_item(arm)
        item.created += 1
        item.pending += 1
        if not room:
            arm.phase = Phase.HELD
            item.held.append(arm)
        elif keeper is not None and len(claimed) < spawn.keep:
            claimed.append(tables.take(run, arm, keeper))
        else:
            tables.refresh(run, arm)
    if item.created < spawn.total:
        return False, claimed
    # What failed or was lost while the arms were made says nothing of what follows their join.
    item.forget_attempts()
    item.phase, item.ready_at = Phase.JOIN, tables.now
    if not item.joined:
        item.holder = None
    return item.joined, claimed


def _end(tables: Tables, run: Run, item: Item, end: End, keeper: Keeper | None) -> list[Claimed]:
    tables.end_item(run, item, end.output, None)
    if item.parent is None and run.state is InstanceState.RUNNING:
        run.output = end.output
        tables.finish(run, InstanceState.COMPLETED)
    return tables.arm_ended(run, item, keeper, end.keep)


def _fail(tables: Tables, run: Run, item: Item, fail: Fail, keeper: Keeper | None) -> list[Claimed]:
    top = None if fail.scope is None else run.item(fail.scope)
    if top is not None:
        tables.remove_below(run, top.key)
        tables.end_item(run, top, None, fail.error)
        return tables.arm_ended(run, top, keeper, fail.keep)
    if fail.at is not None:
        _move_with_counts(tables, run, item, fail.at)
    item.error, item.error_at, item.failed = fail.error, tables.now, True
    item.holder = None
    if run.state is InstanceState.RUNNING:
        run.error = fail.error
        tables.finish(run, InstanceState.FAILED)
    return []
