"""Real processes, killed with SIGKILL at seeded points, and continued by a new process."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.crash.kills import Doomed, Kill, Server
from tests.sim.folders import quick_folder

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.crash
CHUNKS = 10
SERVER_CHUNKS = 2
PER_SEED = 10
FIGURE = "{graphs:,} graphs, {killed:,} SIGKILLs: {wrong} wrong, {rerun} committed tasks run again"


@pytest.mark.timeout(3_600)  # at the nightly figure
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_killed_process_is_continued_by_the_next(
    chunk: int,
    repetitions: Callable[[int, int], int],
    report_figure: Callable[..., None],
) -> None:
    """At a write of the store three times out of four, else at any moment; some twice."""
    counts = _killed_and_continued(50_000 + chunk * 10_000, repetitions(52, 1_050))
    report_figure(FIGURE, **counts)


@pytest.mark.timeout(4 * 3_600)  # at the nightly figure
@pytest.mark.parametrize("chunk", range(SERVER_CHUNKS))
def test_a_killed_process_is_continued_by_the_next_on_a_server(
    chunk: int,
    postgres_schemas: Callable[[], str],
    repetitions: Callable[[int, int], int],
    report_figure: Callable[..., None],
) -> None:
    """The same; what the dead one had sent is still carried out while the next begins."""
    wanted = repetitions(20, 5_300)
    counts = _killed_and_continued(250_000 + chunk * 10_000, wanted, postgres_schemas)
    report_figure(FIGURE, **counts)


def _killed_and_continued(
    first_seed: int, wanted: int, new_url: Callable[[], str] | None = None
) -> dict[str, int]:
    """The figure's counts; fails with the first that went wrong."""
    killed = rerun = graphs = 0
    wrong: list[str] = []
    with Server() as server, quick_folder() as folder:
        while killed < wanted and not wrong:
            seed = first_seed + graphs
            doomed = Doomed(server, seed, folder, new_url)
            writes = doomed.begin()
            drawn = random.Random(seed)
            for _ in range(PER_SEED):
                doomed.run(*(_kill(drawn, writes) for _ in range(drawn.choice((1, 1, 1, 2)))))
            killed, rerun, graphs = killed + doomed.killed, rerun + doomed.rerun, graphs + 1
            wrong += doomed.wrong
    assert not wrong, "\n".join(wrong[:5])
    return {"graphs": graphs, "killed": killed, "wrong": len(wrong), "rerun": rerun}


def _kill(drawn: random.Random, writes: list[str]) -> Kill:
    if drawn.random() < 0.25:
        return Kill(seconds=drawn.uniform(0, 0.03))
    at, verb = drawn.choice(list(enumerate(writes)))
    return Kill(at, drawn.random() < 0.5, verb)
