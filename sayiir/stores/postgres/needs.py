"""Which rows a verb needs, told before it runs: they are locked and loaded for it at once.

The first guess is made from the checkpoints or the verb. Where a verb meets something that
makes it need more (a cancelled instance, an arm that was spawned before), the working set
raises ``Missing``: the transaction is rolled back and begun again with the wider needs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from sayiir.stores.records import Await, End, Fail, Park, Retry, Spawn

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sayiir.stores.records import Checkpoint, Fence, ItemKey

__all__ = ["Kept", "Missing", "Needs", "Place", "SpawnPlace", "Strand", "needs_of", "place_of"]

Place: TypeAlias = tuple[int, str, int]
"""Run, spawn path and index of an item."""
SpawnPlace: TypeAlias = tuple[int, str]
"""A run and a spawn path."""
Strand: TypeAlias = tuple[int, str]
"""A run, and how the spawn paths of all items below one of its items begin; ends in ``/``."""
Kept: TypeAlias = tuple[int, str, str]
"""Run, signal and address of kept events."""


def place_of(fence: Fence) -> Place:
    """The item that a fence is for."""
    return (fence.run, fence.item.spawn_path, fence.item.index)


@dataclass(slots=True)
class Needs:
    """Rows to lock, and rows to read below those locks.

    Attributes:
        items: locked and loaded.
        parents_of: items whose parents are, too; they are among ``items``.
        whole: runs of which all open items are, the root before all others.
        below: strands of which all open items are, after the run's root.
        held: how many of the lowest HELD items of a spawn path.
        kept: how many of the oldest events that no wait has had.
        longest: runs and signals: the item that has waited longest.
        waiting: runs, signals and paths: an item that waits there.
        payloads: numbers of events whose payload is read.
        runs: whose instances are read; those of all items are anyway.
        queues: definitions and tags whose queues have to exist.
        event_numbers: how many new events get their numbers.
    """

    items: set[Place] = field(default_factory=set[Place])
    parents_of: set[Place] = field(default_factory=set[Place])
    whole: set[int] = field(default_factory=set[int])
    below: set[Strand] = field(default_factory=set[Strand])
    held: dict[SpawnPlace, int] = field(default_factory=dict[SpawnPlace, int])
    kept: dict[Kept, int] = field(default_factory=dict[Kept, int])
    longest: set[tuple[int, str]] = field(default_factory=set[tuple[int, str]])
    waiting: set[Kept] = field(default_factory=set[Kept])
    payloads: set[int] = field(default_factory=set[int])
    runs: set[int] = field(default_factory=set[int])
    queues: set[tuple[int, tuple[str, ...]]] = field(
        default_factory=set[tuple[int, tuple[str, ...]]]
    )
    event_numbers: int = 0

    def root(self, run: int) -> None:
        """Lock the run's root."""
        self.items.add((run, "", 0))

    def widen(self, more: Needs) -> None:
        """Add what turned out to be needed, too."""
        self.items |= more.items
        self.parents_of |= more.parents_of
        self.whole |= more.whole
        self.below |= more.below
        self.longest |= more.longest
        self.waiting |= more.waiting
        self.payloads |= more.payloads
        self.runs |= more.runs
        self.queues |= more.queues
        self.event_numbers += more.event_numbers
        for place, count in more.held.items():
            self.held[place] = self.held.get(place, 0) + count
        for kept, count in more.kept.items():
            self.kept[kept] = self.kept.get(kept, 0) + count


class Missing(Exception):
    """A verb needs more than was loaded for it."""

    def __init__(self, needs: Needs) -> None:
        super().__init__(f"more is needed: {needs}")
        self.needs = needs


def needs_of(checkpoints: Iterable[Checkpoint]) -> Needs:
    """What these checkpoints need where nothing unusual has happened to their items."""
    needs = Needs()
    for checkpoint in checkpoints:
        _add(needs, checkpoint)
    return needs


def _add(needs: Needs, checkpoint: Checkpoint) -> None:
    place = place_of(checkpoint.fence)
    run, spawn_path, _ = place
    needs.items.add(place)
    match checkpoint.effect:
        case End():
            if spawn_path:
                needs.parents_of.add(place)
            else:
                needs.whole.add(run)
        case Fail(scope=None):
            needs.whole.add(run)
        case Fail(scope=scope):
            assert scope is not None
            _add_collected(needs, run, scope)
        case Await(signal_name=name, path=path):
            needs.root(run)
            for address in ("", path):
                needs.kept[run, name, address] = needs.kept.get((run, name, address), 0) + 1
        case Spawn() | Park() | Retry():
            needs.root(run)
        case _:
            pass


def _add_collected(needs: Needs, run: int, scope: ItemKey) -> None:
    top = (run, scope.spawn_path, scope.index)
    needs.root(run)
    needs.items.add(top)
    needs.parents_of.add(top)
    needs.below.add((run, f"{scope.spawn_path}[{scope.index}]/"))
