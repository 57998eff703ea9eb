"""A whole cluster in one seeded loop: whatever befalls it, no invariant is broken.

Up to four workers, people with a client, the store and its clock. Processes die, stand still
past their leases, lose their line to the store or an answer on its way; the clock jumps both
ways; wake-ups are lost, or come for nothing; people submit, send, cancel, pause, unpause, retry,
delete and replace at random moments. After each operation all invariants are evaluated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sim.cluster import INVARIANTS, simulate

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNKS = 10


@pytest.mark.timeout(6 * 3_600)  # at the nightly figure
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_invariant_is_broken(
    chunk: int, repetitions: Callable[[int, int], int], report_figure: Callable[..., None]
) -> None:
    """A failing seed is told with the line that plays it again and prints its trace."""
    seeds = repetitions(100, 20_000)
    operations = evaluated = 0
    broken: list[str] = []
    for seed in range(chunk * seeds, (chunk + 1) * seeds):
        played = simulate(seed)
        operations += len(played.operations)
        evaluated += played.evaluated
        if played.violation is not None:
            broken.append(str(played))
    report_figure(
        "{seeds:,} clusters, {operations:,} operations, "
        + f"{len(INVARIANTS)} invariants: "
        + "{broken} broken",
        seeds=seeds,
        operations=operations,
        broken=len(broken),
    )
    assert not broken, f"{len(broken)} seeds:\n" + "\n".join(broken[:5])


def test_there_are_enough_invariants() -> None:
    """Each has a name and says what it holds."""
    assert len(INVARIANTS) >= 12
    assert all(INVARIANTS.values())


@pytest.mark.parametrize("seed", [4, 27, 101])
def test_a_seed_plays_the_same_again(seed: int) -> None:
    """To the last operation, so that a failure can be looked at."""
    once, again = simulate(seed), simulate(seed)
    assert len(once.operations) > 10
    assert once.trace() == again.trace()


def test_all_kinds_of_trouble_happen() -> None:
    """What the simulation promises to do to a cluster, it does."""
    happened = "\n".join(text for seed in range(0, 120, 3) for _, text in simulate(seed).happened)
    for trouble in (
        "is killed",
        "stands still",
        "goes on",
        "the clock jumps by +",
        "the clock jumps by -",
        "can't reach the store",
        "is cut off",
        "no wake-up reaches",
        "woken for nothing",
        "is told to go",
    ):
        assert trouble in happened, trouble
