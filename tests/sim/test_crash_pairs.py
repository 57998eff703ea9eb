"""Killed again while it recovers: the second crash is made good like the first."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.sim.explore import UNREACHED, Explorer, Totals
from tests.sim.lives import Point, play

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNKS = 4


@pytest.mark.timeout(3_600)  # at the nightly figure
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_crash_during_recovery_is_made_good(
    chunk: int, repetitions: Callable[[int, int], int], report_figure: Callable[..., None]
) -> None:
    """200 pairs of points, one in the first process and one in that which continues it."""
    totals = Totals()
    pairs = repetitions(50, 500)
    for number in range(pairs):
        play(_killed_twice(Explorer(10_000 + chunk * pairs + number, totals)))
    report_figure(
        "{pairs:,} pairs: {wrong} wrong, {rerun} committed tasks run again",
        pairs=pairs,
        **totals.counts(),
    )
    totals.check()


async def _killed_twice(explorer: Explorer) -> None:
    await explorer.unbroken()
    drawn = random.Random(explorer.seed)
    first = drawn.choice(explorer.points())
    recovery = await explorer.killed_at((first,))
    if recovery.writes:  # else the first crash left nothing to do
        at, verb = drawn.choice(list(enumerate(recovery.writes)))
        await explorer.killed_at((first, Point(at, drawn.random() < 0.5, verb)))


@pytest.mark.parametrize("seed", range(20_000, 20_010))
def test_killed_at_each_of_its_first_steps_it_still_ends(seed: int) -> None:
    """Nine processes in a row die early on; the tenth interruption would be one too many."""
    totals = Totals()
    explorer = Explorer(seed, totals)
    play(explorer.unbroken())
    drawn = random.Random(seed)
    play(explorer.killed_at([Point(drawn.randint(1, 3), drawn.random() < 0.5) for _ in range(9)]))
    # A process that has little left may end before its point is reached: that is no fault.
    totals.forgive(UNREACHED)
    totals.check()
