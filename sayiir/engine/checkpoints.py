"""From the engine's steps to the records that stores keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sayiir.dsl.nodes import Loop
from sayiir.engine.failures import failure_to_bytes
from sayiir.engine.position import Position
from sayiir.engine.refs import ref_to_text
from sayiir.engine.transitions import (
    AwaitEvent,
    EndStrand,
    FailStrand,
    ParkUntil,
    SpawnArms,
)
from sayiir.engine.work import RetryLater
from sayiir.stores.records import (
    Await,
    Checkpoint,
    End,
    Fail,
    Move,
    NewItem,
    Park,
    Result,
    Retry,
    Spawn,
)

if TYPE_CHECKING:
    from sayiir.dsl.spec import TaskSpec
    from sayiir.engine.program import Program
    from sayiir.engine.transitions import Returned
    from sayiir.engine.work import Step, Work
    from sayiir.stores.records import Effect

__all__ = ["checkpoint_of", "move_of", "move_to", "next_tags", "tags_after"]


def checkpoint_of(work: Work, step: Step) -> Checkpoint:
    """The step as one atomic write."""
    return Checkpoint(work.fence, _effect(work, step), _result(step.computed), step.prune)


def move_of(
    work: Work,
    position: Position,
    computed: Returned | None,
    prune: tuple[str, ...],
    hand_over: bool,
) -> Checkpoint:
    """The same where the strand goes on at the position, which is most steps by far."""
    effect = move_to(work.program, position, hand_over)
    return Checkpoint(work.fence, effect, _result(computed), prune)


def next_tags(program: Program, position: Position) -> tuple[str, ...]:
    """What the task that runs next at a position asks of a worker; sorted."""
    return program.tags_of(position.place.first_task) if program.tagged else ()


def tags_after(program: Program, position: Position) -> tuple[str, ...]:
    """The same for when the node at the position is done: a timer, a wait, a join."""
    return program.tags_of(_task_after(position)) if program.tagged else ()


def _priority(task: TaskSpec | None) -> int | None:
    return None if task is None else task.priority


def _task_after(position: Position) -> TaskSpec | None:
    """The task that runs when the node at the position is done.

    At the end of a loop's body nobody knows yet whether it goes round again.
    """
    place, frame = position.place, position.frame
    while place.following is None:
        entered = frame.place
        if entered is None or frame.above is None or frame.strand or isinstance(entered.node, Loop):
            return None
        place, frame = entered, frame.above
    return place.following.first_task


def _result(computed: Returned | None) -> Result | None:
    if computed is None:
        return None
    position = computed.position
    return Result(
        computed.ref.path,
        position.place.node_path,
        position.frame.ordinal,
        computed.payload.stored,
        computed.attempts,
        computed.duration_us,
    )


def _effect(work: Work, step: Step) -> Effect:
    program, following = work.program, step.following
    match following:
        case Position():
            return move_to(program, following)
        case EndStrand(output=output):
            return End(output=ref_to_text(output), keep=step.keep > 0)
        case ParkUntil(position=position, seconds=seconds, at=at):
            return Park(
                path=position.path,
                input=program.input_text(position),
                wait_us=None if at is not None else _us(seconds or 0.0),
                at_us=None if at is None else _us(at.timestamp()),
                priority=_priority(_task_after(position)),
                tags=tags_after(program, position),
            )
        case AwaitEvent(position=position, signal_name=name, timeout_seconds=timeout):
            return Await(
                path=position.path,
                input=program.input_text(position),
                signal_name=name,
                timeout_us=None if timeout is None else _us(timeout),
                priority=_priority(_task_after(position)),
                tags=tags_after(program, position),
            )
        case SpawnArms():
            return _spawn(program, step, following)
        case FailStrand(scope=scope, at=at):
            return Fail(
                error=b"" if step.failure is None else failure_to_bytes(step.failure),
                scope=scope,
                at=None if at is None else move_to(program, at),
                keep=step.keep > 0,
            )
        case RetryLater(position=position):
            return Retry(
                error=failure_to_bytes(following.failure),
                wait_us=_us(following.wait_seconds),
                in_place=following.in_place,
                at=None if position is work.position else move_to(program, position),
            )


def move_to(program: Program, position: Position, hand_over: bool = False) -> Move:
    """The position as a strand's next one."""
    task = position.place.first_task
    return Move(
        position.frame.prefix + position.place.node_id,
        program.input_text(position),
        None if task is None else task.priority,
        program.tags_of(task) if program.tagged else (),
        hand_over,
    )


def _spawn(program: Program, step: Step, spawn: SpawnArms) -> Spawn:
    return Spawn(
        path=spawn.position.path,
        input=program.input_text(spawn.position),
        items=_new_items(program, step),
        total=spawn.count,
        limit=spawn.limit,
        keep=step.keep,
        priority=_priority(_task_after(spawn.position)),
        tags=tags_after(program, spawn.position),
    )


def _new_items(program: Program, step: Step) -> tuple[NewItem, ...]:
    """The arms: those of a fork have their input in common, those of a map all but that."""
    starts, elements = step.starts, step.elements
    if not starts:
        return ()
    first, tagged = starts[0], program.tagged
    if elements is not None:
        priority, tags = _priority(first.place.first_task), next_tags(program, first)
        return tuple([
            NewItem(
                index=index, path=start.path, input=program.input_text(start),
                element=elements[index].stored, priority=priority, tags=tags,
            )
            for index, start in enumerate(starts, step.first)
        ])  # fmt: skip
    text = program.input_text(first)
    return tuple([
        NewItem(
            index=index, path=start.path, input=text,
            priority=_priority(start.place.first_task),
            tags=next_tags(program, start) if tagged else (),
        )
        for index, start in enumerate(starts, step.first)
    ])  # fmt: skip


def _us(seconds: float) -> int:
    return round(seconds * 1_000_000)
