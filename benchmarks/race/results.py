"""What a race gave: cells with a figure for each round, and where it was run; kept as JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

__all__ = ["RESULTS", "Cell", "Race", "latest"]

RESULTS: Final = Path(__file__).resolve().parents[1] / "results"


@dataclass(slots=True)
class Cell:
    """One system's figures at one workload on one store.

    Attributes:
        values: by name, of each round: ``seconds`` (of the thing that the workload counts),
            ``count`` (how many of it were done in a round), and what else it tells.
        note: why there is nothing, where there is nothing.
    """

    system: str
    store: str
    workload: str
    steps: int
    values: dict[str, list[float]] = field(default_factory=dict)
    note: str = ""

    def add(self, figures: dict[str, float]) -> None:
        """Take in a round."""
        for name, value in figures.items():
            self.values.setdefault(name, []).append(value)

    def median(self, name: str = "seconds") -> float | None:
        """The median of the rounds; None where nothing was measured."""
        found = self.values.get(name)
        return statistics.median(found) if found else None


@dataclass(slots=True)
class Race:
    """All of it."""

    date: str
    rounds: int
    machine: dict[str, Any]
    versions: dict[str, str]
    cells: list[Cell]

    def cell(self, system: str, store: str, workload: str, steps: int = 0) -> Cell | None:
        """A cell; ``steps=0``: whatever steps it has."""
        for cell in self.cells:
            found = (cell.system, cell.store, cell.workload) == (system, store, workload)
            if found and steps in {0, cell.steps}:
                return cell
        return None

    def median(
        self, system: str, store: str, workload: str, steps: int = 0, name: str = "seconds"
    ) -> float | None:
        """A cell's median; None where there is none."""
        cell = self.cell(system, store, workload, steps)
        return cell.median(name) if cell is not None else None

    def systems(self) -> set[str]:
        """Who ran."""
        return {cell.system for cell in self.cells}

    def fold(self, newer: Self) -> None:
        """Take another race's cells in the place of the same ones here."""

        def key(cell: Cell) -> tuple[str, str, str, int]:
            return cell.system, cell.store, cell.workload, cell.steps

        taken = {key(cell) for cell in newer.cells}
        self.cells = [cell for cell in self.cells if key(cell) not in taken] + newer.cells
        self.versions |= newer.versions

    def save(self, path: Path) -> None:
        """Write it."""
        path.parent.mkdir(exist_ok=True)
        document = asdict(self)
        path.write_text(json.dumps(_rounded(document), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what ``save`` has written."""
        document = json.loads(path.read_text(encoding="utf-8"))
        return cls(**document | {"cells": [Cell(**cell) for cell in document["cells"]]})


def _rounded(value: Any) -> Any:
    """Floats with six digits: the rest is noise, and makes the file three times as long."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return value


def latest(folder: Path = RESULTS) -> Path:
    """The newest committed race.

    Raises:
        FileNotFoundError: there is none.
    """
    found: Iterable[Path] = folder.glob("race-????-??-??.json")
    newest = max(found, default=None)
    if newest is None:
        raise FileNotFoundError(f"no race-<date>.json in {folder}: run `make race`")
    return newest
