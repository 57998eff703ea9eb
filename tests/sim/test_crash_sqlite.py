"""The same crashes on SQLite files: killed, the file closed and opened again, continued."""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.sim.explore import UNREACHED, Explorer, InFile, Totals
from tests.sim.folders import quick_folder
from tests.sim.lives import play

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNKS = 4


@pytest.mark.timeout(3_600)  # at the nightly figure
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_crash_is_made_good_in_a_file(
    chunk: int, repetitions: Callable[[int, int], int], report_figure: Callable[..., None]
) -> None:
    totals = Totals()
    seeds, each = repetitions(10, 100), repetitions(8, 20)
    with quick_folder() as folder:
        for number in range(seeds):
            seed = 30_000 + chunk * seeds + number
            play(_killed(Explorer(seed, totals, partial(InFile, folder)), each))
    # Answers come from a thread there, so now and then a run has a write less than the first.
    totals.forgive(UNREACHED)
    report_figure(
        "{graphs:,} graphs: {crashes:,} crashes, {wrong} wrong, {rerun} committed tasks run again",
        **totals.counts(),
    )
    totals.check()


async def _killed(explorer: Explorer, times: int) -> None:
    await explorer.unbroken()
    points = explorer.points()
    for point in random.Random(explorer.seed).sample(points, min(times, len(points))):
        await explorer.killed_at((point,))
