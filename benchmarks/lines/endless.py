"""A loop of very many steps: what a late step costs, what memory it takes, and to continue it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from benchmarks.measure.figures import Figure, Line, alternated, told
from benchmarks.stores import BenchedStore
from benchmarks.workloads.endless import begun, continuing_seconds

__all__ = ["DEFAULT_COUNT", "lines"]

DEFAULT_COUNT = 100_000
SHORT = 2_200
CONTINUED = 3
"""So often, and once more: an item that has lost ten workers in a row fails."""


def lines(store: BenchedStore, count: int) -> Iterator[Line]:
    """The lines of one store."""
    yield Line(f"{store.name}, a loop of {count:,} steps", partial(_loop, store, count))


def _loop(store: BenchedStore, count: int) -> Iterator[Figure]:
    short, long = store.url(), store.url()
    begun(short, SHORT)
    taken = begun(long, count)
    yield Figure(
        name=f"{store.name}, a loop: a step at {count:,}, over one at 100",
        value=taken.late_seconds,
        unit="s",
        floor=taken.early_seconds,
        ratio=taken.late_seconds / taken.early_seconds,
        goal=1.25,
    )
    # What the C library holds back grows to about 3 MB in 200,000 steps on PostgreSQL and then
    # no more; a leak of one object a step is seen in the blocks.
    yield told(
        "  memory that it takes more then",
        [taken.grown_bytes / 1e6],
        unit=" MB",
        bound=4.0,
    )
    yield told(
        "  Python's blocks of memory, more by the step",
        [taken.grown_blocks / count],
        unit="",
        bound=0.05,
    )
    yield alternated(
        f"  killed there, to its next step, over one killed at {SHORT:,}",
        lambda: continuing_seconds(long),
        lambda: continuing_seconds(short),
        unit="s",
        goal=1.25,
        rounds=CONTINUED,
    )
