"""The same crashes on SQLite files: killed, the file closed and opened again, continued."""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.sim.explore import UNREACHED, Explorer, InFile, Totals
from tests.sim.lives import play

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CHUNKS = 4


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_crash_is_made_good_in_a_file(
    chunk: int,
    tmp_path: Path,
    repetitions: Callable[[int, int], int],
    report_figure: Callable[[str], None],
) -> None:
    totals = Totals()
    seeds, each = repetitions(10, 100), repetitions(4, 20)
    for number in range(seeds):
        seed = 30_000 + chunk * seeds + number
        explorer = Explorer(seed, totals, partial(InFile, tmp_path))

        async def killed(explorer: Explorer = explorer) -> None:
            await explorer.unbroken()
            points = explorer.points()
            for point in random.Random(explorer.seed).sample(points, min(each, len(points))):
                await explorer.killed_at((point,))

        play(killed())
    # Answers come from a thread there, so now and then a run has a write less than the first.
    totals.forgive(UNREACHED)
    report_figure(
        f"{totals.graphs} graphs: {totals.crashes} crashes, {len(totals.findings)} wrong, "
        f"{totals.rerun} committed tasks run again"
    )
    totals.check()
