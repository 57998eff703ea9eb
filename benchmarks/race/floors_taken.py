"""The floors, taken as a system's cells are."""

from __future__ import annotations

from pathlib import Path

from benchmarks.race.adapter import Job
from benchmarks.race.field import FLOORS
from benchmarks.race.places import Places
from benchmarks.race.results import Cell
from benchmarks.race.running import run_adapter

__all__ = ["cells"]

_LINES = (
    ("awaited", "memory", 1),
    ("disk", "sqlite", 300),
    ("commit_grown", "sqlite", 300),
    ("commit_growing", "sqlite", 300),
    ("commit_one", "postgres", 300),
    ("commit_sixteen", "postgres", 3_000),
)


def cells(places: Places, python: Path | str, rounds: int) -> list[Cell]:
    """One cell for each floor."""
    found = [Cell(FLOORS.name, store, name, 1) for name, store, _ in _LINES]
    for _ in range(rounds):
        for cell, (name, store, count) in zip(found, _LINES, strict=True):
            url = places.fresh(FLOORS.name, store, lambda _store, _url: None)
            cell.add(run_adapter(python, FLOORS.name, Job(name, store, url, count)))
            places.drop(store, url)
    return found
