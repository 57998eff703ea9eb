"""Tables of a race, for a terminal and for a page."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.race.field import FLOORS, SYSTEMS, System
from benchmarks.race.goals import goals
from benchmarks.race.results import Race
from benchmarks.race.rows import FLOOR_ROWS, TABLES, Row, Table, human, value_of

__all__ = ["floors", "goal_lines", "markdown", "plain"]

NOTHING = "–"


def plain(race: Race) -> str:
    """All tables, for a terminal."""
    lines = list[str]()
    for table in TABLES:
        systems = table.systems(race)
        rows = [(row, _cells(race, table, row, systems)) for row in table.rows]
        if any(cell != NOTHING for _, cells in rows for cell in cells):
            lines += ["", f"{table.title:44}" + "".join(f"{s.title:>16}" for s in systems)]
            lines += [f"{row.title:44}" + "".join(f"{c:>16}" for c in cells) for row, cells in rows]
            lines += [f"  {note}" for note in _notes(race, table)]
    lines += ["", *(f"{row.title:44}{cell:>16}" for row, cell in _floors(race))]
    lines += ["", *(goal_lines(race))]
    return "\n".join(lines)


def goal_lines(race: Race) -> Iterator[str]:
    """The goals, one line each."""
    for goal in goals(race):
        verdict = "reached" if goal.reached else "NOT REACHED"
        yield f"{goal.title:72} {goal.found():>12}  {goal.wanted():>12}  {verdict}"


def markdown(race: Race) -> str:
    """All tables, for the page; the best of each line is bold."""
    return "\n\n".join(_section(race, table) for table in TABLES if table.systems(race))


def _section(race: Race, table: Table) -> str:
    systems = table.systems(race)
    lines = [
        f"### {table.title}",
        "",
        "| | " + " | ".join(system.title for system in systems) + " |",
        "| --- |" + " ---: |" * len(systems),
    ]
    for row in table.rows:
        cells = _cells(race, table, row, systems)
        best = _best(race, table, row, systems)
        told = [f"**{c}**" if n == best else c for n, c in enumerate(cells)]
        lines.append(f"| {row.title.strip()} | " + " | ".join(told) + " |")
    if notes := list(_notes(race, table)):
        lines += ["", *(f"- {note}" for note in notes)]
    return "\n".join(lines)


def floors(race: Race) -> str:
    """The floors, for the page."""
    lines = ["| floor | |", "| --- | ---: |"]
    lines += [f"| {row.title} | {cell} |" for row, cell in _floors(race)]
    return "\n".join(lines)


def _floors(race: Race) -> Iterator[tuple[Row, str]]:
    for row in FLOOR_ROWS:
        found = race.median(FLOORS.name, row.store or "", row.workload)
        if found is not None:
            yield row, human(found, row.unit)


def _cells(race: Race, table: Table, row: Row, systems: tuple[System, ...]) -> list[str]:
    found = [value_of(race, table, row, system) for system in systems]
    return [NOTHING if value is None else human(value, row.unit) for value in found]


def _best(race: Race, table: Table, row: Row, systems: tuple[System, ...]) -> int | None:
    # "/s" is one over seconds, so the least is the best there too.
    found = {
        number: value
        for number, system in enumerate(systems)
        if system is not FLOORS and (value := value_of(race, table, row, system)) is not None
    }
    return min(found, key=found.__getitem__) if len(found) > 1 else None


def _notes(race: Race, table: Table) -> Iterator[str]:
    """Why there is nothing where there is nothing, and who did fewer."""
    for system in SYSTEMS:
        if system not in table.systems(race):
            continue
        for row in table.rows:
            if row.workload in system.lacks:
                yield f"{system.title}, {_short(row)}: {system.lacks[row.workload]}."
            cell = race.cell(system.name, row.store or table.store, row.workload, row.steps)
            if cell is not None and cell.note:
                yield f"{system.title}, {_short(row)}: {cell.note}."
            count = cell.median("count") if cell is not None else None
            late = row.workload == "begin" and row.value == "seconds"
            if cell is not None and late and count and count < cell.steps:
                yield f"{system.title}, {_short(row)}: it is that of step {count:,.0f}."
    yield from _fewer(race, table)


def _fewer(race: Race, table: Table) -> Iterator[str]:
    for row in table.rows:
        if row.workload in {"many", "workers"} and row.value == "seconds":
            counts = {
                system.title: f"{count:,.0f}"
                for system in table.systems(race)
                if (count := race.median(system.name, table.store, row.workload, name="count"))
            }
            if counts:
                told = ", ".join(f"{title} {count}" for title, count in counts.items())
                yield f"Instances a round, {_short(row)}: {told}."


def _short(row: Row) -> str:
    return row.title.strip().partition(":")[0]
