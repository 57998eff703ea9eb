"""Figures as lines of a table, and as a file under ``benchmarks/results``."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measure.figures import Figure

__all__ = ["as_cells", "as_line", "write"]

RESULTS = Path(__file__).parents[1] / "results"


def as_line(figure: Figure) -> str:
    """The figure as it is printed."""
    values = _human(figure.value, figure.unit)
    if figure.floor is not None:
        values += f" against {_human(figure.floor, figure.unit)}"
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    return f"{figure.name:66} {values:30} {ratio:>7} {_verdict(figure)}".rstrip()


def as_cells(figure: Figure) -> tuple[str, str, str, str, str]:
    """The figure as cells of a table: value, floor, ratio, goals, and whether they are reached."""
    floor = "" if figure.floor is None else _human(figure.floor, figure.unit)
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    goals = ", ".join(_goals(figure))
    verdict = ("reached" if figure.reached else "NOT REACHED") if goals else ""
    return _human(figure.value, figure.unit), floor, ratio, goals, verdict


def _verdict(figure: Figure) -> str:
    goals = ", ".join(_goals(figure))
    return f"({goals}) {'reached' if figure.reached else 'NOT REACHED'}" if goals else ""


def _goals(figure: Figure) -> list[str]:
    sign = "≤" if figure.at_most else "≥"
    goals = [] if figure.goal is None else [f"{sign} {figure.goal:.2f}"]
    goals += [] if figure.bound is None else [f"{sign} {_human(figure.bound, figure.unit)}"]
    return goals


def _human(value: float, unit: str) -> str:
    if unit == "/s":
        return f"{value:,.0f}/s"
    if unit != "s":
        return f"{value:,.3g}{unit}"
    return f"{value * 1e6:,.1f} µs" if value < 1e-3 else f"{value * 1e3:,.1f} ms"


def write(taken: list[Figure], name: str | None) -> None:
    """Write the figures and the machine they were taken on."""
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
