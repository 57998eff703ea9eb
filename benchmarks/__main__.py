"""``python -m benchmarks [sqlite|postgres|memory|all]``: measures, prints a table, writes JSON.

The results go to ``benchmarks/results``. Without an argument: everything, PostgreSQL if its wheel
and driver are there.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator

from benchmarks.lines import endless, machine, parked, stores
from benchmarks.measure.figures import Figure, Line
from benchmarks.measure.report import as_line, write
from benchmarks.stores import Postgres, Sqlite, has_postgres

CHOICES = ("memory", "sqlite", "postgres", "all")


def lines(chosen: str, parked_count: int, loop_count: int) -> Iterator[Line]:
    """Every line of the table, measured one after the other."""
    if chosen in {"memory", "all"}:
        yield from machine.lines()
    if chosen in {"sqlite", "all"}:
        with Sqlite() as sqlite:
            yield from stores.lines(sqlite, stores.SQLITE_GOALS)
            yield from endless.lines(sqlite, loop_count)
    if chosen == "postgres" or (chosen == "all" and has_postgres()):
        with Postgres() as postgres:
            yield from stores.lines(postgres, stores.POSTGRES_GOALS)
            yield from endless.lines(postgres, loop_count)
            yield from parked.lines(postgres, parked_count)


def main() -> int:
    """Measure, print and write; the exit code tells nothing of speed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("store", nargs="?", choices=CHOICES, default="all")
    parser.add_argument("--only", default="", metavar="TEXT", help="lines whose name has this")
    parser.add_argument("--reference", action="store_true", help="write results/reference.json")
    parser.add_argument(
        "--parked",
        type=int,
        default=parked.DEFAULT_COUNT,
        metavar="COUNT",
        help="instances that lie beside those that are claimed; 1000000 takes minutes to write",
    )
    parser.add_argument(
        "--loop",
        type=int,
        default=endless.DEFAULT_COUNT,
        metavar="COUNT",
        help="steps of the long loop, which takes a minute on each store",
    )
    arguments = parser.parse_args()
    if arguments.reference and (arguments.only or arguments.store != "all"):
        parser.error("the reference run takes everything")
    if arguments.store == "postgres" and not has_postgres():
        parser.error("there is no PostgreSQL to start: pip install 'sayiir-py[postgres-server]'")
    taken: list[Figure] = []
    for line in lines(arguments.store, arguments.parked, arguments.loop):
        if arguments.only.lower() in line.name.lower():
            for figure in line.take():
                taken.append(figure)
                print(as_line(figure), flush=True)
    print(f"load at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", file=sys.stderr)
    write(taken, "reference" if arguments.reference else None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
