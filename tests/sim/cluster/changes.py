"""Invariants of what an operation has done: what was, what was asked, and what is now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sayiir.stores.records import Control, InstanceState, ItemKey, Phase
from tests.sim.cluster.operations import accepted_of
from tests.sim.cluster.rights import RIGHTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.sim.cluster.memory import Change
    from tests.sim.cluster.standing import Found

__all__ = ["CHANGES"]

_TIMED: Final = (Phase.DELAY, Phase.BACKOFF)


def one_live_lease_for_an_item(change: Change) -> Found:
    """Nobody is granted what another holds by a lease that hasn't ended."""
    for each in change.granted:
        item = change.item_before(each.fence)
        free = item is None or item.holder is None or not item.open
        if item is not None and not free and item.lease_until > change.operation.now_us:
            return f"{each.fence} granted, while {item.holder} holds it until {item.lease_until}"
    fences = [(each.fence.run, each.fence.item) for each in change.granted]
    return "granted twice in one answer" if len(set(fences)) < len(fences) else None


def epochs_only_grow(change: Change) -> Found:
    """Each grant of an item has a higher epoch than all before it."""
    for each in change.granted:
        last = change.memory.epochs.get((each.fence.run, each.fence.item), 0)
        if each.fence.epoch <= last:
            return f"{each.fence} granted after epoch {last}"
    for number, run in change.after.items():
        known = change.before.get(number)
        for key, item in run.items.items() if known is not None and known is not run else ():
            old = known.items.get(key) if known is not None else None
            if old is not None and item.epoch < old.epoch:
                return f"{key} went back from epoch {old.epoch} to {item.epoch}"
    return None


def stale_writes_are_refused(change: Change) -> Found:
    """A fence holds by the rows, or its write, renewal or look is refused."""
    operation = change.operation
    if operation.answer is None or operation.verb not in ("commit", "renew", "check"):
        return None
    if operation.verb == "commit":
        checkpoints, answers = operation.args[0], operation.answer
        for checkpoint, answer in zip(checkpoints, answers, strict=True):
            held = change.held_before(checkpoint.fence)
            if answer.accepted and not held:
                return f"a stale write of {checkpoint.fence} was accepted"
            if held and not answer.accepted and len(checkpoints) == 1:
                return f"a rightful write of {checkpoint.fence} was refused"
        return None
    rightful = {(each.run, each.item) for each in operation.args[0] if change.held_before(each)}
    for fence, state in zip(operation.args[0], operation.answer, strict=True):
        if state.held != change.held_before(fence):
            return f"{fence} is told to be {'held' if state.held else 'lost'}, which it isn't"
        was, run = change.item_before(fence), change.after.get(fence.run)
        now = None if run is None else run.items.get(fence.item)
        mine = (fence.run, fence.item) in rightful
        if not mine and was is not None and now is not None and was != now:
            return f"{fence} is stale, and moved the lease of epoch {was.epoch}"
    return None


def a_result_belongs_where_its_item_stands(change: Change) -> Found:
    """No step is left out: what is stored was executed at the item's position."""
    if change.operation.verb != "commit":
        return None
    for checkpoint, _ in accepted_of(change.operation):
        item, result = change.item_before(checkpoint.fence), checkpoint.result
        if item is None or result is None or item.phase not in (Phase.READY, Phase.BACKOFF):
            continue
        path = result.path
        if item.path.rsplit("/", 1)[-1].startswith("map"):
            continue  # a map of nothing is gone past without a write
        # An arm or an instance may begin at a loop or a child, inside which its first task is.
        if path != item.path and not path.startswith((f"{item.path}[", f"{item.path}/")):
            return f"{checkpoint.fence} stands at {item.path}, and has a result of {path}"
    return None


def results_never_change(change: Change) -> Found:
    """A result is written once, by an accepted checkpoint, and removed only by pruning."""
    accepted = accepted_of(change.operation)
    for number, run in change.after.items():
        old = change.before.get(number)
        if old is None or old is run:
            continue
        mine = [checkpoint for checkpoint, _ in accepted if checkpoint.fence.run == number]
        pruned = tuple(prefix for checkpoint in mine for prefix in checkpoint.prune)
        given = {each.result.path: each.result.output for each in mine if each.result is not None}
        for path, output in old.results.items():
            if path not in run.results and not path.startswith(pruned or "\0"):
                return f"the result of {path} is gone"
            if run.results.get(path, output) != output:
                return f"the result of {path} was overwritten"
        for path, output in run.results.items() - old.results.items():
            if given.get(path) != output:
                return f"a result of {path} that nobody has given"
    return None


def what_was_acknowledged_is_there(change: Change) -> Found:
    """What the store has said yes to stands in it."""
    operation, after = change.operation, change.after
    if operation.error is not None:
        return None
    for checkpoint, _ in accepted_of(operation):
        result, run = checkpoint.result, after.get(checkpoint.fence.run)
        if result is not None and (run is None or result.path not in run.results):
            return f"the result of {result.path} was accepted, and isn't there"
    first: Any = operation.args[0] if operation.args else None
    run = next((each for each in after.values() if each.instance_id == first), None)
    match operation.verb:
        case "create" if operation.answer.existing is None:
            mine = [each for each in after.values() if each.instance_id == first.instance_id]
            ok = len(mine) == 1 and ItemKey() in mine[0].items
        case "send_event":
            old = change.before[run.number] if run is not None else None
            new = run.events - old.events if run is not None and old is not None else ()
            ok = len(new) == 1
        case "request_cancel":
            ok = run is not None and (
                run.control is Control.CANCEL or run.state is InstanceState.CANCELLED
            )
        case "request_pause":
            ok = run is not None and run.control is not Control.NONE
        case "unpause":
            ok = run is not None and run.control is Control.NONE
        case "retry":
            ok = run is not None and run.state is InstanceState.RUNNING
        case "delete":
            ok = run is None
        case _:
            return None
    return None if ok else f"{operation.verb} was acknowledged, and isn't there"


