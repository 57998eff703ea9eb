"""Invariants of rights and ends: definitions, tags, urgency, addresses, deadlines, removals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sayiir.engine.failures import failure_from_bytes
from sayiir.errors import WorkflowTimedOut
from sayiir.limits import RANK_SECONDS_PER_PRIORITY
from sayiir.stores.records import Control, Fail, InstanceState, Phase
from tests.sim.cluster.operations import accepted_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir.stores.records import Checkpoint, ItemKey
    from tests.sim.cluster.memory import Change
    from tests.sim.cluster.standing import Found
    from tests.sim.cluster.views import RunView

__all__ = ["RIGHTS", "timed_out", "times_out"]

_ROUNDING_US: Final = 1_000
_LATE_US: Final = 1_000_000
"""So long after a deadline a worker that nothing hinders has stopped: all of it is calls."""


def timed_out(error: bytes | None) -> bool:
    """Whether this is the recorded failure of a workflow's own timeout."""
    return error is not None and failure_from_bytes(error).kind == WorkflowTimedOut.__name__


def who_may_not_have_it_gets_nothing(change: Change) -> Found:
    """A claim brings no worker what it has no tags for, nor a definition that it doesn't know."""
    if change.operation.verb != "claim":
        return None
    able = change.able(change.operation.process)
    for each in change.granted:
        run = change.after[each.fence.run]
        tags = run.items[each.fence.item].tags
        if not able.may_have(run.definition_hash, tags):
            return f"{each.fence} of {run.definition_hash[:6]}, {tags}, to {able}"
    return None


def an_instance_is_advanced_by_who_knows_it(change: Change) -> Found:
    """No checkpoint is accepted from a worker that doesn't know the instance's definition."""
    known = change.able(change.operation.process).definitions
    for checkpoint, _ in accepted_of(change.operation):
        run = change.before.get(checkpoint.fence.run)
        if run is not None and run.definition_hash not in known:
            return f"{checkpoint.fence} of {run.definition_hash[:6]} by who knows {sorted(known)}"
    return None


def the_most_urgent_comes_first(change: Change) -> Found:
    """Nothing is claimed before what is more urgent and could be had as well."""
    if change.operation.verb != "claim" or not change.granted:
        return None
    granted = {(each.fence.run, each.fence.item) for each in change.granted}
    able = change.able(change.operation.process)
    taken: list[int] = []
    left: list[int] = []
    for number, run in change.before.items():
        if run.state is not InstanceState.RUNNING or run.control is not Control.NONE:
            continue
        for key, item in run.items.items():
            if item.phase is not Phase.READY or item.holder is not None or item.due != 0:
                continue
            if able.may_have(run.definition_hash, item.tags):
                (taken if (number, key) in granted else left).append(_rank(run, key))
    if taken and left and min(left) < max(taken):
        return f"of {sorted(taken + left)}, {sorted(taken)} were taken"
    return None


def _rank(run: RunView, key: ItemKey) -> int:
    item = run.items[key]
    priority = item.priority or run.priority
    return item.ready_at + (priority - 1) * RANK_SECONDS_PER_PRIORITY * 1_000_000


def what_was_removed_stays_gone(change: Change) -> Found:
    """Only what has ended is deleted, only people remove a run, and nothing of it comes back."""
    operation = change.operation
    for number in change.before.keys() - change.after.keys():
        run = change.before[number]
        if operation.verb == "delete" and run.state is InstanceState.RUNNING:
            return f"run {number} was deleted while it ran"
        replaced = operation.verb == "create" and operation.kwargs.get("replace")
        if operation.verb != "delete" and not replaced:
            return f"run {number} was removed by {operation.verb}"
    back = change.memory.gone & change.after.keys()
    return f"runs {sorted(back)} were removed, and are there" if back else None


def a_run_keeps_its_definition(change: Change) -> Found:
    """An instance goes on under the definition it was created by, or is not there any more."""
    hashes = {run.instance_id: run.definition_hash for run in change.before.values()}
    for run in change.after.values():
        if hashes.get(run.instance_id, run.definition_hash) != run.definition_hash:
            return f"{run.instance_id} has another definition than before"
    return None


def an_addressed_event_reaches_its_wait(change: Change) -> Found:
    """An event that was sent to one wait is given to no other, and is kept for it."""
    sent = change.memory.sent
    for number, run in change.after.items():
        if change.before.get(number) is run:
            continue
        for item in run.items.values():
            if item.event is None or not item.open:
                continue
            address = sent.get((number, item.event), ("", None))[1]
            if address not in (None, item.path):
                return f"event {item.event} for {address} was given to {item.path}"
        for event, (_, address) in run.kept.items():
            if sent.get((number, event), ("", address))[1] != address:
                return f"event {event} is kept for {address or 'anybody'}"
    return None


def a_deadline_is_kept(change: Change) -> Found:
    """A workflow times out not before its deadline by the store's clock, and soon after, once."""
    operation, memory = change.operation, change.memory
    for number, run in change.after.items():
        moved = change.before.get(number, run) is not run and operation.verb != "retry"
        if moved and run.deadline_at != memory.deadlines.get(number):
            return f"run {number} has a deadline of {run.deadline_at}"
    for checkpoint, answer in accepted_of(operation):
        number, fence = checkpoint.fence.run, checkpoint.fence
        was = change.before.get(number)
        if was is None or was.state is not InstanceState.RUNNING:
            continue
        if times_out(checkpoint):
            early = memory.early_us(fence, operation.now_us)
            if early > _ROUNDING_US:
                return f"{fence} timed out {early} us before the deadline"
            if answer.control is Control.NONE and change.after[number].state is not _FAILED:
                return f"{fence} timed out, and run {number} is {change.after[number].state.value}"
        elif memory.over_us(fence, operation.now_us) > _LATE_US and not change.excused(
            operation.process
        ):
            return f"{fence} goes on long after the deadline"
    return None


_FAILED: Final = InstanceState.FAILED


def times_out(checkpoint: Checkpoint) -> bool:
    """Whether it ends an instance whose deadline has passed."""
    effect: Any = checkpoint.effect
    return isinstance(effect, Fail) and timed_out(effect.error)


RIGHTS: Final[tuple[Callable[[Change], Found], ...]] = (
    who_may_not_have_it_gets_nothing,
    an_instance_is_advanced_by_who_knows_it,
    the_most_urgent_comes_first,
    what_was_removed_stays_gone,
    a_run_keeps_its_definition,
    an_addressed_event_reaches_its_wait,
    a_deadline_is_kept,
)
