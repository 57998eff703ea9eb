"""The crash explorer: one flow, killed at one write after the other, and always continued."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from unittest.mock import patch

from sayiir import Completed
from sayiir.limits import DEFAULT_LEASE_SECONDS, SPAWN_BATCH_ITEMS
from sayiir.stores.memory import MemoryStore
from sayiir.stores.postgres.store import PostgresStore
from sayiir.stores.sqlite import SqliteStore
from tests.sim.case import left_over
from tests.sim.flows import case_of
from tests.sim.lives import INSTANCE, Outcome, Point, SimulatedClock, World, in_memory
from tests.sim.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["UNREACHED", "Explorer", "Finding", "InFile", "InMemory", "InSchema", "Totals"]


class Database(Protocol):
    """Where one instance is kept, over all the processes that open it."""

    async def open(self, clock: SimulatedClock) -> Any:
        """The store, for the next process."""
        ...

    async def left(self, store: Any) -> None:
        """The process that had opened it is gone."""
        ...

    ends_leases: bool
    """Whether the leases of a process that is gone are over at once."""


class InMemory:
    """A memory store that outlives its processes."""

    ends_leases = False

    def __init__(self) -> None:
        self._store: MemoryStore | None = None

    async def open(self, clock: SimulatedClock) -> Any:
        """The same store for everybody."""
        self._store = self._store or MemoryStore(clock)
        return self._store

    async def left(self, store: Any) -> None:
        """It stays as it is."""


class InFile:
    """An SQLite file, closed and opened again between processes."""

    ends_leases = True

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"{uuid.uuid4().hex}.db"

    async def open(self, clock: SimulatedClock) -> Any:
        """A store of its own for each process."""
        return await SqliteStore.open(self._path, clock)

    async def left(self, store: Any) -> None:
        """With the connections the lock goes that told that the process lives."""
        await store.close()


class InSchema:
    """A PostgreSQL schema of its own, with a new pool of connections for each process.

    Args:
        new_url: asked for the URL of an empty schema.
    """

    ends_leases = False

    def __init__(self, new_url: Callable[[], str]) -> None:
        self._url = new_url()

    async def open(self, clock: SimulatedClock) -> Any:
        """A store of its own for each process."""
        return await PostgresStore.open(self._url, clock)

    async def left(self, store: Any) -> None:
        """A process that is gone has no connections."""
        await store.close()


UNREACHED = "it ended before"


@dataclass(frozen=True, slots=True)
class Finding:
    """What went wrong, and how to see it again."""

    seed: int
    points: tuple[Point, ...]
    problems: tuple[str, ...]

    def __str__(self) -> str:
        killed = " and ".join(map(str, self.points)) or "unbroken"
        return f"seed {self.seed}, {killed}: {'; '.join(self.problems)}"


@dataclass(slots=True)
class Totals:
    """What was reached, over all seeds."""

    graphs: int = 0
    nodes: int = 0
    crashes: int = 0
    rerun: int = 0
    findings: list[Finding] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)

    def forgive(self, beginning: str) -> None:
        """Leave out findings that have nothing but problems that begin so."""
        self.findings = [
            finding
            for finding in self.findings
            if not all(problem.startswith(beginning) for problem in finding.problems)
        ]

    def counts(self) -> dict[str, int]:
        """What a figure tells of it."""
        return {
            "graphs": self.graphs,
            "crashes": self.crashes,
            "wrong": len(self.findings),
            "rerun": self.rerun,
        }

    def check(self) -> None:
        """Fails with the first findings, if there are any."""
        shown = "\n".join(map(str, self.findings[:5]))
        assert not self.findings, f"{len(self.findings)} findings:\n{shown}"


class Explorer:
    """Runs a seed's flow unbroken, and then again for each way to be killed.

    Args:
        seed: of the flow.
        totals: counts on.
        database: makes an empty one.
    """

    def __init__(
        self, seed: int, totals: Totals, database: Callable[[], Database] = InMemory
    ) -> None:
        self.seed = seed
        self.totals = totals
        self.case = case_of(seed)
        self.database = database
        self.output: Any = None
        self.inputs: dict[str, str] = {}
        self.results: dict[str, bytes] = {}
        self.closed: set[str] = set()
        self.sent: Counter[str] | None = None
        self.writes: list[str] = []

    async def unbroken(self) -> None:
        """In memory and in a store, nobody killed: both give the same."""
        self.case.trace = Trace(self.seed)
        self.output = await in_memory(self.case)
        self.totals.graphs += 1
        self.totals.nodes += self.case.nodes
        self.totals.kinds |= self.case.kinds
        last = await self._lives(())
        self.inputs = self.case.trace.inputs()
        if interrupted := self.case.trace.skipped_attempts():
            problem = f"interrupted, though nobody was killed: {interrupted}"
            self.totals.findings.append(Finding(self.seed, (), (problem,)))
        self.closed = {prefix for prefix, *_ in self.case.trace.closed}
        self.writes = last.writes

    def points(self) -> list[Point]:
        """Before and after each write that changes anything."""
        writes = enumerate(self.writes)
        return [Point(at, after, verb) for at, verb in writes for after in (False, True)]

    async def killed_at(self, points: Sequence[Point]) -> Outcome:
        """Killed at a point of the first life, then of the second …; the last one goes on."""
        self.totals.crashes += len(points)
        return await self._lives(points)

    async def _lives(self, points: Sequence[Point]) -> Outcome:
        # Every other flow creates its arms in small batches, so that it can die between two.
        batch = 2 if self.seed % 2 else SPAWN_BATCH_ITEMS
        with patch("sayiir.engine.driver.SPAWN_BATCH_ITEMS", batch):
            return await self._lived(points)

    async def _lived(self, points: Sequence[Point]) -> Outcome:
        trace = self.case.trace = Trace(self.seed, broken=self.case.fails)
        # Some processes come back at once and have to wait for the leases of the dead one.
        prompt = random.Random(f"{self.seed}:{points[:1]}").random() < 0.1
        clock, database = SimulatedClock(), self.database()
        trace.now_us = clock.now_us
        problems: list[str] = []
        world = World(self.case, await database.open(clock), clock)
        await world.prepare()
        for point in points:
            died = await world.live(point)
            if died.status is not None:
                problems.append(f"{UNREACHED} {point}")
                break
            await database.left(world.store)
            if not (prompt or database.ends_leases):
                clock.shift(DEFAULT_LEASE_SECONDS + 1)
            trace.begin()
            world.store = await database.open(clock)
        outcome = await world.live()
        problems += self._judge(outcome.status, await world.store.results(INSTANCE))
        problems += self._events(world.sent)
        await database.left(world.store)
        trace.check_keys_differ()
        problems += trace.problems
        self.totals.rerun += sum("ran again" in problem for problem in trace.problems)
        if problems:
            self.totals.findings.append(Finding(self.seed, tuple(points), tuple(problems)))
        return outcome

    def _events(self, sent: Counter[str]) -> list[str]:
        """An event is sent for each wait; a lost one would have to be sent again."""
        if self.sent is None:
            self.sent = sent
        # Beside a failed item a wait may be gone before its event is sent.
        if sent == self.sent or "collect" in self.case.kinds:
            return []
        return [f"events sent were {dict(sent)} instead of {dict(self.sent)}"]

    def _judge(self, status: Any, rows: Sequence[Any]) -> list[str]:
        problems: list[str] = []
        if not isinstance(status, Completed):
            problems.append(f"ended as {status}")
        elif status.output != self.output:
            problems.append(f"gave {status.output} instead of {self.output}")
        results = {row.path: row.output for row in rows if row.error is None}
        problems += left_over(self.case, results)
        if not self.inputs:
            self.results = results
            return problems
        for path, value in self.case.trace.inputs().items():
            # Beside a failed item, how far its neighbours came depends on the hour.
            if self.inputs.get(path, value) != value:
                problems.append(f"{path} got {value} instead of {self.inputs[path]}")
        if self._sure(results) != self._sure(self.results):
            ours, theirs = self._sure(results).items(), self._sure(self.results).items()
            problems.append(f"results differ: {sorted(ours ^ theirs)[:4]}")
        return problems

    def _sure(self, results: dict[str, bytes]) -> dict[str, bytes]:
        """Without those below items that were collected as failed."""
        closed = tuple(self.closed)
        return {path: data for path, data in results.items() if not path.startswith(closed)}
