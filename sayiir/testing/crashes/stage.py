"""One run of a workflow under a schedule: processes come and go, the store and the world stay."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sayiir.client import AsyncWorkflowClient
from sayiir.errors import SayiirError, SignalUnavailable
from sayiir.status import AwaitingSignal, Cancelled, Completed, Failed, InProgress
from sayiir.testing.crashes.witness import Witness
from sayiir.testing.fakes import FakeBook
from sayiir.testing.instrument import instrumented
from sayiir.testing.simulation import (
    Crash,
    LapsingStore,
    MortalStore,
    SimulatedClock,
    SimulatedLoop,
    SimulatedRunner,
    drop_everything,
)

if TYPE_CHECKING:
    from collections.abc import Generator

    from sayiir.codec.protocol import Codec
    from sayiir.dsl.spec import TaskSpec
    from sayiir.testing.crashes.globals import ProcessGlobals
    from sayiir.testing.crashes.schedule import Schedule
    from sayiir.testing.fakes import Fakes
    from sayiir.testing.simulation import Point
    from sayiir.workflow import Workflow

__all__ = ["Played", "Stage"]

INSTANCE: Final = "explored"
WRITES: Final = frozenset({"create", "commit", "claim"})
"""What a run is stopped at. A renewal of leases and a lease given back change nothing that
another process could go on from; and a task of an hour has hundreds of renewals."""
MOST_STEPS: Final = 10_000
"""So often one process comes to rest and is helped on, by an event or by the time."""


@dataclass(slots=True)
class Played:
    """How a run went.

    Attributes:
        schedule: what happened to its processes.
        status: how the instance stood at the end.
        results: output of each task that has one, by path.
        witness: what the tasks did.
        writes: for each process, the verb of each write that changed anything.
        fell: for each process that was stopped, the write at which it was, in words.
        lost: module globals that differed when a process died.
        unreached: a process had ended before it came to its point.
        trouble: what the engine raised, which is no failure of the instance.
        said: what the user's own check had to say against it.
    """

    schedule: Schedule
    status: object
    results: dict[str, Any]
    witness: Witness
    writes: list[list[str]]
    fell: list[str]
    lost: list[str]
    unreached: bool = False
    trouble: BaseException | None = None
    said: str | None = None


class _Switch:
    """Stands around the calls of one compiled workflow, for whichever run is on."""

    def __init__(self) -> None:
        self.witness: Witness | None = None

    async def call(
        self, spec: TaskSpec, node_path: str, real: Any, args: Any, kwargs: Any
    ) -> object:
        assert self.witness is not None
        return await self.witness.call(spec, node_path, real, args, kwargs)

    def faked(self, spec: TaskSpec, node_path: str) -> bool:
        return self.witness is not None and self.witness.faked(spec, node_path)


class Stage:
    """Runs a workflow again and again, each time as if nothing had been before.

    Args:
        workflow: the user's.
        value: its input.
        events: what is sent to its signals, by name, each once a wait is there for it.
        fakes: what tasks give instead of running.
        resources: what tasks ask for; a callable is asked anew before each run.
        codec: how values are stored.
        kept: module globals of the tasks.
    """

    def __init__(
        self,
        workflow: Workflow[Any, Any],
        value: object,
        *,
        events: Mapping[str, Sequence[object]],
        fakes: Fakes | None,
        resources: Mapping[Any, Any] | Callable[[], Mapping[Any, Any]] | None,
        codec: Codec | None,
        kept: ProcessGlobals,
    ) -> None:
        self.kept = kept
        self._value = value
        self._events = events
        self._resources = resources
        self._codec = codec
        self._book = FakeBook(fakes, [workflow])
        self._switch = _Switch()
        self._switch.witness = Witness(self._book)
        self._workflow = instrumented(workflow, self._switch)

    def play(self, schedule: Schedule, seed: object) -> Played:
        """Run it under a schedule. ``seed``: of Python's random numbers."""
        self._book.begin()
        self.kept.restore()
        witness = self._switch.witness = Witness(self._book, order=schedule.order)
        resources = self._resources() if callable(self._resources) else self._resources
        with _random_numbers(seed), asyncio.Runner(loop_factory=SimulatedLoop) as runner:
            run = _Run(self, schedule, witness, resources)
            return runner.run(run.to_the_end())

    @property
    def workflow(self) -> Workflow[Any, Any]:
        """The workflow that is really run."""
        return self._workflow

    @property
    def value(self) -> object:
        """Its input."""
        return self._value

    @property
    def events(self) -> Mapping[str, Sequence[object]]:
        """What is sent to it."""
        return self._events

    @property
    def codec(self) -> Codec | None:
        """How values are stored."""
        return self._codec


