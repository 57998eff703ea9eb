"""One simulation from its seed: trouble for a while, then calm, in which everything has to end."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import dataclass, field, replace
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING, Any, Final

from sayiir.errors import SayiirError
from sayiir.stores.memory import MemoryStore
from sayiir.stores.records import InstanceState
from sayiir.testing.simulation import (
    SimulatedClock,
    SimulatedLoop,
    SimulatedWorker,
    drop_everything,
)
from sayiir.testing.skipping import SkippingClock
from tests.sim.cluster.judge import Judge, Violation
from tests.sim.cluster.operations import told
from tests.sim.cluster.people import Habits, People
from tests.sim.cluster.process import Process, ProcessStore, Witness
from tests.sim.cluster.repeating import Stumbles, engine_of, numbered, repeatable
from tests.sim.cluster.rights import timed_out
from tests.sim.cluster.troubles import LEASE_SECONDS, Line
from tests.sim.cluster.views import view_of
from tests.sim.cluster.worlds import Able, World, size_in, some, versions_of, world_of
from tests.sim.flows import INPUT, Size, case_of
from tests.sim.trace import Trace

if TYPE_CHECKING:
    from sayiir.stores.memory.rows import Run
    from tests.sim.case import Case
    from tests.sim.cluster.operations import Operation

__all__ = ["SEEDS_PER_GRAPH", "Played", "prepare", "simulate"]

SEEDS_PER_GRAPH: Final = 4
"""So many seeds in a row share a graph, which takes as long to build as it takes to play."""
SIZE: Final = Size(least=2, most=10, depth=2, hasty=True)
POLL_SECONDS: Final = 3.0
CALM_SECONDS: Final = 600.0
"""So long after the last trouble everything has ended, or never will."""
INSTANCES: Final = 2


@dataclass(slots=True)
class Played:
    """What came of a seed. ``digest``: equal for two plays of it."""

    seed: int
    violation: Violation | None
    operations: list[Operation]
    happened: list[tuple[float, str]]
    evaluated: int = 0
    seconds: float = 0.0
    ends: list[str] = field(default_factory=list)

    def trace(self) -> list[str]:
        """Everything in order: operations, and what befell the processes."""
        lines = [(each.at, 1, told(each)) for each in self.operations]
        lines += [(at, 0, f"{at:9.3f} -- {text}") for at, text in self.happened]
        return [text for _, _, text in sorted(lines, key=lambda line: line[0])]

    @property
    def digest(self) -> str:
        """Of the trace."""
        return hashlib.sha256("\n".join(self.trace()).encode()).hexdigest()[:16]

    def __str__(self) -> str:
        return (
            f"seed {self.seed}: {self.violation or 'nothing wrong'}\n"
            f"again: python -m tests.sim.cluster {self.seed}"
        )


def prepare(seed: int) -> None:
    """Learn what the instances of a seed give unbroken, before the engine is broken on purpose."""
    _prepared(seed // SEEDS_PER_GRAPH)


def simulate(seed: int) -> Played:
    """Play the simulation of a seed; the same seed plays the same."""
    stage = _prepared(seed // SEEDS_PER_GRAPH)
    with repeatable(seed), asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        loop: Any = runner.get_loop()
        loop.set_task_factory(numbered)
        with engine_of(stage.world):
            return runner.run(_Cluster(seed, stage, loop).play())


@dataclass(frozen=True, slots=True)
class _Stage:
    """What the seeds of a graph share: its workflow's versions, and what they give unbroken."""

    case: Case
    world: World
    versions: list[Any]
    expected: dict[tuple[str, str], tuple[Any, dict[str, str]]]


@lru_cache(maxsize=2)
def _prepared(graph: int) -> _Stage:
    """A workflow, and what its instances give when nothing happens."""
    world = world_of(graph)
    case = case_of(graph, size=size_in(world, SIZE))
    expected: dict[tuple[str, str], tuple[Any, dict[str, str]]] = {}
    # In memory a workflow's timeout would count what its clock skips; it isn't part of the hash.
    for version in versions_of(case, replace(world, timeout_seconds=None)):
        for number in range(INSTANCES):
            case.trace = Trace(graph)
            with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
                run = version.arun(INPUT + number, clock=SkippingClock(), events=case.events())
                output = runner.run(run)
            name = f"instance-{number}"
            expected[name, version.definition_hash] = (output, case.trace.inputs())
    return _Stage(case, world, versions_of(case, world), expected)


