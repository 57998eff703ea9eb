"""A whole cluster in one seeded loop: whatever befalls it, no invariant is broken.

Up to four workers, people with a client, the store and its clock. Processes die, stand still
past their leases, lose their line to the store or an answer on its way; the clock jumps both
ways; wake-ups are lost, or come for nothing; people submit, send, cancel, pause, unpause, retry,
delete and replace at random moments. After each operation all invariants are evaluated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sayiir.stores.records import Spawn
from tests.sim.cluster import INVARIANTS, simulate
from tests.sim.cluster.play import SEEDS_PER_GRAPH
from tests.sim.cluster.rights import times_out
from tests.sim.cluster.worlds import world_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.sim.cluster.operations import Operation
    from tests.sim.cluster.worlds import World

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


@pytest.mark.parametrize("seed", [706, 1149, 1957, 2183, 2339, 2996, 102429, 104177])
def test_what_was_wrong_once_is_right(seed: int) -> None:
    """Seeds at which the engine, a store or the judge was mended."""
    assert simulate(seed).violation is None


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


def _operations(trait: Callable[[World], object], graphs: int = 5) -> Iterator[Operation]:
    """Of the seeds of the first graphs whose world is like that."""
    with_it = [graph for graph in range(400) if trait(world_of(graph))]
    for graph in with_it[:graphs]:
        for seed in range(graph * SEEDS_PER_GRAPH, (graph + 1) * SEEDS_PER_GRAPH):
            yield from (each for each in simulate(seed).operations if each.error is None)


def test_all_worlds_are_played() -> None:
    """What a world is to add to a simulation is met there."""
    timed = _operations(lambda world: world.timeout_seconds is not None)
    commits = [each for each in timed if each.verb == "commit"]
    assert any(times_out(checkpoint) for each in commits for checkpoint in each.args[0])

    creations = [
        each for each in _operations(lambda world: world.versions) if each.verb == "create"
    ]
    assert len({each.args[0].definition_hash for each in creations}) > 2
    taken = [each for each in creations if each.answer.existing is not None]
    assert any(
        each.answer.existing.definition_hash != each.args[0].definition_hash for each in taken
    )

    claims = [each for each in _operations(lambda world: world.tags) if each.verb == "claim"]
    assert len({each.args[0].tags for each in claims}) > 2

    in_batches = _operations(lambda world: world.batch < 3)
    effects = [
        checkpoint.effect
        for each in in_batches
        if each.verb == "commit"
        for checkpoint in each.args[0]
    ]
    later = [each for each in effects if isinstance(each, Spawn) and each.items]
    assert any(each.items[0].index for each in later)

    addressed = _operations(lambda world: world.addressed)
    assert any(each.verb == "send_event" and each.kwargs["path"] for each in addressed)

    restless = _operations(lambda world: world.restless)
    assert sum(each.verb == "create" and each.kwargs["replace"] for each in restless) > 5
