"""The goals that a race decides, reached or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from benchmarks.race.field import FLOORS, OURS, SYSTEMS
from benchmarks.race.results import Race

__all__ = ["Goal", "goals"]

Kind = Literal["times", "/s", "ms"]


@dataclass(frozen=True, slots=True)
class Goal:
    """A value to reach.

    Attributes:
        title: what it is of.
        value: what was found.
        target: what is to be reached.
        kind: ``times``: a ratio; ``/s``: a rate; ``ms``: milliseconds.
        at_most: the value must not exceed the target; False: it must reach it.
    """

    title: str
    value: float
    target: float
    kind: Kind = "times"
    at_most: bool = False

    @property
    def reached(self) -> bool:
        """Whether it is."""
        return self.value <= self.target if self.at_most else self.value >= self.target

    def found(self) -> str:
        """The value, for people."""
        return _told(self.value, self.kind)

    def wanted(self) -> str:
        """The target, for people."""
        return f"{'≤' if self.at_most else '≥'} {_told(self.target, self.kind)}"


def _told(value: float, kind: Kind) -> str:
    if kind == "/s":
        return f"{value:,.0f}/s"
    number = f"{value:,.3g}" if value < 100 else f"{value:,.0f}"
    return f"{number} ms" if kind == "ms" else f"{number} ×"


def goals(race: Race) -> Iterator[Goal]:
    """All that can be told of this race."""
    yield from _rivals(race)
    yield from _own(race)
    yield from _to_begin_with(race)


def _rivals(race: Race) -> Iterator[Goal]:
    for store, workload, rival, target, title in (
        ("postgres", "many", "absurd", 15, "steps/s at once on PostgreSQL, over Absurd"),
        ("postgres", "waiting", "absurd", 15, "the same where instances wait already"),
        ("postgres", "many", "reference", 40, "steps/s at once on PostgreSQL, over sayiir 1.0"),
        ("postgres", "many", "dbos", 70, "steps/s at once on PostgreSQL, over DBOS"),
        ("sqlite", "many", "langgraph", 30, "steps/s at once on SQLite, over LangGraph"),
        ("sqlite", "many", "dbos", 60, "steps/s at once on SQLite, over DBOS"),
        ("postgres", "workers", "absurd", 8, "instances/s by two workers, over Absurd"),
    ):
        ours = race.median(OURS.name, store, workload)
        theirs = race.median(rival, store, workload)
        if ours and theirs:
            yield Goal(title, theirs / ours, target)
    ours = race.median(OURS.name, "memory", "call", 10)
    theirs = race.median("reference", "memory", "call", 10)
    if ours and theirs:
        title = "a chain of 10 called in memory, over sayiir 1.0 (its engine is compiled)"
        yield Goal(title, ours / theirs, 1, at_most=True)


def _own(race: Race) -> Iterator[Goal]:
    if seconds := race.median(OURS.name, "postgres", "waiting"):
        yield Goal("steps/s at once on PostgreSQL, waiting already", 1 / seconds, 18_000, "/s")
    for store, workload, value, most, title in (
        ("postgres", "workers", "idle", 3, "idle worker, from submit elsewhere to the first task"),
        ("postgres", "fork", "seconds", 8, "a fork of 100 on PostgreSQL"),
        ("sqlite", "fork", "seconds", 4, "a fork of 100 on SQLite"),
        ("postgres", "big", "seconds", 10, "a step with a megabyte on PostgreSQL"),
        ("sqlite", "big", "seconds", 5, "a step with a megabyte on SQLite"),
    ):
        if seconds := race.median(OURS.name, store, workload, name=value):
            yield Goal(title, seconds * 1e3, most, "ms", at_most=True)
    bare = race.median(FLOORS.name, "memory", "awaited")
    step = race.median(OURS.name, "memory", "awaited", 1_000)
    if bare and step:
        yield Goal("a step of 1,000 in memory, over a bare await", step / bare, 25, at_most=True)
    for store, title in (("sqlite", "SQLite"), ("postgres", "PostgreSQL")):
        early = race.median(OURS.name, store, "begin", 10_000, "early")
        late = race.median(OURS.name, store, "begin", 10_000)
        if early and late:
            named = f"a step at the 10,000th over one at the 100th, {title}"
            yield Goal(named, late / early, 1.25, at_most=True)
        first, last = (race.median(OURS.name, store, "go_on", n) for n in (10, 10_000))
        if first and last:
            named = f"continuing at step 10,000 over continuing at step 10, {title}"
            yield Goal(named, last / first, 1.25, at_most=True)


def _to_begin_with(race: Race) -> Iterator[Goal]:
    for workload, value, title in (
        ("import", "seconds", "import time, over the least of the durable ones in Python"),
        ("size", "bytes", "installed size, over the least of the durable ones in Python"),
    ):
        ours = race.median(OURS.name, "", workload, name=value)
        others = [
            found
            for system in SYSTEMS
            if system is not OURS and system.imports and not system.compiled
            if (found := race.median(system.name, "", workload, name=value))
        ]
        if ours and others:
            yield Goal(title, ours / min(others), 1, at_most=True)
