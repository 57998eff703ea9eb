"""The page about speed: tables and charts are written into it, between the marks.

``python -m benchmarks.race.page`` writes it anew from the newest race and the reference run of
our own benchmark; the prose around the marks is written by hand and stays as it is. With
``--text`` the charts stay as they are too, and nothing is installed.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Final

from benchmarks.measure.figures import Figure
from benchmarks.measure.report import as_cells
from benchmarks.race import table
from benchmarks.race.environments import ROOT, outside, python_of
from benchmarks.race.field import SYSTEMS, steps_of
from benchmarks.race.goals import goals
from benchmarks.race.results import RESULTS, Race, latest

__all__ = ["parts", "with_parts", "write"]

PAGE: Final = ROOT / "docs" / "explanation" / "performance.md"
REFERENCE: Final = RESULTS / "reference.json"
_PART: Final = re.compile(r"(<!-- begin: (\w+) -->\n).*?(<!-- end: \2 -->)", re.DOTALL)


def write(race: Race, *, charts: bool = True) -> None:
    """Write tables and goals of this race into the page, and its charts beside it."""
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(with_parts(text, parts(race)), encoding="utf-8")
    if charts:
        _draw(race)
    print(f"written to {PAGE.relative_to(ROOT)}", file=sys.stderr)


def with_parts(text: str, given: Mapping[str, str]) -> str:
    """The text with what stands between its marks replaced.

    Raises:
        ValueError: a part has no marks in it, or marks have no part.
    """
    marked = {found[1] for found in _PART.findall(text)}
    if marked != given.keys():
        wrong = ", ".join(sorted(marked ^ given.keys()))
        raise ValueError(f"marks and parts don't agree about {wrong}")
    return _PART.sub(lambda found: f"{found[1]}\n{given[found[2]]}\n\n{found[3]}", text)


def parts(race: Race) -> dict[str, str]:
    """What is written, by the names of the marks."""
    return {
        "where": _where(race),
        "race": table.markdown(race),
        "floors": table.floors(race),
        "goals": _goals(race),
        "settings": _settings(),
        "costs": _costs(),
    }


def _where(race: Race) -> str:
    told = race.machine
    versions = ", ".join(f"{name} {version}" for name, version in race.versions.items())
    busy = "**Other work ran beside it: the times say little.** "
    return (
        f"{busy if told['load_before'] > told['cores'] else ''}"
        f"Run on {race.date}, rounds of each cell: {race.rounds}. The machine's load was "
        f"{told['load_before']} before it. {told['processor']}, {told['cores']} cores, "
        f"{told['memory_gib']} GiB; {told['system']}; Python {told['python']}; "
        f"PostgreSQL {told['postgresql']}, its client and all workers on the same machine; "
        f"fsync on. {versions}.{_left_out(race)}"
    )


def _left_out(race: Race) -> str:
    """What was left out of this race, so that its dashes aren't taken for something else."""
    longest = max(steps_of("go_on"))
    if any(cell.workload == "go_on" and cell.steps == longest for cell in race.cells):
        return ""
    return f" Loops of {longest:,} steps were left out of this race, of all systems."


def _goals(race: Race) -> str:
    lines = ["| goal | found | wanted | |", "| --- | ---: | ---: | --- |"]
    for goal in goals(race):
        verdict = "reached" if goal.reached else "**not reached**"
        lines.append(f"| {goal.title} | {goal.found()} | {goal.wanted()} | {verdict} |")
    return "\n".join(lines)


def _settings() -> str:
    return "\n".join(f"- **{system.title}**: {system.settings}" for system in SYSTEMS)


def _costs() -> str:
    document: dict[str, Any] = json.loads(REFERENCE.read_text(encoding="utf-8"))
    taken = document["machine"]
    lines = [
        f"Run on {document['date']}, {taken['cores']} cores, Python {taken['python']}.",
        "",
        "| | found | floor | ratio | goal | |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for each in document["figures"]:
        figure = Figure(**{name: value for name, value in each.items() if name != "reached"})
        value, floor, ratio, goal, verdict = as_cells(figure)
        told = "**not reached**" if verdict == "NOT REACHED" else verdict
        lines.append(f"| {figure.name.strip()} | {value} | {floor} | {ratio} | {goal} | {told} |")
    return "\n".join(lines)


def _draw(race: Race) -> None:
    """In an environment of its own: the drawing library is nobody's dependency."""
    file = PAGE.parent / "race.tmp.json"
    race.save(file)
    try:
        command = (str(python_of("charts")), "-P", "-m", "benchmarks.race.charts")
        subprocess.run([*command, str(file), str(PAGE.parent)], check=True, env=outside())
    finally:
        file.unlink()


if __name__ == "__main__":
    write(Race.load(latest()), charts="--text" not in sys.argv[1:])
