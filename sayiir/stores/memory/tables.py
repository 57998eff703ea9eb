"""All rows of a memory store, and the few moves that every verb is made of.

``refresh`` decides when an item is due; nothing else does. Whoever changes a row calls it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from sayiir.errors import InstanceNotFound, InvalidTransition
from sayiir.limits import DEFAULT_PRIORITY, RANK_SECONDS_PER_PRIORITY
from sayiir.stores.memory.agenda import Agenda, Agendas, new_agendas
from sayiir.stores.memory.rows import EventRow, Item, Run
from sayiir.stores.records import (
    Claimed,
    Control,
    Event,
    Fence,
    InstanceState,
    ItemKey,
    Phase,
)

__all__ = ["SECOND_US", "Keeper", "Tables", "has_room", "own_due"]

SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Keeper:
    """Who claims, and until when."""

    holder: str
    lease_until: int


class Tables:
    """The rows. ``now`` is the time of the transaction, set when each verb begins."""

    def __init__(self) -> None:
        self.now = 0
        self.runs: dict[int, Run] = {}
        self.by_instance: dict[str, Run] = {}
        self.definitions: dict[str, bytes] = {}
        self.agendas: defaultdict[str, Agendas] = defaultdict(new_agendas)
        """What is due, by definition hash and tags; each run has its own in ``Run.agendas``."""
        self.changed: set[int] = set()
        """The runs whose watchers have to be woken when the verb ends."""
        self._last_number = 0

    def next_number(self) -> int:
        """The next of the numbers that name runs and events and order waits."""
        self._last_number += 1
        return self._last_number

    # -- finding

    def run_of(self, instance_id: str) -> Run:
        """The instance's run, or ``InstanceNotFound``."""
        run = self.by_instance.get(instance_id)
        if run is None:
            raise InstanceNotFound(instance_id)
        return run

    def unfinished(self, instance_id: str, verb: str) -> Run:
        """The instance's run, which hasn't ended, or ``InvalidTransition``."""
        run = self.run_of(instance_id)
        if run.state is not InstanceState.RUNNING:
            raise InvalidTransition(instance_id, verb, run.state.value)
        return run

    def held(self, fence: Fence) -> tuple[Run, Item] | None:
        """The item that the fence is for, if the fence still holds.

        A lease that has ended but that nobody has taken is still held: there is one writer.
        """
        run = self.runs.get(fence.run)
        item = run.item(fence.item) if run is not None else None
        if run is None or item is None or item.epoch != fence.epoch or item.holder is None:
            return None
        return run, item

    # -- when an item is due

    def refresh(self, run: Run, item: Item) -> None:
        """File the item under the time when it next needs looking at."""
        slot = run.slot(item.key)
        when = self._when(run, item)
        if when is None:
            self.forget(run, item)
            return
        due, ready_at = when
        priority = item.priority or run.new.priority or DEFAULT_PRIORITY
        rank = ready_at + (priority - 1) * RANK_SECONDS_PER_PRIORITY * SECOND_US
        for agenda in self._agendas_of(run, item):
            agenda.put(slot, due=due, rank=rank)
        if item.holder is None:
            self.changed.add(run.number)

    def forget(self, run: Run, item: Item) -> None:
        """Nobody has to look at the item."""
        for agenda in self._agendas_of(run, item):
            agenda.drop(run.slot(item.key))

    def ask_for(self, run: Run, item: Item, tags: tuple[str, ...]) -> None:
        """The item's next task asks for these tags. It is still to be filed."""
        if tags != item.tags:
            self.forget(run, item)
            item.tags = tags

    def _agendas_of(self, run: Run, item: Item) -> tuple[Agenda, Agenda]:
        everywhere = self.agendas[run.new.definition_hash]
        return run.agendas[item.tags], everywhere[item.tags]

    def _when(self, run: Run, item: Item) -> tuple[int, int] | None:
        """Due time and ready time, or None for never."""
        if run.state is not InstanceState.RUNNING or run.control is Control.PAUSE:
            return None
        if item.holder is not None:
            return item.lease_until, item.lease_until
        when = own_due(item)
        if when is not None and item.wait_until is not None:
            when = (item.wait_until, item.wait_until)
        if run.deadline_at is not None and item.parent is None and item.phase is not Phase.ENDED:
            deadline = (run.deadline_at, run.deadline_at)
            when = deadline if when is None else min(when, deadline)
        return when

    def refresh_all(self, run: Run) -> None:
        """The same for every open item, after the instance's state or control changed."""
        for item in run.open.values():
            self.refresh(run, item)
        self.changed.add(run.number)

    # -- leases

    def take(self, run: Run, item: Item, keeper: Keeper) -> Claimed:
        """Claim the item."""
        item.epoch += 1
        item.holder, item.lease_until = keeper.holder, keeper.lease_until
        item.wait_until = None
        run.interrupted.pop(item.key, None)
        self.refresh(run, item)
        new, event = run.new, item.event
        return Claimed(
            fence=Fence(run.number, item.key, item.epoch),
            run_id=new.run_id,
            instance_id=new.instance_id,
            definition_hash=new.definition_hash,
            phase=item.phase,
            path=item.path,
            input=item.input,
            lease_until_at_us=item.lease_until,
            failures=item.failures,
            interruptions=item.interruptions,
            interruptions_ever=item.interruptions_ever,
            spawned=item.created,
            spawn_total=item.total,
            event=None if event is None else Event(event.event_id, event.payload),
            deadline_in_us=None if run.deadline_at is None else run.deadline_at - self.now,
            traceparent=new.traceparent,
        )

    # -- waits and events

    def begin_wait(self, run: Run, item: Item) -> bool:
        """Give a SIGNAL item the oldest kept event that it may have, else list it as waiting."""
        name, path = item.signal_name or "", item.path
        eligible = [
            (queue[0].event_id, key)
            for key in ((name, None), (name, path))
            if (queue := run.kept.get(key))
        ]
        if not eligible:
            run.waits.setdefault(name, {})[path] = item
            return False
        key = min(eligible)[1]
        event = run.kept[key].popleft()
        if not run.kept[key]:
            del run.kept[key]
        self.deliver(run, item, event)
        return True

    def deliver(self, run: Run, item: Item, event: EventRow) -> None:
        """The wait consumes the event."""
        self.leave_wait(run, item)
        item.event, item.ready_at = event, self.now
        run.events_below.add(item.path, event.event_id)

    def leave_wait(self, run: Run, item: Item) -> None:
        """The item waits no longer; harmless where it didn't."""
        waiting = run.waits.get(item.signal_name or "", {})
        if waiting.get(item.path) is item:
            del waiting[item.path]

    # -- ends

    def end_item(self, run: Run, item: Item, output: str | None, error: bytes | None) -> None:
        """The item has ended; its row stays for the join."""
        self.leave_wait(run, item)
        item.phase, item.holder, item.wait_until = Phase.ENDED, None, None
        if error is None:
            item.forget_attempts()
        item.output, item.error = output, error
        item.error_at, item.failed = self.now, error is not None
        run.open.pop(item.key, None)
        run.interrupted.pop(item.key, None)
        self.refresh(run, item)

    def arm_ended(self, run: Run, item: Item, keeper: Keeper | None, keep: bool) -> list[Claimed]:
        """Count an ended arm at its parent: ready the next one held, go on from the join."""
        parent = item.parent
        if parent is None:
            return []
        parent.pending -= 1
        claimed: list[Claimed] = []
        while parent.held and has_room(parent):
            follower = parent.held.popleft()
            follower.phase, follower.ready_at = Phase.READY, self.now
            if keep and keeper is not None and not claimed:
                claimed.append(self.take(run, follower, keeper))
            else:
                self.refresh(run, follower)
        if parent.joined:
            parent.ready_at = self.now
            if keeper is not None and parent.holder is None:
                claimed.append(self.take(run, parent, keeper))
            else:
                self.refresh(run, parent)
        return claimed

    def finish(self, run: Run, state: InstanceState) -> None:
        """The instance has ended; nothing of it is due any more."""
        run.state, run.finished_at = state, self.now
        self.refresh_all(run)

    def cancel_unclaimed(self, run: Run) -> None:
        """End what nobody works on; the last one makes the instance cancelled."""
        for item in list(run.open.values()):
            if item.holder is None or item.lease_until <= self.now:
                self.end_item(run, item, None, None)
        if not run.open:
            self.finish(run, InstanceState.CANCELLED)

    def remove(self, run: Run) -> None:
        """Remove the run and all that belongs to it; its fences are stale from now on."""
        for item in run.open.values():
            self.forget(run, item)
        del self.runs[run.number], self.by_instance[run.new.instance_id]
        self.changed.add(run.number)

    def remove_below(self, run: Run, scope: ItemKey) -> None:
        """Remove all items below a map item, whoever works on them."""
        top = run.item(scope)
        for spawn_path in run.spawns_below.pop(top.strand) if top is not None else ():
            for item in run.spawns.pop(spawn_path).values():
                self.leave_wait(run, item)
                run.open.pop(item.key, None)
                run.interrupted.pop(item.key, None)
                self.forget(run, item)


def has_room(parent: Item) -> bool:
    """Whether one more arm may run: those that are open and not held are below the limit."""
    return parent.limit is None or parent.pending - len(parent.held) < parent.limit


def own_due(item: Item) -> tuple[int, int] | None:
    """Due time and ready time of an unclaimed item by its phase alone.

    What is ready is due at time 0: a clock that goes backwards mustn't take that back.
    """
    match item.phase:
        case Phase.READY:
            return 0, item.ready_at
        case Phase.SIGNAL if item.event is not None:
            return 0, item.ready_at
        case Phase.JOIN if item.joined:
            return 0, item.ready_at
        case Phase.DELAY | Phase.BACKOFF | Phase.SIGNAL if item.wake_at is not None:
            return item.wake_at, item.wake_at
        case _:
            return None
