"""Where steps go in a run in memory: what a store would keep as rows stands here as objects.

Arms that wait for their join, results that ``result_of`` reads later, events that were given.
"""

from __future__ import annotations

from collections import deque
from itertools import count
from typing import TYPE_CHECKING, Any

from sayiir.engine.failures import failure_to_bytes, without_our_frames
from sayiir.engine.given_events import given_events
from sayiir.engine.kept import KeptResults
from sayiir.engine.payloads import payload_of
from sayiir.engine.refs import ArmOutput, ElementRef, EventRef, InputRef, JoinRef, leaves
from sayiir.engine.transitions import (
    AwaitEvent,
    Elapsed,
    EndStrand,
    FailStrand,
    Joined,
    ParkUntil,
    SpawnArms,
    TimedOut,
)
from sayiir.engine.work import Reply, RetryLater, Work
from sayiir.errors import SignalUnavailable, failure_of
from sayiir.stores.records import Fence, ItemKey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sayiir.clock import Clock
    from sayiir.engine.in_memory_agenda import Agenda
    from sayiir.engine.payloads import Payload
    from sayiir.engine.position import Position
    from sayiir.engine.program import Program
    from sayiir.engine.refs import Ref
    from sayiir.engine.transitions import Returned
    from sayiir.engine.work import Step
    from sayiir.stores.records import Latest

__all__ = ["InMemoryCommitter"]

_ACCEPTED = Reply()
_REFUSED = Reply(accepted=False)


class _Join:
    """A strand that waits for its arms."""

    __slots__ = ("arms", "held", "open", "work")

    def __init__(self, work: Work, arms: int) -> None:
        self.work = work
        self.arms: list[ArmOutput | None] = [None] * arms
        self.open = arms
        self.held: deque[Work] = deque()


