"""Which way each checkpoint of a batch goes: one of the quick ones, or the long one.

Nine of ten checkpoints move an item on that keeps its lease; most others end a root or an arm, or
spawn arms. Each of these kinds is one statement. A run of which any checkpoint needs the long way
goes there with all of its own, and so does what meets the same item twice: each sees what those
before it wrote.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sayiir.stores.postgres.ends import ArmEnd
from sayiir.stores.postgres.spawning import can_spawn
from sayiir.stores.records import Checkpoint, End, Move, Spawn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.stores.postgres.queues import Queues
    from sayiir.stores.postgres.quick import Step
    from sayiir.stores.records import Result

__all__ = ["Ways", "lone_step", "sort_out"]

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
    plain = _moves_of_roots(checkpoints, queues)
    if plain is not None:
        return Ways(steps=plain)
    ways, slow = Ways(), set[int]()
    roots, arms = list["Step"](), list["Step"]()
    taken, seen, ended = set[tuple[int, str, int]](), set[int](), set[int]()
    for at, checkpoint in enumerate(checkpoints):
        fence, effect = checkpoint.fence, checkpoint.effect
        run, spawn_path, index = fence.run, fence.item.spawn_path, fence.item.index
        place = (run, spawn_path, index)
        kind = type(effect)
        ends_root = kind is End and not spawn_path
        if place in taken or run in ended or (ends_root and run in seen):
            slow.add(run)
        elif kind is Move:
            step = _move(checkpoint, queues, at)
            if step is None:
                slow.add(run)
            else:
                (arms if spawn_path else roots).append(step)
                for low in checkpoint.prune:
                    ways.prunes.append((at, run, low, low[:-1] + "0"))  # "0" is what follows "/"
        elif ends_root and not checkpoint.prune:
            ended.add(run)
            roots.append(_end(checkpoint, at))
        elif not _add_arms(ways, checkpoint, queues, at):
            slow.add(run)
        taken.add(place)
        seen.add(run)
    roots.sort()
    arms.sort()
    ways.steps = roots + arms
    ways.ends.sort(key=_lock_order)
    if slow:
        _take_out(ways, checkpoints, slow)
    return ways


def _moves_of_roots(checkpoints: Sequence[Checkpoint], queues: Queues) -> list[Step] | None:
    """The batch, if all that it does is to move roots on, each of them once: most batches do."""
    steps: list[Step] = []
    for at, (fence, effect, result, prune) in enumerate(checkpoints):
        if type(effect) is not Move or result is None or prune or fence.item.spawn_path:
            return None
        path, position, priority, tags, hand_over = effect
        queue = queues.of_run(fence.run, tags)
        if queue is None or hand_over:
            return None
        result_path, node_path, ordinal, output, attempts, duration_us = result
        steps.append((
            fence.run, "", 0, fence.epoch, path, position, priority, queue,
            result_path, node_path, ordinal, attempts, duration_us, output, at,
        ))  # fmt: skip
    steps.sort()
    return steps if len({step[0] for step in steps}) == len(steps) else None


def lone_step(checkpoint: Checkpoint, queues: Queues) -> Step | None:
    """The step of a batch of one, if it is one and prunes nothing."""
    kind = type(checkpoint.effect)
    if checkpoint.prune:
        return None
    if kind is Move:
        return _move(checkpoint, queues, 0)
    if kind is End and not checkpoint.fence.item.spawn_path:
        return _end(checkpoint, 0)
    return None


def _told(result: Result | None) -> tuple[Any, ...]:
    if result is None:
        return _NO_RESULT
    path, node_path, ordinal, output, attempts, duration_us = result
    return (path, node_path, ordinal, attempts, duration_us, output)


def _move(checkpoint: Checkpoint, queues: Queues, at: int) -> Step | None:
    """The step, if it is quick."""
    fence, effect, result, prune = checkpoint
    assert isinstance(effect, Move)
    path, position, priority, tags, hand_over = effect
    queue = queues.of_run(fence.run, tags)
    if queue is None or hand_over or (prune and _prunes_itself(checkpoint)):
        return None
    item = fence.item
    return (
        fence.run, item.spawn_path, item.index, fence.epoch, path, position,
        priority, queue, *_told(result), at,
    )  # fmt: skip


def _end(checkpoint: Checkpoint, at: int) -> Step:
    """A root's end as a step."""
    effect, fence = checkpoint.effect, checkpoint.fence
    assert isinstance(effect, End)
    told = _told(checkpoint.result)
    return (fence.run, "", 0, fence.epoch, None, effect.output, None, 0, *told, at)


def _add_arms(ways: Ways, checkpoint: Checkpoint, queues: Queues, at: int) -> bool:
    """Add what ends an arm or spawns some, if it is quick."""
    effect, fence, item = checkpoint.effect, checkpoint.fence, checkpoint.fence.item
    if isinstance(effect, Spawn):
        if can_spawn(checkpoint, queues):
            ways.spawns.append(at)
            return True
        if effect.limit is not None:
            queues.note_slow_ends(fence.run, effect.path)  # each of which readies another arm
        return False
    if not isinstance(effect, End) or checkpoint.prune:
        return False
    if queues.ends_slowly(fence.run, item.spawn_path):
        return False
    told = _told(checkpoint.result)
    ways.ends.append(
        ArmEnd(fence.run, item.spawn_path, item.index, fence.epoch, at, effect.output, *told)
    )
    return True


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