def nothing_starts_against_control(change: Change) -> Found:
    """Nothing is granted in an instance that is paused, cancelled or has ended."""
    for each in change.granted:
        run = change.before.get(each.fence.run)
        asked = run is not None and (
            run.state is not InstanceState.RUNNING or run.control is not Control.NONE
        )
        if run is not None and asked:
            return f"{each.fence} granted: {run.state.value}, {run.control.value}"
    return None


def a_cancelled_instance_never_completes(change: Change) -> Found:
    """An acknowledged cancel wins over everything that comes after it."""
    for number in change.memory.cancelled:
        run = change.after.get(number)
        if run is not None and run.state in (InstanceState.COMPLETED, InstanceState.FAILED):
            return f"run {number} was cancelled, and is {run.state.value}"
    return None


def no_timer_is_early(change: Change) -> Found:
    """Nothing that waits for a time is first granted before it, by the store's clock."""
    for each in change.granted:
        if each.phase not in _TIMED and not (each.phase is Phase.SIGNAL and each.event is None):
            continue
        run = change.before.get(each.fence.run)
        wake = change.memory.wakes.get((each.fence.run, each.fence.item))
        passed = run is not None and change.timed_out(run)
        if wake is not None and change.operation.now_us < wake and not passed:
            return (
                f"{each.fence} ({each.phase.value}) granted {wake - change.operation.now_us} early"
            )
    return None


def every_join_is_counted_once(change: Change) -> Found:
    """A parent goes on when all of its arms have ended, and then once."""
    for each in change.granted:
        if each.phase is not Phase.JOIN:
            continue
        run = change.after[each.fence.run]
        arms = [item for key, item in run.items.items() if key.spawn_path == each.path]
        parent = run.items[each.fence.item]
        if parent.parent is None and change.timed_out(run):
            continue  # it isn't granted to go on
        if any(item.open for item in arms) or len(arms) != parent.total:
            return f"{each.fence} goes on, with open arms at {each.path}"
    for number, run in change.after.items():
        old = change.before.get(number)
        for key, item in run.items.items() if old is not None and old is not run else ():
            was = old.items.get(key) if old is not None else None
            if was is None or was.total is None or item.path != was.path or item.total is None:
                continue
            if item.pending < 0 or item.created > item.total:
                return f"{key} counts {item.pending} open of {item.created} arms of {item.total}"
    return None


def events_come_once_and_in_order(change: Change) -> Found:
    """No event is lost, given twice, or given before an older one of its name."""
    memory = change.memory
    for number, run in change.after.items():
        old = change.before.get(number)
        if old is run:
            continue
        for key, item in run.items.items():
            if item.event is None or not item.open:
                continue
            had = memory.delivered.get((number, item.event))
            if had is not None and had != item.path:
                return f"event {item.event} at {had} and at {item.path}"
            name = memory.sent.get((number, item.event), ("", None))[0]
            mine = ((name, None), (name, item.path))
            older = [id_ for id_, other in run.kept.items() if other in mine and id_ < item.event]
            if had is None and older:
                return f"{key} was given event {item.event} before {older}"
        known = {event for of, event in memory.sent if of == number}
        there = set(run.kept) | {event for of, event in memory.delivered if of == number}
        there |= {item.event for item in run.items.values() if item.event is not None}
        if run.state is InstanceState.RUNNING and known - there:
            return f"events lost: {sorted(known - there)}"
        again = [event for event in run.kept if (number, event) in memory.delivered]
        if again and not any(each.state is InstanceState.FAILED for each in (old, run) if each):
            return f"events kept once more: {again}"
    return None


def attempts_are_counted(change: Change) -> Found:
    """What is granted knows every failed attempt and every lost lease at its position."""
    for each in change.granted:
        counted = change.memory.counts.get((each.fence.run, each.fence.item), (0, 0))
        if (each.failures, each.interruptions_ever) != counted:
            told = (each.failures, each.interruptions_ever)
            return f"{each.fence} at {each.path} is told {told}, and has {counted}"
    return None


def live_workers_keep_their_leases(change: Change) -> Found:
    """A lease ends without release only where its holder was in trouble."""
    for run, key, item in change.lapsed():
        # It may have ended long before somebody claims, of a paused instance for one.
        ago_us = change.operation.now_us - item.lease_until
        if item.holder is not None and not change.excused(item.holder, ago_us):
            return f"{item.holder} lives, and lost {key} of run {run.number} at {item.path}"
    return None


def the_store_makes_sense_of_it(change: Change) -> Found:
    """No call of the engine is refused as a mistake, or breaks the store."""
    error = change.operation.error
    return None if error is None else f"{change.operation.verb}: {type(error).__name__}: {error}"


CHANGES: Final[tuple[Callable[[Change], Found], ...]] = (
    one_live_lease_for_an_item,
    epochs_only_grow,
    stale_writes_are_refused,
    a_result_belongs_where_its_item_stands,
    results_never_change,
    what_was_acknowledged_is_there,
    nothing_starts_against_control,
    a_cancelled_instance_never_completes,
    no_timer_is_early,
    every_join_is_counted_once,
    events_come_once_and_in_order,
    live_workers_keep_their_leases,
    attempts_are_counted,
    the_store_makes_sense_of_it,
    *RIGHTS,
)