class _Run:
    """What outlives the processes of one run."""

    def __init__(
        self,
        stage: Stage,
        schedule: Schedule,
        witness: Witness,
        resources: Mapping[Any, Any] | None,
    ) -> None:
        self.stage, self.schedule, self.witness = stage, schedule, witness
        self.resources = resources
        self.sent: dict[str, int] = {}

    async def to_the_end(self) -> Played:
        self.clock = SimulatedClock()
        self.store = LapsingStore(self.clock)
        self.client = AsyncWorkflowClient(self.store, codec=self.stage.codec)
        self.played = Played(self.schedule, None, {}, self.witness, [], [], [])
        try:
            await self._processes()
            self.played.results = await self._results()
        except (SignalUnavailable, KeyboardInterrupt):
            raise
        except Exception as error:  # told with the schedule that led to it
            self.played.trouble = error
        return self.played

    async def _processes(self) -> None:
        for point in self.schedule.points:
            status = await self._live(point)
            if status is not None:
                self.played.unreached = not point.stall or not self._stalled
                break
            self._next_process()
        else:
            status = await self._live(None)
        self.played.status = status
        if not isinstance(status, (Completed, Failed)):
            return
        # The same line once more, as after a crash that came too late to matter.
        self.witness.over = True
        self._next_process()
        await self._live(None)

    def _next_process(self) -> None:
        self.store.lapse()
        self.witness.process += 1
        self.witness.dead = False
        if self.schedule.forget:
            self.played.lost = self.stage.kept.changed() or self.played.lost
            self.stage.kept.forget()

    async def _live(self, point: Point | None) -> object:
        """One process: until the instance has ended, or (None) until the process dies."""
        store = MortalStore(self.store, self.witness, point, self._take_over, WRITES)
        self.played.writes.append(store.writes)
        runner = self._runner(store)
        self._end_when_stuck()
        try:
            return await self._ensured(runner)
        except Crash:
            return None
        except asyncio.CancelledError:
            raise SayiirError(
                "nothing is left that could go on: a task waits for what never comes, or for "
                "another process"
            ) from None
        finally:
            self._stalled = store.stalled
            self.played.fell.append(store.fell)
            await drop_everything()
            await runner.close()

    async def _take_over(self) -> None:
        """Another process is given what this one is taken to have left, and goes to the end."""
        first = self.witness.process
        self._next_process()
        store = MortalStore(self.store, self.witness)
        runner = self._runner(store)
        try:
            await self._ensured(runner)
        finally:
            self.witness.process = first
            await runner.close()

    def _runner(self, store: Any) -> SimulatedRunner:
        return SimulatedRunner(
            store, clock=self.clock, codec=self.stage.codec, resources=self.resources
        )

    async def _ensured(self, runner: SimulatedRunner) -> object:
        workflow, value = self.stage.workflow, self.stage.value
        status: object = None
        for _ in range(MOST_STEPS):
            status = await runner.ensure(workflow, INSTANCE, value)
            if isinstance(status, (Completed, Failed, Cancelled)):
                return status
            await self._help(status)
        raise SayiirError(f"no end after {MOST_STEPS:,} steps: {status}")

    async def _help(self, status: Any) -> None:
        """Send what is waited for, or let the time pass that is waited for."""
        parked = getattr(status, "parked", ())
        waits = [each for each in parked if self._left(each.signal_name)]
        for each in waits:
            await self._send(each.signal_name)
        wakes = [each.wake_at for each in parked if each.wake_at is not None]
        if not waits and wakes:
            wake_us = round(min(wakes).timestamp() * 1e6)
            self.clock.shift(max(wake_us - self.clock.now_us(), 0) / 1e6)
        elif not waits and isinstance(status, AwaitingSignal):
            raise SignalUnavailable(status.signal_name, status.path)
        elif not waits and not isinstance(status, InProgress):
            raise SayiirError(f"nothing helps it on: {status}")

    def _left(self, name: str | None) -> bool:
        return name is not None and self.sent.get(name, 0) < len(self.stage.events.get(name, ()))

    async def _send(self, name: str) -> None:
        if not self._left(name):
            return
        number = self.sent.get(name, 0)
        self.sent[name] = number + 1
        payload = self.stage.events[name][number]
        await self.client.send_event(INSTANCE, name, payload, workflow=self.stage.workflow)

    async def _results(self) -> dict[str, Any]:
        results = await self.client.task_results(INSTANCE, self.stage.workflow)
        return {each.path: each.output for each in results if each.error is None}

    def _end_when_stuck(self) -> None:
        loop, main = asyncio.get_running_loop(), asyncio.current_task()
        assert isinstance(loop, SimulatedLoop)
        assert main is not None
        loop.moves = 0
        loop.on_stuck = lambda: main.cancel("nothing is left that could go on")


@contextmanager
def _random_numbers(seed: object) -> Generator[None]:
    """Seeded, so that a schedule can be repeated, and given back as they were."""
    state = random.getstate()
    random.seed(str(seed))
    try:
        yield
    finally:
        random.setstate(state)
