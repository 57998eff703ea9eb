"""In-memory runs: the same driver, with a committer that has no store.

What a store would keep as rows stands here as objects for as long as the run needs it: arms
that wait for their join, timers, results that ``result_of`` reads later.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import deque
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from sayiir.clock import SystemClock, WorkAware
from sayiir.engine.acts import Acts, WorkingActs
from sayiir.engine.driver import Driver
from sayiir.engine.executing import Executors
from sayiir.engine.failures import failure_of_deadline, failure_to_bytes, without_our_frames
from sayiir.engine.given_events import given_events
from sayiir.engine.invoke import UserExit
from sayiir.engine.kept import KeptResults
from sayiir.engine.listening import teller_of
from sayiir.engine.payloads import payload_of, told_of
from sayiir.engine.refs import ArmOutput, ElementRef, EventRef, InputRef, JoinRef, leaves
from sayiir.engine.resolve import read
from sayiir.engine.resources import ResourcePool, Resources
from sayiir.engine.threads import TaskThreads
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
from sayiir.engine.work import Reply, RetryLater, Run, Work
from sayiir.errors import SignalUnavailable, failure_of
from sayiir.ids import new_run_id
from sayiir.limits import EMBEDDED_CONCURRENCY
from sayiir.stores.records import Control, Fence, ItemKey

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sayiir.clock import Clock
    from sayiir.engine.payloads import Payload
    from sayiir.engine.position import Position
    from sayiir.engine.program import Program
    from sayiir.engine.refs import Ref
    from sayiir.engine.telling import Teller
    from sayiir.engine.work import Step
    from sayiir.events import Listener
    from sayiir.executors.protocol import Executor
    from sayiir.stores.records import Latest

__all__ = ["run_in_memory"]

_SYSTEM_CLOCK: Final = SystemClock()
_ROOT: Final = Fence(0, ItemKey(), 0)
_ACCEPTED = Reply()
_REFUSED = Reply(accepted=False)


async def run_in_memory(
    program: Program,
    value: object,
    *,
    clock: Clock | None = None,
    events: Mapping[str, Sequence[object]] | None = None,
    resources: Mapping[Any, Any] | None = None,
    on_event: Listener | None = None,
    executors: Mapping[str, Executor] | None = None,
) -> Any:
    """The workflow's output, computed now and kept nowhere.

    Resources and instances of class tasks are made for this run, and left at its end.

    Raises:
        DefinitionError: a task needs a resource that isn't given, or one is no resource.
        WorkflowFailed: as ``result()`` of a durable run would, with ``__cause__`` the user's
            own exception.
        SignalUnavailable: a wait without timeout has no event.
        PayloadError: the input doesn't fit.
        ExecutorMissing: a task names an executor that isn't given.
    """
    given = Resources(resources)
    given.check(program.definition.name, program.needs)
    places = Executors(executors)
    places.check(program.definition.name, program.executor_names)
    threads = TaskThreads()
    teller = teller_of(on_event, clock or _SYSTEM_CLOCK)
    try:
        async with ResourcePool(given, threads.run) as pool:
            run = InMemoryRun(program, threads, places, pool, clock, events or {}, teller)
            return await run.run(value)
    except UserExit as exit_request:
        raise exit_request.__cause__ or exit_request from None
    finally:
        threads.close()
        await places.close()
        if teller is not None:
            await teller.close()


class _Join:
    """A strand that waits for its arms."""

    __slots__ = ("arms", "held", "open", "work")

    def __init__(self, work: Work, arms: int) -> None:
        self.work = work
        self.arms: list[ArmOutput | None] = [None] * arms
        self.open = arms
        self.held: deque[Work] = deque()


class InMemoryRun:
    """One run: committer and desk in one."""

    def __init__(
        self,
        program: Program,
        threads: TaskThreads,
        executors: Executors,
        resources: ResourcePool,
        clock: Clock | None,
        events: Mapping[str, Sequence[object]],
        teller: Teller | None = None,
    ) -> None:
        self.durable = False
        self.held: set[Work] = set()
        self._program = program
        self._clock = clock or _SYSTEM_CLOCK
        self._events = given_events(program, events)
        self._event_ids = count(1)
        self._arrived: dict[int, object] = {}
        self._run = Run(0, new_run_id(), "")
        self._teller = teller
        self._driver = self._make_driver(threads, executors, resources, clock, teller)
        self._joins: dict[str, _Join] = {}
        self._kept = KeptResults()
        self._ready: deque[Work] = deque()
        self._timers: list[tuple[int, int, Work]] = []
        self._timer_ids = count()
        self._tasks: dict[asyncio.Task[None], Work] = {}
        self._progress = asyncio.Event()
        self._input: Payload | None = None
        self._output: Ref | None = None
        self._failure: BaseException | None = None

    def _make_driver(
        self,
        threads: TaskThreads,
        executors: Executors,
        resources: ResourcePool,
        clock: Clock | None,
        teller: Teller | None,
    ) -> Driver:
        telling = None if teller is None else teller.committer(self)
        committer = telling or self
        if clock is not None and isinstance(clock, WorkAware):
            acts: Acts = WorkingActs(committer, threads, executors, resources, clock)
        else:
            acts = Acts(committer, threads, executors, resources)
        if telling is None or teller is None:
            return Driver(self, acts, self._clock, self)
        return Driver(telling, teller.acts(acts, telling), self._clock, self)

    # -- the run

    async def run(self, value: object) -> Any:
        """Drive the root here, and what it spawns beside it, until the root has ended."""
        program = self._program
        with told_of(f"the input of workflow {program.definition.name!r}"):
            accepted = program.codec.accept(value, program.definition.input_edge)
            self._input = payload_of(accepted, program.input_plan)
        start, deadline_at_us = program.start(InputRef(self._input)), None
        root = Work(program, self._run, _ROOT, start)
        if (timeout := program.definition.timeout_seconds) is not None:
            root.deadline_at = time.monotonic() + timeout
            deadline_at_us = self._clock.now_us() + int(timeout * 1e6)
        if self._teller is not None:
            self._teller.started(root)
        try:
            await self._driver.drive(root)
            while self._output is None and self._failure is None:
                await self._turn(deadline_at_us)
        finally:
            await self._stop_all()
            # It knows this run, too: without the circle all of it is gone with its last use.
            del self._driver
        if self._failure is not None:
            raise self._failure
        if self._output is None:
            raise TypeError("a run ends with an output or a failure")
        await self.fill(root, [self._output])
        return read(program, self._output)

    async def _turn(self, deadline_at_us: int | None) -> None:
        """Start what is ready, and wait until something ends or falls due."""
        now_us = self._clock.now_us()
        if deadline_at_us is not None and now_us >= deadline_at_us:
            info = failure_of_deadline(self._program.definition.timeout_seconds)
            self._failure = failure_of(info)
            if self._teller is not None:
                self._teller.failed(self._program.definition.name, info)
            return
        while self._timers and self._timers[0][0] <= now_us:
            self._ready.append(heapq.heappop(self._timers)[2])
        while self._ready and self.room() > 0:
            self.start(self._ready.popleft())
        dues = [self._timers[0][0]] if self._timers else []
        dues += [deadline_at_us] if deadline_at_us is not None else []
        if not self._progress.is_set():
            await self._wait(None if not dues else (min(dues) - now_us) / 1e6)
        self._progress.clear()

    async def _wait(self, seconds: float | None) -> None:
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._progress.wait())]
        if seconds is not None:
            waits.append(asyncio.ensure_future(self._clock.sleep(max(seconds, 0.0))))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _stop_all(self) -> None:
        for work in self.held:
            work.interrupt(Control.STOP)
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks))

    # -- the desk

    def start(self, work: Work) -> None:
        """Drive an item in a task of its own, or queue it where too many run."""
        if self.room() <= 0:
            self._ready.append(work)
            return
        task = asyncio.get_running_loop().create_task(self._driver.drive(work))
        self._tasks[task] = work
        task.add_done_callback(self._finished)

    def room(self) -> int:
        """How many further items could be started at once."""
        return EMBEDDED_CONCURRENCY - len(self._tasks)

    def wants(self, work: Work) -> bool:
        """Everything runs here."""
        return True

    def runs(self, program: Program, position: Position) -> bool:
        """Everything runs here."""
        return True

    def ended(self, work: Work, output: Ref) -> None:
        """The run is over; ``run`` returns the output."""
        self._output = output
        self._progress.set()

    def fail(self, error: BaseException) -> bool:
        """Start nothing more; ``run`` raises the error."""
        self._failure = self._failure or error
        return True

    def _finished(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = self._failure or error
        self._progress.set()

    # -- the committer

    async def commit(self, work: Work, step: Step) -> Reply:
        """Do what a store would do with the step."""
        if work.lost:
            return _REFUSED
        computed = step.computed
        if computed is not None and computed.kept:
            self._kept.add(computed)
        if step.prune:
            self._prune(step.prune)
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
                    leaf.payload = self._input
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

    # -- what a store would do

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
        heapq.heappush(self._timers, (due_us, next(self._timer_ids), parked))
        self._progress.set()

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
        self._ready.extend(arms[:free])
        self._progress.set()
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
            # Only the first is told: what fails while it is stopped fails because of that.
            if self._failure is None:
                error.__cause__ = without_our_frames(step.error)
                self._failure = error
            self._progress.set()
            return _ACCEPTED
        self._drop_below(failed.scope, work)
        ended = ArmOutput(failed.scope.index, None, failure_to_bytes(info))
        return self._arm_ended(failed.scope, ended)

    def _drop_below(self, scope: ItemKey, failing: Work) -> None:
        """Everything below a collected item stops; its own later end counts no more."""
        prefix = f"{scope.spawn_path}[{scope.index}]/"
        # A task goes on with another item when one ends, so it is `held` that tells what runs.
        for other in {*self.held, *self._tasks.values()}:
            if other is not failing and _is_below(prefix, other):
                other.interrupt(Control.STOP, lost=True)
        below = partial(_is_below, prefix)
        self._ready = deque(item for item in self._ready if not below(item))
        self._timers = [timer for timer in self._timers if not below(timer[2])]
        heapq.heapify(self._timers)
        for path in [path for path in self._joins if path.startswith(prefix)]:
            del self._joins[path]


def _is_below(prefix: str, work: Work) -> bool:
    return work.fence.item.spawn_path.startswith(prefix)
