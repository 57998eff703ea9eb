"""``python -m benchmarks.race``: the same work in several systems, in turns.

Makes their environments below ``.race`` where they are missing, which needs the package index.
A race of everybody writes ``benchmarks/results/race-<date>.json`` and the page
``docs/explanation/performance.md``. One of some only prints what it found, unless ``--out`` names
a file for it or ``--fold`` puts it in the place of the same in the newest race.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.race import field, floors_taken, page, table
from benchmarks.race.environments import python_of
from benchmarks.race.places import Places
from benchmarks.race.results import RESULTS, Race, latest
from benchmarks.race.running import Runner, tell
from benchmarks.race.starting import import_cells, machine, sized

NAMES = tuple(system.name for system in field.SYSTEMS)
LONGEST = max(steps for workload in field.WORKLOADS for steps in workload.steps)
WORKLOADS = (*(workload.name for workload in field.WORKLOADS), "import", "floors")


def main() -> int:
    """Race, print, write."""
    signal.signal(signal.SIGTERM, _ended)  # the server and the files go away in order
    given = _arguments()
    systems = [system for system in field.SYSTEMS if system.name in given.systems]
    began, before = time.monotonic(), machine()
    for system in systems:
        python_of(system.name)
    cells, versions = sized(systems, python_of)
    with Places() as places:
        if "floors" in given.workloads:
            cells += floors_taken.cells(places, python_of("ours"), given.rounds)
        runner = Runner(places, python_of, given.rounds)
        for workload in field.WORKLOADS:
            if workload.name in given.workloads:
                short = tuple(steps for steps in workload.steps if steps <= given.longest)
                cells += runner.take(replace(workload, steps=short), systems)
        before["postgresql"] = places.version()
    if "import" in given.workloads:
        cells += import_cells(systems, python_of, given.rounds)
    before["load_after"], before["minutes"] = round(os.getloadavg()[0], 1), _minutes(began)
    today = datetime.now(UTC).date().isoformat()
    race = Race(today, given.rounds, before, versions, cells)
    print(table.plain(race))
    _write(race, given)
    return 0


def _ended(*_: object) -> None:
    sys.exit(128 + signal.SIGTERM)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.race", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of each cell; medians are told")
    parser.add_argument("--systems", type=_names(NAMES), default=NAMES, metavar="A,B")
    parser.add_argument("--workloads", type=_names(WORKLOADS), default=WORKLOADS, metavar="A,B")
    parser.add_argument(
        "--longest",
        type=int,
        default=LONGEST,
        metavar="STEPS",
        help="leave out what has more steps: those of 10,000 take minutes to begin",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the results there instead")
    parser.add_argument(
        "--fold", action="store_true", help="put the results into the newest race, and its page"
    )
    given = parser.parse_args()
    if given.rounds < 1:
        parser.error("there is at least one round")
    return given


def _names(known: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    def parsed(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        if unknown := set(names) - set(known):
            message = f"{', '.join(sorted(unknown))}: not one of {', '.join(known)}"
            raise argparse.ArgumentTypeError(message)
        return names

    return parsed


def _write(race: Race, given: argparse.Namespace) -> None:
    everybody = set(given.systems) == set(NAMES) and set(given.workloads) == set(WORKLOADS)
    whole = everybody and given.longest >= LONGEST
    if given.out is not None:
        race.save(given.out)
    elif given.fold:
        path = latest()
        before = Race.load(path)
        before.fold(race)
        before.save(path)
        page.write(before)
    elif whole:
        path = RESULTS / f"race-{race.date}.json"
        race.save(path)
        tell(f"written to {path.relative_to(path.parents[2])}")
        page.write(race)
    else:
        tell("that was not all of it: the page stays as it is")


def _minutes(began: float) -> float:
    return round((time.monotonic() - began) / 60, 1)


if __name__ == "__main__":
    sys.exit(main())
