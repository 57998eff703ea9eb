"""The lines of the tables: which cell's which value, in which unit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from benchmarks.race.field import FLOORS, SYSTEMS, System
from benchmarks.race.results import Race

__all__ = ["TABLES", "Row", "Table", "human", "value_of"]

Unit = Literal["µs", "ms", "/s", "MB", "x"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line.

    Attributes:
        title: what it tells.
        workload: of the cells.
        steps: of the cells; 0: whatever they have.
        value: name of the value.
        unit: what seconds are told in; ``/s`` is one over them.
        store: of the cells, where it isn't the table's.
        floor: what the floors measured for it, and how many of them it takes at least.
    """

    title: str
    workload: str
    steps: int = 0
    value: str = "seconds"
    unit: Unit = "ms"
    store: str | None = None
    floor: tuple[str, int] | None = None

    @property
    def more_is_better(self) -> bool:
        """Whether the best one is the largest."""
        return self.unit == "/s"


@dataclass(frozen=True, slots=True)
class Table:
    """Lines about one kind of store."""

    title: str
    store: str
    rows: tuple[Row, ...]

    def systems(self, race: Race) -> tuple[System, ...]:
        """Who has something in it, in the field's order, the floors last."""
        stores = {self.store, *(row.store for row in self.rows if row.store is not None)}
        names = {row.workload for row in self.rows} | {"begin"}
        found = {c.system for c in race.cells if c.store in stores and c.workload in names}
        floors = (FLOORS,) if any(_floor(row, self, race) for row in self.rows) else ()
        return (*(system for system in SYSTEMS if system.name in found), *floors)


def value_of(race: Race, table: Table, row: Row, system: System) -> float | None:
    """What stands in the cell, in seconds, bytes or times; None: nothing."""
    if system is FLOORS:
        return _floor(row, table, race)
    return race.median(system.name, row.store or table.store, row.workload, row.steps, row.value)


def _floor(row: Row, table: Table, race: Race) -> float | None:
    if row.floor is None:
        return None
    name, times = row.floor
    found = race.median(FLOORS.name, row.store or table.store, name)
    return None if found is None else found * times


def human(value: float, unit: Unit) -> str:
    """A value for people: seconds in the unit, or one over them; bytes; times."""
    if unit == "/s":
        return f"{1 / value:,.0f}/s"
    if unit == "MB":
        return f"{value / 1e6:,.1f} MB"
    if unit == "x":
        return f"{value:,.2f}"
    scaled = value * (1e6 if unit == "µs" else 1e3)
    digits = 0 if scaled >= 100 else 1 if scaled >= 10 else 2
    return f"{scaled:,.{digits}f} {unit}"


def _durable(commit: str) -> Iterable[Row]:
    yield Row(title="a chain of 10, one at a time", workload="lone", floor=(commit, 10))
    yield Row(title="1,000 chains of 10 at once: steps", workload="many", unit="/s")
    if commit == "commit_one":
        yield Row(title="  the same where they wait already", workload="waiting", unit="/s")
    yield Row(title="a fork of 100 and its join", workload="fork", floor=(commit, 1))
    yield Row(title="a step that returns a megabyte", workload="big")
    yield Row(title="a loop: a step at the 100th", workload="begin", steps=10_000, value="early")
    yield Row(title="a loop: a step at the 10,000th", workload="begin", steps=10_000)
    for steps in (10, 1_000, 10_000):
        yield Row(
            title=f"a loop killed at step {steps:,}, to its next step",
            workload="go_on",
            steps=steps,
        )


TABLES: Final = (
    Table(
        "In memory",
        "memory",
        (
            Row(title="a chain of 10, called", workload="call", unit="µs"),
            Row(
                title="a step of 10, awaited",
                workload="awaited",
                steps=10,
                unit="µs",
                floor=("awaited", 1),
            ),
            Row(
                title="a step of 1,000, awaited",
                workload="awaited",
                steps=1_000,
                unit="µs",
                floor=("awaited", 1),
            ),
        ),
    ),
    Table("On SQLite", "sqlite", tuple(_durable("commit_grown"))),
    Table("On PostgreSQL", "postgres", tuple(_durable("commit_one"))),
    Table(
        "Two worker processes and a client, on PostgreSQL",
        "postgres",
        (
            Row(title="instances of 3 steps", workload="workers", unit="/s"),
            Row(title="from submit to the end, half of them", workload="workers", value="p50"),
            Row(title="from submit to the end, 99 %", workload="workers", value="p99"),
            Row(title="idle: from submit to the first task", workload="workers", value="idle"),
        ),
    ),
    Table(
        "To begin with",
        "",
        (
            Row(title="import", workload="import"),
            Row(title="on the disk, with what it needs", workload="size", value="bytes", unit="MB"),
            Row(title="without PostgreSQL's driver", workload="size", value="core", unit="MB"),
        ),
    ),
)
FLOOR_ROWS: Final = (
    Row(title="a page written and on the disk (fdatasync)", workload="disk", store="sqlite"),
    Row(title="SQLite: a row, on a grown log", workload="commit_grown", store="sqlite"),
    Row(title="SQLite: a row, on a log that grows", workload="commit_growing", store="sqlite"),
    Row(title="PostgreSQL: a row, one connection", workload="commit_one", store="postgres"),
    Row(
        title="PostgreSQL: rows, sixteen connections",
        workload="commit_sixteen",
        store="postgres",
        unit="/s",
    ),
    Row(title="an await of a coroutine", workload="awaited", store="memory", unit="µs"),
)
