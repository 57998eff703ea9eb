"""Running adapters: one process for each round of each cell, in turns."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path

from benchmarks.race.adapter import Figures, Job
from benchmarks.race.environments import outside
from benchmarks.race.field import System, Workload
from benchmarks.race.places import Places
from benchmarks.race.results import Cell

__all__ = ["AdapterFailed", "Runner", "run_adapter", "tell"]

GRACE_SECONDS = 60.0
BEGIN_SECONDS = 90.0
"""So long may a loop take to the step at which it is killed."""
REFERENCE_STEPS = 10_000
"""What a step costs early and late is told of a loop of so many."""


class AdapterFailed(Exception):
    """An adapter gave no figures; the message says why."""


def run_adapter(
    python: Path | str, system: str, job: Job, variables: Mapping[str, str] | None = None
) -> Figures:
    """Run an adapter in a process of its own, and all that it starts in its group.

    Raises:
        AdapterFailed: it ended without an answer, or didn't end.
    """
    command = [str(python), "-P", "-m", f"benchmarks.race.systems.{system}"]
    child = subprocess.Popen(
        [*command, json.dumps(asdict(job))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=outside() if variables is None else variables,
    )
    try:
        output, errors = child.communicate(timeout=job.seconds * 3 + GRACE_SECONDS)
    except BaseException as error:
        os.killpg(child.pid, signal.SIGKILL)  # its workers too
        child.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise AdapterFailed(f"no answer within {error.timeout:.0f} s") from None
        raise
    if not output.strip():
        last = errors.strip().splitlines()[-1:] or [f"exit status {child.returncode}"]
        raise AdapterFailed(last[0])
    figures: Figures = json.loads(output.splitlines()[-1])
    return figures


def tell(text: str) -> None:
    """A line of progress."""
    print(text, file=sys.stderr, flush=True)


class Runner:
    """Takes the rounds of workloads.

    Args:
        places: where the stores are.
        python_of: the Python of a system's environment.
        rounds: of each cell.
        variables: of the adapters' processes; None: ours, without what leads to our packages.
    """

    def __init__(
        self,
        places: Places,
        python_of: Callable[[str], Path | str],
        rounds: int,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self._places = places
        self._python_of = python_of
        self._rounds = rounds
        self._variables = variables

    def take(self, workload: Workload, systems: Iterable[System]) -> list[Cell]:
        """All its cells: one round of each of them, then the next round."""
        given, cells = tuple(systems), list[Cell]()
        for steps in workload.steps:
            if workload.name == "go_on":
                cells += self._continued(workload, steps, given)
            else:
                cells += self._in_turns(workload, steps, given)
        return cells

    def _in_turns(self, workload: Workload, steps: int, systems: tuple[System, ...]) -> list[Cell]:
        cells = list(_cells(workload, steps, systems))
        for _ in range(self._rounds):
            for cell in cells:
                if (url := self._fresh(cell)) is not None:
                    self._round(cell, self._job(workload, cell, url))
                    self._places.drop(cell.store, url)
        return cells

    def _continued(self, workload: Workload, steps: int, systems: tuple[System, ...]) -> list[Cell]:
        """Loops are begun and killed once; each round continues them by one step."""
        cells = list(_cells(workload, steps, systems))
        urls = [(cell, url) for cell in cells if (url := self._fresh(cell)) is not None]
        long = [self._begun(cell, url) for cell, url in urls]
        for _ in range(self._rounds):
            for cell, url in urls:
                if not cell.note:
                    self._round(cell, self._job(workload, cell, url))
        for cell, url in urls:
            self._places.drop(cell.store, url)
        return cells + (long if steps == REFERENCE_STEPS else [])

    def _begun(self, cell: Cell, url: str) -> Cell:
        """Begin a loop that is killed; what its steps cost."""
        begun = Cell(cell.system, cell.store, "begin", cell.steps)
        seconds = BEGIN_SECONDS
        self._round(begun, Job("begin", cell.store, url, 1, cell.steps, seconds))
        reached = begun.median("count") or 0
        if begun.note:
            cell.note = begun.note
        elif reached < cell.steps:
            cell.note = f"only {reached:,.0f} steps in {seconds:.0f} s"
        return begun

    def _round(self, cell: Cell, job: Job) -> None:
        began = time.monotonic()
        try:
            figures = self._run(cell.system, job)
        except AdapterFailed as failure:
            cell.note = str(failure)[:200]
        else:
            if not figures.get("count", 1) and job.workload != "begin":
                cell.note = f"nothing within {job.seconds:.0f} s"
            elif lost := figures.pop("lost", 0):
                cell.note = f"{lost:,.0f} steps that had ended run again"
            else:
                cell.add(figures)
        found = cell.note or f"{(cell.values.get('seconds') or [0])[-1] * 1e3:,.3f} ms"
        tell(
            f"{cell.workload:12} {cell.steps:6,} {cell.store:8} {cell.system:14} {found:>14}"
            f"   {time.monotonic() - began:.1f} s"
        )

    def _run(self, system: str, job: Job) -> Figures:
        return run_adapter(self._python_of(system), system, job, self._variables)

    def _job(self, workload: Workload, cell: Cell, url: str) -> Job:
        return Job(
            workload=workload.name,
            store=cell.store,
            url=url,
            count=workload.count_of(cell.system),
            steps=cell.steps,
            seconds=workload.seconds,
        )

    def _fresh(self, cell: Cell) -> str | None:
        """A store for a round; None: there is none for a cell that has failed before, or now."""

        def prepare(store: str, url: str) -> None:
            self._run(cell.system, Job("prepare", store, url))

        if cell.note:
            return None
        try:
            return self._places.fresh(cell.system, cell.store, prepare)
        except AdapterFailed as failure:
            cell.note = str(failure)[:200]
            return None


def _cells(workload: Workload, steps: int, systems: tuple[System, ...]) -> Iterable[Cell]:
    for store in workload.stores:
        for system in systems:
            if store in system.stores and workload.name not in system.lacks:
                yield Cell(system.name, store, workload.name, steps)
