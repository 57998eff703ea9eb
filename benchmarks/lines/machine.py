"""Without a store: in memory, on other processes, at import."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import partial

from benchmarks.floors import machine
from benchmarks.measure.figures import Figure, Line, alternated
from benchmarks.workloads import chains

__all__ = ["lines"]


def lines() -> Iterator[Line]:
    """The lines."""
    for steps in (1_000, 100_000):
        name = f"in memory, a step of a chain of {steps:,}"
        yield Line(name, partial(_in_memory, name, steps))
    yield Line("in memory, a call of ten steps", _call_in_memory)
    yield Line("a step in a warm process", _in_a_process)
    yield Line("import sayiir", _import)


def _in_memory(name: str, steps: int) -> Iterator[Figure]:
    yield alternated(
        name,
        lambda: asyncio.run(chains.in_memory_step_seconds(steps)),
        lambda: asyncio.run(machine.bare_await_seconds()),
        goal=25,
        unit="s",
    )


def _call_in_memory() -> Iterator[Figure]:
    """From code that isn't async. The goal is 110 µs where ``asyncio.run`` takes 138."""
    yield alternated(
        "in memory, a call of ten steps, against asyncio.run of nothing",
        chains.call_seconds,
        machine.bare_run_seconds,
        goal=0.8,
        unit="s",
    )


def _in_a_process() -> Iterator[Figure]:
    yield alternated(
        "a step in a warm process, against a process pool's call",
        lambda: asyncio.run(chains.process_step_seconds()),
        lambda: asyncio.run(machine.pool_call_seconds()),
        goal=1.25,
        unit="s",
    )


def _import() -> Iterator[Figure]:
    yield alternated(
        "import sayiir, against import asyncio plus 60 ms",
        lambda: machine.import_seconds("sayiir"),
        machine.bare_import_seconds,
        goal=1,
        unit="s",
    )