class InMemoryCommitter:
    """Does with each step what a store would do.

    Args:
        program: what runs.
        agenda: takes the items that a step makes ready, parks or drops.
        clock: tells when parked items are due.
        events: what the waits receive, by signal name.

    Attributes:
        input: the run's input, once it was accepted.

    Raises:
        UnknownSignal: the workflow waits for no such signal.
        TypeError: the payloads of a signal are no list.
    """

    __slots__ = (
        "_agenda",
        "_arrived",
        "_clock",
        "_event_ids",
        "_events",
        "_joins",
        "_kept",
        "_program",
        "durable",
        "input",
    )

    def __init__(
        self,
        program: Program,
        agenda: Agenda,
        clock: Clock,
        events: Mapping[str, Sequence[object]],
    ) -> None:
        self.durable = False
        self.input: Payload | None = None
        self._program = program
        self._agenda = agenda
        self._clock = clock
        self._events = given_events(program, events)
        self._event_ids = count(1)
        self._arrived: dict[int, object] = {}
        self._joins: dict[str, _Join] = {}
        self._kept = KeptResults()

    async def move(
        self,
        work: Work,
        position: Position,
        computed: Returned | None,
        prune: tuple[str, ...],
        hand_over: bool,
    ) -> Reply:
        """Keep what is read later, and forget what never will be."""
        if work.lost:
            return _REFUSED
        self._keep(computed, prune)
        return _ACCEPTED

    def _keep(self, computed: Returned | None, prune: tuple[str, ...]) -> None:
        if computed is not None and computed.kept:
            self._kept.add(computed)
        if prune:
            self._prune(prune)

    async def commit(self, work: Work, step: Step) -> Reply:
        """Do what a store would do with the step."""
        if work.lost:
            return _REFUSED
        self._keep(step.computed, step.prune)
        match step.following:
            case EndStrand(output=output):
                return self._end(work, ArmOutput(work.fence.item.index, output))
            case SpawnArms() as spawn:
                return self._spawn(work, step, spawn)
            case ParkUntil() as park:
                self._park(work.fence, self._due_us(park), park.position, work, Elapsed())
            case AwaitEvent() as wait:
                return self._await(work, wait)
            case RetryLater(in_place=False) as retry:
                due_us = self._clock.now_us() + int(retry.wait_seconds * 1e6)
                self._park(work.fence, due_us, retry.position, work, None, work.failures + 1)
            case FailStrand() as failed:
                return self._fail(work, step, failed)
            case _:
                pass
        return _ACCEPTED

    async def fill(self, work: Work, refs: Sequence[Ref]) -> None:
        """Joins get their arms; everything else has carried its payload since it was made."""
        for ref in refs:
            for leaf in leaves(ref):
                if isinstance(leaf, JoinRef) and leaf.arms is None:
                    join = self._joins.pop(leaf.path, None)
                    leaf.arms = tuple(arm for arm in join.arms if arm) if join else ()
                elif isinstance(leaf, InputRef) and leaf.payload is None:
                    leaf.payload = self.input
                elif isinstance(leaf, EventRef) and leaf.payload is None:
                    leaf.payload = self._event(leaf)

    def _event(self, ref: EventRef) -> Payload:
        """An event is read by its wait, so that a misfit fails there, as it does durably."""
        codec, value = self._program.codec, self._arrived.pop(ref.event_id)
        accepted = codec.accept(value, self._program.event_type(ref.node_path))
        return payload_of(accepted, self._program.plan(ref.node_path))

    async def latest(self, work: Work, latest: Latest) -> Payload | None:
        """The newest kept result."""
        return self._kept.latest(latest)

    async def release(self, work: Work) -> None:
        """Nothing is kept, so there is nothing to give back."""

    def _prune(self, prefixes: tuple[str, ...]) -> None:
        self._kept.prune(prefixes)
        for path in [path for path in self._joins if path.startswith(prefixes)]:
            del self._joins[path]

    def _due_us(self, park: ParkUntil) -> int:
        if park.at is not None:
            return int(park.at.timestamp() * 1e6)
        return self._clock.now_us() + int((park.seconds or 0.0) * 1e6)

    def _park(
        self,
        fence: Fence,
        due_us: int,
        position: Any,
        work: Work,
        outcome: Any,
        failures: int = 0,
    ) -> None:
        parked = Work(work.program, work.run, fence, position, outcome)
        parked.failures = failures
        parked.kept, parked.deadline_at = work.kept, work.deadline_at
        self._agenda.park(due_us, parked)

    def _await(self, work: Work, wait: AwaitEvent) -> Reply:
        waiting = self._events.get(wait.signal_name)
        position = wait.position
        if waiting:
            event_id = next(self._event_ids)
            self._arrived[event_id] = waiting.popleft()
            return Reply(event=EventRef(event_id, position.place.node_path))
        if wait.timeout_seconds is None:
            raise SignalUnavailable(wait.signal_name, position.path)
        due_us = self._clock.now_us() + int(wait.timeout_seconds * 1e6)
        self._park(work.fence, due_us, position, work, TimedOut())
        return _ACCEPTED

    def _spawn(self, work: Work, step: Step, spawn: SpawnArms) -> Reply:
        path = spawn.position.path
        if step.first == 0:
            waiting = Work(work.program, work.run, work.fence, spawn.position, Joined())
            waiting.kept, waiting.deadline_at = work.kept, work.deadline_at
            self._joins[path] = _Join(waiting, spawn.count)
        join = self._joins[path]
        arms = [
            self._arm(step, path, work, start, index)
            for index, start in enumerate(step.starts, step.first)
        ]
        limit = spawn.count if spawn.limit is None else spawn.limit
        free = max(limit - step.first, 0)
        join.held.extend(arms[free:])
        # All of them start beside this strand, the first one too: what runs the root has to
        # come back to `run`, which alone looks at timers, deadlines and failures.
        self._agenda.queue(arms[:free])
        return _ACCEPTED

    def _arm(self, step: Step, path: str, work: Work, position: Position, index: int) -> Work:
        if step.elements is not None and isinstance(position.input, ElementRef):
            position.input.payload = step.elements[index]
        fence = Fence(0, ItemKey(path, index), 0)
        arm = Work(work.program, work.run, fence, position)
        arm.kept = dict(work.kept)
        return arm

    def _end(self, work: Work, ended: ArmOutput) -> Reply:
        item = work.fence.item
        return self._arm_ended(item, ended) if item.spawn_path else _ACCEPTED

    def _arm_ended(self, item: ItemKey, ended: ArmOutput) -> Reply:
        join = self._joins[item.spawn_path]
        join.arms[item.index] = ended
        join.open -= 1
        if join.open == 0:
            return Reply(claimed=(join.work,))
        return Reply(claimed=(join.held.popleft(),)) if join.held else _ACCEPTED

    def _fail(self, work: Work, step: Step, failed: FailStrand) -> Reply:
        info = step.failure
        if info is None:
            raise TypeError("a failure has its record")
        if failed.scope is None:
            error = failure_of(info)
            error.__cause__ = without_our_frames(step.error)
            self._agenda.fail(error)
            return _ACCEPTED
        self._drop_below(failed.scope, work)
        ended = ArmOutput(failed.scope.index, None, failure_to_bytes(info))
        return self._arm_ended(failed.scope, ended)

    def _drop_below(self, scope: ItemKey, failing: Work) -> None:
        """Everything below a collected item stops; its own later end counts no more."""
        prefix = f"{scope.spawn_path}[{scope.index}]/"
        self._agenda.drop_below(prefix, failing)
        for path in [path for path in self._joins if path.startswith(prefix)]:
            del self._joins[path]
