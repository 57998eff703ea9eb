"""What the judge remembers by itself, and one operation with all rows before and after it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from sayiir.stores.records import Control, ItemKey, Retry, Spawn
from tests.sim.cluster.operations import accepted_of, granted_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir.stores.records import Claimed, Effect, Fence
    from tests.sim.cluster.operations import Operation
    from tests.sim.cluster.views import ItemView, RunView
    from tests.sim.cluster.worlds import Able

__all__ = ["Change", "Excused", "Memory", "remember", "remember_lapses"]


class Excused(Protocol):
    """Whether a holder of a lease may have lost it so long ago: it was troubled within one."""

    def __call__(self, holder: str, ago_us: int = 0, /) -> bool: ...


@dataclass(slots=True)
class Memory:
    """What the judge remembers by itself, beside the rows.

    ``epochs``: the highest ever granted. ``wakes``: not to be claimed before, by the store's
    clock, until it once was. ``counts``: failures and lost leases at the position. ``delivered``:
    which item had which event. ``sent``: name and address of each event. ``cancelled``: runs
    whose cancellation was acknowledged. ``dismissed``: fences of writes that were refused, or
    answered with a request. ``timeouts``: of each instance, in microseconds. ``deadlines``: when
    each run is to time out. ``gone``: runs that were removed. ``shifted_us``: how far the store's
    clock has jumped, back and ahead; ``told``: the same at each grant, and the deadline that held
    then. A retry gives the instance a later one, of which who holds an arm all along isn't told.
    """

    epochs: dict[tuple[int, ItemKey], int] = field(default_factory=dict)
    wakes: dict[tuple[int, ItemKey], int] = field(default_factory=dict)
    counts: dict[tuple[int, ItemKey], tuple[int, int]] = field(default_factory=dict)
    delivered: dict[tuple[int, int], str] = field(default_factory=dict)
    sent: dict[tuple[int, int], tuple[str, str | None]] = field(default_factory=dict)
    cancelled: set[int] = field(default_factory=set)
    dismissed: set[Fence] = field(default_factory=set)
    timeouts: dict[str, int | None] = field(default_factory=dict)
    deadlines: dict[int, int] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    shifted_us: tuple[int, int] = (0, 0)
    told: dict[Fence, tuple[int, int, int | None]] = field(default_factory=dict)

    def shifted_since(self, fence: Fence) -> tuple[int, int]:
        """How far the store's clock has jumped since the grant, back and ahead."""
        back, ahead, _ = self.told.get(fence, (*self.shifted_us, None))
        return self.shifted_us[0] - back, self.shifted_us[1] - ahead

    def early_us(self, fence: Fence, now_us: int) -> int:
        """How long before the deadline that the holder was told of it is."""
        deadline = self.told.get(fence, (0, 0, None))[2]
        never = 10**18
        return (never if deadline is None else deadline) - now_us - self.shifted_since(fence)[0]

    def over_us(self, fence: Fence, now_us: int) -> int:
        """How long the deadline has passed, as far as the holder of the fence can know."""
        deadline = self.deadlines.get(fence.run, now_us)
        return now_us - deadline - self.shifted_since(fence)[1]


@dataclass(slots=True)
class Change:
    """One operation, with all runs before and after it."""

    operation: Operation
    before: dict[int, RunView]
    after: dict[int, RunView]
    memory: Memory
    excused: Excused
    able: Callable[[str], Able]
    """What a process has."""
    granted: tuple[Claimed, ...] = ()

    def __post_init__(self) -> None:
        self.granted = granted_by(self.operation)

    def item_before(self, fence: Fence) -> ItemView | None:
        """The item of a fence as it was."""
        run = self.before.get(fence.run)
        return None if run is None else run.items.get(fence.item)

    def held_before(self, fence: Fence) -> bool:
        """Whether the fence held, by the rows as they were."""
        item = self.item_before(fence)
        return item is not None and item.epoch == fence.epoch and item.holder is not None

    def timed_out(self, run: RunView) -> bool:
        """Whether the run's deadline has passed, by the store's clock."""
        return run.deadline_at is not None and run.deadline_at <= self.operation.now_us

    def lapsed(self) -> list[tuple[RunView, ItemKey, ItemView]]:
        """What a claim took from a holder whose lease had ended."""
        if self.operation.verb != "claim":
            return []
        return [
            (run, key, item)
            for number, run in self.before.items()
            if number in self.after and run is not self.after[number]
            for key, item in run.items.items()
            if item.holder is not None and _was_taken(item, self.after[number].items.get(key))
        ]


