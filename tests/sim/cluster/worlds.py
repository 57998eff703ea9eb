"""What a simulation has beyond one definition, workers that take everything, and no end of time.

Every other graph is played in a plain world, so that half of the seeds play as they did before
there were others; what a world adds is drawn from streams of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, Final, TypeVar

import sayiir
from sayiir.limits import SPAWN_BATCH_ITEMS
from tests.sim.flows import Size
from tests.sim.tasks import MODULUS, TaskMaker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.sim.case import Case

__all__ = ["Able", "World", "size_in", "some", "versions_of", "world_of"]

T = TypeVar("T")
_TAGS: Final = ("gpu", "disk")


@dataclass(frozen=True, slots=True)
class World:
    """What is different in the simulations of a graph.

    Attributes:
        tags: what some tasks ask for, and only some workers have.
        versions: the workflow has a second version; some workers know one, some both.
        timeout_seconds: the workflow's own.
        priority: the workflow's own.
        batch: so many arms are spawned in one write.
        addressed: some events are sent to one wait.
        restless: people replace what runs, over and over.
    """

    tags: tuple[str, ...] = ()
    versions: bool = False
    timeout_seconds: float | None = None
    priority: int | None = None
    batch: int = SPAWN_BATCH_ITEMS
    addressed: bool = False
    restless: bool = False

    @property
    def divided(self) -> bool:
        """Not every worker can run everything."""
        return bool(self.tags) or self.versions


@dataclass(frozen=True, slots=True)
class Able:
    """What a worker has: definitions that it knows, by hash, and tags."""

    definitions: frozenset[str] = frozenset()
    tags: frozenset[str] = field(default_factory=frozenset[str])

    def may_have(self, definition_hash: str, tags: tuple[str, ...]) -> bool:
        """Whether work of this definition that asks for these tags is for this worker."""
        return definition_hash in self.definitions and self.tags.issuperset(tags)


def world_of(graph: int) -> World:
    """The world that a graph is played in."""
    if graph % 2 == 0:
        return World()
    random = Random(f"world {graph}")
    tagged = random.random() < 0.4
    timed = random.random() < 0.3
    return World(
        tags=_TAGS if tagged else (),
        versions=random.random() < 0.35,
        timeout_seconds=random.choice((4.0, 12.0, 30.0, 90.0)) if timed else None,
        priority=random.choice((None, 1, 5)),
        batch=random.choice((1, 2, 2)) if random.random() < 0.4 else SPAWN_BATCH_ITEMS,
        addressed=random.random() < 0.5,
        restless=random.random() < 0.3,
    )


def size_in(world: World, plain: Size) -> Size:
    """How large the flows of a world are."""
    return Size(
        least=plain.least,
        most=plain.most,
        depth=plain.depth,
        hasty=plain.hasty,
        tags=world.tags,
        wide=world.batch < SPAWN_BATCH_ITEMS,
    )


def versions_of(case: Case, world: World) -> list[Any]:
    """The workflow as this world has it; its second version does something more at both ends."""
    options: dict[str, Any] = {"timeout": world.timeout_seconds, "priority": world.priority}
    name = case.workflow.name
    versions: list[Any] = [sayiir.workflow(name, case.flow, **options)]
    if world.versions:
        maker = TaskMaker(Random(f"versions {case.seed}"), case)
        before = maker.made("before", lambda n: (n * 3 + 1) % MODULUS)
        after = maker.made("after", lambda n: (n * 5 + 2) % MODULUS)
        versions.append(sayiir.workflow(name, before >> case.flow >> after, version="2", **options))
    return versions


def some(random: Random, of: Sequence[T], *, least: int = 0) -> list[T]:
    """Some of them, in their order; nothing is drawn where there is no choice."""
    if len(of) <= least:
        return list(of)
    chosen = set(random.sample(range(len(of)), random.randint(least, len(of))))
    return [each for at, each in enumerate(of) if at in chosen]