class _Cluster:
    def __init__(self, seed: int, stage: _Stage, loop: SimulatedLoop) -> None:
        self.seed = seed
        self.case = stage.case
        self.world = stage.world
        self.versions = stage.versions
        self.expected = stage.expected
        self.loop = loop
        self.random = Random(f"cluster {seed}")
        self.aside = Random(f"aside {seed}")
        self.processes: dict[str, Process] = {}
        self.workers: dict[str, SimulatedWorker] = {}
        self.jumped_at = float("-inf")
        self.set_back = 0.0
        self.started = 0

    async def play(self) -> Played:
        """Trouble, calm, the end."""
        self.clock = SimulatedClock()
        self.store = MemoryStore(self.clock)
        tables = self.store._tables
        self.judge = Judge(
            self.case, tables, self.expected, self.loop.time, self._excused, self._able,
            self.clock.now_us,
        )  # fmt: skip
        chance = self.random.choice((0.0, 0.004, 0.012, 0.03))
        self.line = Line(self.random, self.judge, self.clock, chance)
        witness = self.case.trace = Witness(self.judge, self.random)  # type: ignore[assignment]
        inputs = {f"instance-{number}": INPUT + number for number in range(INSTANCES)}
        outside = self._process("people")
        self.people = People(
            self.case, Habits(self.world, self.versions, self.aside), inputs, tables,
            ProcessStore(self.store, outside, self.line), witness, self.judge, self.random,
        )  # fmt: skip
        stumbles = Stumbles(self.judge)
        logging.getLogger("sayiir").addHandler(stumbles)
        self.loop.set_exception_handler(stumbles.unhandled)
        with stumbles.listen():
            try:
                await self._play()
            finally:
                self.line.over = stumbles.over = True
                seconds = self.loop.time()
                for name in self.processes:
                    self.loop.continue_process(name)
                while len(asyncio.all_tasks()) > 1:  # what ends may begin something
                    await drop_everything()
                logging.getLogger("sayiir").removeHandler(stumbles)
        ends = [run.state.value for run in tables.runs.values()]
        return Played(
            self.seed, self.judge.violation, self.judge.operations, self.line.happened,
            self.judge.evaluated, seconds, ends,
        )  # fmt: skip

    async def _play(self) -> None:
        for _ in range(self.random.randint(1, 3)):
            self._start_worker()
        meddling = self.processes["people"].spawn(self.people.meddle())
        lasts = self.random.uniform(3.0, 25.0)
        while self.loop.time() < lasts and self.judge.violation is None:
            await asyncio.sleep(self.random.expovariate(0.4))
            self._trouble()
        meddling.cancel()
        self._calm_down()
        ends = self.loop.time() + CALM_SECONDS
        done = False
        while not done and self.loop.time() < ends and self.judge.violation is None:
            await asyncio.sleep(0.5)
            done = await self.people.help_on()
        if self.judge.violation is None:
            await self._end()

    # -- trouble

    def _trouble(self) -> None:
        match self.random.choice(_TROUBLES):
            case "kill" if living := self._living():
                self.line.kill(self.random.choice(living))
            case "stop" if living := self._living():
                self.line.stop(self.random.choice(living))
            case "start" if len(self._living()) < 4:
                self._start_worker()
            case "drain" if living := self._living():
                self._drain(self.random.choice(living))
            case "cut" if living := self._living():
                self._cut([self.random.choice(living)], "is cut off")
            case "outage":
                self._cut(list(self.processes.values()), "can't reach the store")
            case "deaf":
                self._deafen()
            case "wake":
                self.line.note("everybody is woken for nothing")
                for process in self._living():
                    for watch in process.watches:
                        watch.notice()
            case "clock":
                self._jump()
            case _:
                pass
        if not self._living():
            self._start_worker()

    def _living(self) -> list[Process]:
        """Workers that claim, or will when they go on."""
        workers = [each for name, each in self.processes.items() if name[0].isupper()]
        return [each for each in workers if not (each.dead or each.leaving)]

    def _process(self, name: str) -> Process:
        process = self.processes[name] = Process(name, self.loop)
        return process

    def _start_worker(self, *, for_all: bool = False) -> None:
        self.started += 1
        process = self._process(f"W{self.started}")
        self.line.note(f"{process.name} begins")
        known = self.versions if for_all else some(self.aside, self.versions, least=1)
        tags = self.world.tags if for_all else some(self.aside, self.world.tags)
        process.able = Able(frozenset(each.definition_hash for each in known), frozenset(tags))
        if self.world.divided:
            versions = ", ".join(str(each.version) for each in known)
            self.line.note(f"{process.name} knows versions {versions} and has {sorted(tags)}")
        process.spawn(self._work(process, self.random.choice((1, 2, 5))))

    async def _work(self, process: Process, concurrency: int) -> None:
        worker = self.workers[process.name] = SimulatedWorker(
            ProcessStore(self.store, process, self.line),
            workflows=[
                each for each in self.versions if each.definition_hash in process.able.definitions
            ],
            tags=sorted(process.able.tags),
            concurrency=concurrency,
            worker_id=process.name,
            lease=LEASE_SECONDS,
            poll_interval=POLL_SECONDS,
            grace=2.0,
            clock=self.clock,
        )
        await worker.start()

    def _drain(self, process: Process) -> None:
        worker = self.workers.get(process.name)
        if worker is not None and not process.stopped:
            self.line.note(f"{process.name} is told to go")
            process.leaving = True
            process.spawn(self._drained(process, worker))

    async def _drained(self, process: Process, worker: SimulatedWorker) -> None:
        try:
            await worker.shutdown()
        except Exception as error:  # nothing may be raised here
            self.judge.blame("nobody stumbles", f"shutdown: {type(error).__name__}: {error}")
        self.line.note(f"{process.name} has gone")
        held = [
            f"{run.number}:{item.path}"
            for run in self.store._tables.runs.values()
            for item in run.open.values()
            if item.holder == process.name
        ]
        if held and not self._excused(process.name):
            self.judge.blame("who has drained holds nothing", f"{process.name} holds {held}")
        process.dead = True
        process.trouble()

    def _cut(self, processes: list[Process], how: str) -> None:
        seconds = self.random.uniform(0.1, 1.5) * LEASE_SECONDS
        names = ", ".join(each.name for each in processes if not each.dead)
        self.line.note(f"{names} {how} for {seconds:.1f} s")
        for process in processes:
            process.away = True
            process.trouble()
            self.loop.call_later(seconds, self._mend, process)

    def _mend(self, process: Process) -> None:
        process.away = False
        if not process.dead:
            process.trouble()

    def _deafen(self) -> None:
        for process in self._living():
            process.deaf = self.random.random() < 0.5
        deaf = [each.name for each in self._living() if each.deaf]
        self.line.note(f"no wake-up reaches {', '.join(deaf) or 'nobody'}")

    def _jump(self) -> None:
        seconds = self.random.choice((-20.0, -3.0, 1.0, 4.0, 15.0, 3_600.0))
        self.line.note(f"the clock jumps by {seconds:+} s")
        self.jumped_at = self.loop.time()
        self.clock.shift(seconds)
        self.set_back += max(-seconds, 0.0)
        self.judge.jumped(seconds)

    def _able(self, process: str) -> Able:
        return self.processes[process].able

    def _excused(self, holder: str, ago_us: int = 0) -> bool:
        """Whether it may have lost a lease so long ago by what befell it, or the clock."""
        process = self.processes[holder]
        since = self.loop.time() - ago_us / 1e6 - LEASE_SECONDS - 1.0 - self.set_back
        troubled = max(process.troubled_at, self.jumped_at) >= since
        return process.dead or process.stopped or process.away or troubled

    # -- calm

    def _calm_down(self) -> None:
        self.line.note("the trouble is over")
        self.line.calm = True
        for process in self.processes.values():
            process.deaf = self.random.random() < 0.2
            if not process.dead:
                if process.away:
                    self._mend(process)
                if process.stopped:
                    process.go_on()
        if not self._living() or self.random.random() < 0.5:
            self._start_worker()
        everything = Able(
            frozenset(each.definition_hash for each in self.versions), frozenset(self.world.tags)
        )
        if all(each.able != everything for each in self._living()):
            self._start_worker(for_all=True)

    async def _end(self) -> None:
        self.line.note("the end")
        for run in list(self.store._tables.runs.values()):
            output = None
            if run.state is InstanceState.COMPLETED:
                output = await self._output(run)
            self._judge_failure(run)
            self.judge.ended(view_of(self.store._tables, run), output)
        going = [each for each in self._living() if each.name in self.workers]
        for process in going:
            self._drain(process)
        for _ in range(40):
            await asyncio.sleep(0.5)
            if all(each.dead for each in going):
                return
        left = [each.name for each in going if not each.dead]
        self.judge.blame("who has drained holds nothing", f"{left} don't come to their end")

    async def _output(self, run: Run) -> Any:
        instance_id, workflow = run.new.instance_id, self.people.habits.version_of(run)
        try:
            status = await self.people.client.status(instance_id, workflow)
        except SayiirError as error:
            self.judge.blame("nobody stumbles", f"the status of {instance_id}: {error}")
            return None
        return getattr(status, "output", None)

    def _judge_failure(self, run: Run) -> None:
        timed = self.world.timeout_seconds is not None and timed_out(run.error)
        if run.state is InstanceState.FAILED and not timed:
            self.judge.blame("nothing fails by itself", repr(run.error))


_TROUBLES: Final = (
    *("kill",) * 3,
    *("stop",) * 3,
    *("start",) * 4,
    *("clock",) * 2,
    *("deaf", "wake", "outage", "cut", "drain", "nothing"),
)