def _was_taken(item: ItemView, now: ItemView | None) -> bool:
    return now is not None and (now.epoch != item.epoch or now.holder is None) and now.open


def remember_lapses(change: Change) -> None:
    """Count the leases that were lost, before what the same call granted is judged."""
    counts = change.memory.counts
    for run, key, _ in change.lapsed():
        failures, lost = counts.get((run.number, key), (0, 0))
        counts[run.number, key] = failures, lost + 1


def remember(change: Change) -> None:
    """Keep what later operations are judged by."""
    memory, operation = change.memory, change.operation
    if operation.verb == "commit" and operation.answer is not None:
        for checkpoint, answer in zip(operation.args[0], operation.answer, strict=True):
            if not answer.accepted or answer.control is not Control.NONE:
                memory.dismissed.add(checkpoint.fence)
    for each in change.granted:
        memory.epochs[each.fence.run, each.fence.item] = each.fence.epoch
        memory.told[each.fence] = (*memory.shifted_us, memory.deadlines.get(each.fence.run))
        place = each.fence.run, each.fence.item
        if memory.wakes.get(place, operation.now_us) <= operation.now_us:
            memory.wakes.pop(place, None)  # over once, whatever the clock says later
    for checkpoint, _ in accepted_of(operation):
        place, effect = (checkpoint.fence.run, checkpoint.fence.item), checkpoint.effect
        failures, lost = memory.counts.get(place, (0, 0))
        if isinstance(effect, Retry):
            memory.counts[place] = (failures + 1, lost)
        elif not _goes_on_spawning(effect, change.item_before(checkpoint.fence)):
            memory.counts[place] = (0, 0)
        memory.wakes.pop(place, None)
        waits: Any = getattr(effect, "wait_us", getattr(effect, "timeout_us", None))
        at = getattr(effect, "at_us", None)
        if at is not None or waits is not None:
            memory.wakes[place] = at if at is not None else operation.now_us + waits
    for number, run in change.after.items():
        for item in run.items.values():
            if item.event is not None and item.open:
                memory.delivered[number, item.event] = item.path
        if run.control is Control.CANCEL:
            memory.cancelled.add(number)
    memory.gone |= change.before.keys() - change.after.keys()
    if operation.error is not None:
        return
    if operation.verb in ("send_event", "retry"):
        _remember_people(change, operation.args)
    if operation.verb in ("create", "retry"):
        _remember_deadline(change, operation.args[0])


def _goes_on_spawning(effect: Effect, item: ItemView | None) -> bool:
    """Whether it stays where it stands: a batch of arms is there, and others are still to come."""
    if not isinstance(effect, Spawn) or item is None or item.path != effect.path:
        return False
    return bool(effect.items) and effect.items[-1].index + 1 < effect.total


def _remember_people(change: Change, args: tuple[object, ...]) -> None:
    memory = change.memory
    run = next(each for each in change.after.values() if each.instance_id == args[0])
    if change.operation.verb == "send_event":
        for event in run.events - change.before[run.number].events:
            address = change.operation.kwargs.get("path")
            memory.sent[run.number, event] = (str(args[1]), address)
        return
    for key, item in run.items.items():
        if item.holder is None:  # who holds one goes on counting
            memory.counts.pop((run.number, key), None)


def _remember_deadline(change: Change, asked: Any) -> None:
    """It begins when the instance does, and again when somebody retries it."""
    memory, operation = change.memory, change.operation
    if operation.verb == "create":
        if operation.answer.existing is not None:
            return
        memory.timeouts[asked.instance_id], instance_id = asked.timeout_us, asked.instance_id
    else:
        instance_id = asked
    timeout_us = memory.timeouts[instance_id]
    if timeout_us is not None:
        run = next(each for each in change.after.values() if each.instance_id == instance_id)
        memory.deadlines[run.number] = operation.now_us + timeout_us
