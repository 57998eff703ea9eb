"""What it costs to have a system: its size on the disk and the time of its import."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.race.environments import ROOT, outside
from benchmarks.race.field import OURS, System
from benchmarks.race.results import Cell

__all__ = ["import_cells", "machine", "sized"]


def import_cells(
    systems: Iterable[System], python_of: Callable[[str], Path | str], rounds: int
) -> list[Cell]:
    """Seconds of a process that imports a system, less those of one that imports nothing."""
    durable = [system for system in systems if system.imports]
    cells = [Cell(system.name, "", "import", 0) for system in durable]
    for number in range(rounds + 1):
        for system, cell in zip(durable, cells, strict=True):
            python = str(python_of(system.name))
            seconds = _started(python, system.imports) - _started(python, "pass")
            if number:  # the first one compiles bytecode
                cell.add({"seconds": seconds, "count": 1})
    return cells


def _started(python: str, code: str) -> float:
    began = time.perf_counter()
    subprocess.run([python, "-P", "-c", code], check=True, env=outside())
    return time.perf_counter() - began


def sized(
    systems: Iterable[System], python_of: Callable[[str], Path | str]
) -> tuple[list[Cell], dict[str, str]]:
    """Bytes on the disk, and the version of what each system's user names.

    ``core``: of those which can be had without PostgreSQL's driver, the bytes without it.
    """
    cells, versions = list[Cell](), dict[str, str]()
    for system in systems:
        python, named = python_of(system.name), system.distributions
        size, found = _footprint(python, system, named)
        values = {"bytes": [size]}
        if system.for_postgres:
            core = tuple(each for each in named if each not in system.for_postgres)
            values["core"] = [_footprint(python, system, core)[0]]
        if system is OURS:
            versions["sayiir (this checkout)"] = _commit()
        names = [each.partition("[")[0] for each in named]
        versions |= {name: found[name] for name in names}
        cells.append(Cell(system.name, "", "size", 0, values))
    return cells, versions


def _footprint(
    python: Path | str, system: System, distributions: tuple[str, ...]
) -> tuple[float, dict[str, str]]:
    """Bytes of these with all that they need, ours with the checkout; and their versions."""
    command = [python, "-P", "-m", "benchmarks.race.footprint", *distributions]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=outside())
    found = json.loads(done.stdout)
    own = _checkout_bytes() if system is OURS else 0
    return float(found["bytes"] + own), found["versions"]


def _checkout_bytes() -> int:
    packages = (ROOT / "sayiir", ROOT / "sayiir_pytest")
    files = (file for package in packages for file in package.rglob("*") if file.is_file())
    return sum(file.stat().st_size for file in files if file.suffix != ".pyc")


def _commit() -> str:
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def machine() -> dict[str, Any]:
    """What the race was run on."""
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "load_before": round(os.getloadavg()[0], 1),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
