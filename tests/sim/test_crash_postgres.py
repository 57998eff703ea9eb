"""The same crashes on a PostgreSQL: killed, all connections gone, opened again, continued."""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.sim.explore import UNREACHED, Explorer, InSchema, Totals
from tests.sim.lives import Point, play

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNKS = 2


@pytest.mark.timeout(3_600)  # at the nightly figure
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_crash_is_made_good_on_a_server(
    chunk: int,
    postgres_schemas: Callable[[], str],
    repetitions: Callable[[int, int], int],
    report_figure: Callable[..., None],
) -> None:
    """Before and after writes of seeded flows; every third point is followed by a second one."""
    totals = Totals()
    seeds, each = repetitions(2, 100), repetitions(6, 1_000)
    for number in range(seeds):
        seed = 40_000 + chunk * seeds + number
        play(_killed(Explorer(seed, totals, partial(InSchema, postgres_schemas)), each))
    # Answers come over a socket there, so now and then a run has a write less than the first.
    totals.forgive(UNREACHED)
    report_figure(
        "{graphs:,} graphs: {crashes:,} crashes, {wrong} wrong, {rerun} committed tasks run again",
        **totals.counts(),
    )
    totals.check()


async def _killed(explorer: Explorer, times: int) -> None:
    await explorer.unbroken()
    points = explorer.points()
    drawn = random.Random(explorer.seed)
    for number, point in enumerate(drawn.sample(points, min(times, len(points)))):
        recovery = await explorer.killed_at((point,))
        if number % 3 == 0 and recovery.writes:
            at, verb = drawn.choice(list(enumerate(recovery.writes)))
            await explorer.killed_at((point, Point(at, drawn.random() < 0.5, verb)))
