"""A thousand instances of ten steps in one worker process, a hundred at a time."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

__all__ = ["Wave", "run_wave"]

WAVE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Wave:
    """What a step cost: wall clock, CPU of the worker's process, statements if counted."""

    step_seconds: float
    cpu_seconds: float
    statements: float


def run_wave(url: str, *, sync: bool = False, counted: bool = False) -> Wave:
    """Run one in a process of its own, warmed up by another wave before."""
    options = ["--sync"] * sync + ["--counted"] * counted
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.workloads.child", "wave", url, *options],
        check=True,
        stdout=subprocess.PIPE,
        timeout=WAVE_SECONDS,
    )
    return Wave(**json.loads(done.stdout))
