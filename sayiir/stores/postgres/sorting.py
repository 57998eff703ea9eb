"""Which way each checkpoint of a batch goes: one of the quick ones, or the long one.

Nine of ten checkpoints move an item on that keeps its lease; most others end a root or an arm, or
spawn arms. Each of these kinds is one statement. A run of which any checkpoint needs the long way
goes there with all of its own, and so does what meets the same item twice: each sees what those
before it wrote.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sayiir.stores.postgres.ends import ArmEnd
from sayiir.stores.postgres.spawning import can_spawn
from sayiir.stores.records import Checkpoint, End, Move, Spawn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.stores.postgres.queues import Queues
    from sayiir.stores.postgres.quick import Step

__all__ = ["Ways", "sort_out"]

_NO_RESULT = (None,) * 6


@dataclass(slots=True)
class Ways:
    """A batch by the ways that its checkpoints go.

    Attributes:
        steps: moves and ends of roots, in the order of locks.
        prunes: of these: the place in the batch, the run, and the range of paths.
        ends: ends of arms, in the order of locks.
        spawns: the places of those that create arms.
        slow: the places of all others, in order.
    """

    steps: list[Step] = field(default_factory=list["Step"])
    prunes: list[tuple[int, int, str, str]] = field(default_factory=list[tuple[int, int, str, str]])
    ends: list[ArmEnd] = field(default_factory=list[ArmEnd])
    spawns: list[int] = field(default_factory=list[int])
    slow: list[int] = field(default_factory=list[int])

    @property
    def kinds(self) -> int:
        """How many statements the quick ones are."""
        return bool(self.steps) + bool(self.ends) + len(self.spawns)


def sort_out(checkpoints: Sequence[Checkpoint], queues: Queues) -> Ways:
    """Decide for each of a batch."""
    ways = Ways()
    slow: set[int] = set()
    roots: list[Step] = []
    arms: list[Step] = []
    taken: set[tuple[int, str, int]] = set()
    seen: set[int] = set()
    ended: set[int] = set()
    of_run = queues.of_run
    for at, checkpoint in enumerate(checkpoints):
        fence, effect, result = checkpoint.fence, checkpoint.effect, checkpoint.result
        run, item = fence.run, fence.item
        spawn_path, index = item.spawn_path, item.index
        place = (run, spawn_path, index)
        if place in taken or run in ended:
            slow.add(run)
            continue
        taken.add(place)
        told = _NO_RESULT if result is None else (
            result.path, result.node_path, result.ordinal, result.attempts, result.duration_us,
            result.output,
        )  # fmt: skip
        kind = type(effect)
        if kind is Move:
            assert isinstance(effect, Move)
            queue = of_run(run, effect.tags)
            if queue is None or effect.hand_over or _prunes_itself(checkpoint):
                slow.add(run)
            else:
                (arms if spawn_path else roots).append(
                    (
                        run, spawn_path, index, fence.epoch, effect.path, effect.input,
                        effect.priority, queue, *told, at,
                    )
                )  # fmt: skip
                for low in checkpoint.prune:
                    ways.prunes.append((at, run, low, low[:-1] + "0"))  # "0" is what follows "/"
        elif kind is End and not checkpoint.prune:
            assert isinstance(effect, End)
            if spawn_path and queues.ends_slowly(run, spawn_path):
                slow.add(run)
            elif spawn_path:
                ways.ends.append(
                    ArmEnd(run, spawn_path, index, fence.epoch, at, effect.output, *told)
                )
            elif run in seen:
                slow.add(run)
            else:
                ended.add(run)
                roots.append((run, "", 0, fence.epoch, None, effect.output, None, 0, *told, at))
        elif kind is Spawn and can_spawn(checkpoint, queues):
            ways.spawns.append(at)
        elif kind is Spawn:
            assert isinstance(effect, Spawn)
            slow.add(run)
            if effect.limit is not None:
                queues.note_slow_ends(run, effect.path)  # each of which readies another arm
        else:
            slow.add(run)
        seen.add(run)
    roots.sort()
    arms.sort()
    ways.steps = roots + arms
    ways.ends.sort(key=_lock_order)
    if slow:
        _take_out(ways, checkpoints, slow)
    return ways


def _prunes_itself(checkpoint: Checkpoint) -> bool:
    result = checkpoint.result
    return result is not None and any(result.path.startswith(low) for low in checkpoint.prune)


def _lock_order(end: ArmEnd) -> tuple[int, str, int]:
    return end[:3]


def _take_out(ways: Ways, checkpoints: Sequence[Checkpoint], runs: set[int]) -> None:
    """Send all of these runs the long way."""
    ways.slow = [at for at, each in enumerate(checkpoints) if each.fence.run in runs]
    ways.steps = [step for step in ways.steps if step[0] not in runs]
    ways.prunes = [prune for prune in ways.prunes if prune[1] not in runs]
    ways.ends = [end for end in ways.ends if end.run not in runs]
    ways.spawns = [at for at in ways.spawns if checkpoints[at].fence.run not in runs]
