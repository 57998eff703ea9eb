"""Killed at every write of the store, and continued by the same line: nothing is lost or redone.

A seed gives a flow of every node kind, nested three deep, at most 30 nodes. It runs in memory,
then durably and unbroken, then once for each write of that run: the process dies before it, or
after it with the answer lost. A new process then calls the same ``ensure``. Its output, its
stored results and each task's input equal the unbroken run's; no task whose result had been
committed starts again; attempts only grow; idempotency keys stay.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.sim.explore import Explorer, Totals
from tests.sim.lives import play

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNKS = 10


@pytest.mark.timeout(3_600)  # at the nightly figure
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_crash_at_any_write_is_made_good(
    chunk: int, repetitions: Callable[[int, int], int], report_figure: Callable[..., None]
) -> None:
    """200 seeds; the 130 with the fewest writes at each of these, the others at eight points."""
    seeds, at_every_write = repetitions(20, 100), repetitions(13, 100)
    totals = Totals()
    explorers = [Explorer(chunk * seeds + number, totals) for number in range(seeds)]
    for explorer in explorers:
        play(explorer.unbroken())
    explorers.sort(key=lambda explorer: len(explorer.writes))
    for rank, explorer in enumerate(explorers):
        points = explorer.points()
        if rank >= at_every_write:
            points = random.Random(explorer.seed).sample(points, 8)

        async def killed(explorer: Explorer = explorer, points: list = points) -> None:
            for point in points:
                await explorer.killed_at((point,))

        play(killed())
    report_figure(
        "{graphs:,} graphs, {whole:,} of them at every write: {crashes:,} crashes, {wrong} wrong, "
        "{rerun} committed tasks run again",
        whole=at_every_write,
        **totals.counts(),
    )
    totals.check()


def test_the_flows_hold_every_node_kind() -> None:
    totals = Totals()
    for seed in range(60):
        play(Explorer(seed, totals).unbroken())
    assert totals.kinds >= {
        *("task", "fork", "branch", "loop", "map", "delay", "signal", "child"),
        *("sent", "timed out", "collect", "max_concurrency", "retries slept", "retries parked"),
        "mend",
    }
    totals.check()
