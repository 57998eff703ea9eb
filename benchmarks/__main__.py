"""``python -m benchmarks``: measures, prints a table, writes JSON under ``benchmarks/results``."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks import floors, workloads
from benchmarks.measure import Figure, alternated
from sayiir import Workflow

RESULTS = Path(__file__).parent / "results"


def figures(folder: Path) -> Iterator[Figure]:
    """Every figure with its floor, measured one after the other."""
    for steps in (100, 100_000):
        yield alternated(
            f"in memory, a step of a chain of {steps:,}",
            partial(_in_memory, steps),
            lambda: asyncio.run(floors.bare_await_seconds()),
            goal=40,
            at_most=True,
            unit="s",
        )
    yield alternated(
        "SQLite, a step of a lone chain",
        lambda: workloads.lone_step_seconds(folder),
        lambda: floors.bare_commit_seconds(folder),
        goal=1.8,
        at_most=True,
        unit="s",
    )
    yield alternated(
        "  the same in a loop of the user's (async runner)",
        lambda: asyncio.run(workloads.lone_async_step_seconds(folder)),
        lambda: floors.bare_commit_seconds(folder),
        unit="s",
    )
    for name, flow, goal in (
        ("async", workloads.chain(10), 2.5),
        ("sync", workloads.sync_chain(10), 2.5 / 3),
    ):
        yield alternated(
            f"SQLite, 1,000 instances of 10 {name} steps, 100 at a time",
            partial(_steps_a_second, folder, flow),
            lambda: 1 / floors.bare_commit_seconds(folder),
            goal=goal,
            at_most=False,
            unit="/s",
        )
    for name, flow in (("async", workloads.chain(10)), ("sync", workloads.sync_chain(10))):
        yield alternated(
            f"  the same by a worker ({name} steps)",
            partial(_worker_steps_a_second, folder, flow),
            lambda: 1 / floors.bare_commit_seconds(folder),
            at_most=False,
            unit="/s",
        )
    yield alternated(
        "  the same by one run() each, created and read too (async)",
        lambda: 1 / asyncio.run(workloads.concurrent_run_step_seconds(folder, workloads.chain(10))),
        lambda: 1 / floors.bare_commit_seconds(folder),
        at_most=False,
        unit="/s",
    )
    yield alternated(
        "SQLite, a fork of 100 arms and its join",
        lambda: asyncio.run(workloads.fork_seconds(folder)),
        lambda: floors.bare_commit_seconds(folder),
        goal=50,
        at_most=True,
        unit="s",
    )
    megabyte = b"x" * 1_000_000
    yield alternated(
        "SQLite, a step with a string of a megabyte",
        lambda: asyncio.run(workloads.megabyte_seconds(folder)),
        lambda: floors.bare_row_seconds(folder, megabyte),
        goal=2,
        at_most=True,
        unit="s",
    )
    yield alternated(
        "a step in a warm process, against a process pool's call",
        lambda: asyncio.run(workloads.process_step_seconds()),
        lambda: asyncio.run(floors.pool_call_seconds()),
        goal=1.25,
        at_most=True,
        unit="s",
    )
    yield alternated(
        "import sayiir, against import asyncio plus 60 ms",
        lambda: floors.import_seconds("sayiir"),
        floors.bare_import_seconds,
        goal=1,
        at_most=True,
        unit="s",
    )


def _in_memory(steps: int) -> float:
    return asyncio.run(workloads.in_memory_step_seconds(steps))


def _steps_a_second(folder: Path, flow: Workflow[int, int]) -> float:
    return 1 / asyncio.run(workloads.concurrent_step_seconds(folder, flow))


def _worker_steps_a_second(folder: Path, flow: Workflow[int, int]) -> float:
    url = f"sqlite:///{folder}/worker-{time.monotonic_ns()}.db"
    return 1 / asyncio.run(workloads.worker_step_seconds(url, flow))


def main() -> int:
    """Measure, print and write; the exit code tells nothing of speed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--reference", action="store_true", help="write results/reference.json")
    arguments = parser.parse_args()
    taken: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="sayiir-bench-") as folder:
        for figure in figures(Path(folder)):
            taken.append(figure)
            print(_line(figure), flush=True)
    _write(taken, "reference" if arguments.reference else None)
    return 0


def _line(figure: Figure) -> str:
    values = f"{_human(figure.value, figure.unit)} against {_human(figure.floor, figure.unit)}"
    return f"{figure.name:60} {values:32} {figure.ratio:6.2f} {_verdict(figure)}".rstrip()


def _verdict(figure: Figure) -> str:
    if figure.goal is None:
        return ""
    sign = "≤" if figure.at_most else "≥"
    return f"({sign} {figure.goal:.2f}) {'reached' if figure.reached else 'NOT REACHED'}"


def _human(value: float, unit: str) -> str:
    if unit == "/s":
        return f"{value:,.0f}/s"
    return f"{value * 1e6:,.1f} µs" if value < 1e-3 else f"{value * 1e3:,.1f} ms"


def _write(taken: list[Figure], name: str | None) -> None:
    now = datetime.now(UTC)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name or now.strftime('%Y%m%dT%H%M%SZ')}.json"
    machine = {
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": platform.system(),
    }
    figures_taken = [asdict(figure) | {"reached": figure.reached} for figure in taken]
    document = {"date": now.date().isoformat(), "machine": machine, "figures": figures_taken}
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(f"written to {path.name}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
