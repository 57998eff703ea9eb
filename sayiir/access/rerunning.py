"""An instance started again from a node: what it keeps, checked before anything is stored.

Nothing is copied here. The new instance says in its root's position which run it takes earlier
results from (``engine/earlier.py``); the engine takes them one by one, each in the checkpoint that
stores it. Here the graph is gone over once with the results that are there, to see that they
lead to the node.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import repeat
from typing import TYPE_CHECKING, Any

from sayiir.access.connection import place_of
from sayiir.access.lookup import node_paths_of_task
from sayiir.access.submission import new_instance
from sayiir.dsl.common_part import changed_before
from sayiir.dsl.nodes import Loop
from sayiir.dsl.task import Task
from sayiir.engine.earlier import Earlier
from sayiir.engine.payloads import told_of
from sayiir.engine.position import Position, locate_frame
from sayiir.engine.refs import InputRef
from sayiir.engine.rehearsal import Rehearsal
from sayiir.errors import InstanceNotFound, RerunRefused
from sayiir.ids import check_instance_id
from sayiir.limits import MAX_RERUN_TEXT_CHARACTERS
from sayiir.stores.records import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sayiir.access.programs import Programs
    from sayiir.dsl.flow import Flow
    from sayiir.engine.program import Program
    from sayiir.stores.protocols import Store
    from sayiir.stores.records import InstanceRecord, NewInstance

__all__ = ["Rerun", "instance_again"]


@dataclass(frozen=True, slots=True)
class Rerun:
    """What to start again, and from where.

    Attributes:
        source_id: the earlier instance.
        start: path of the node, or a task that stands in one place.
    """

    source_id: str
    start: str | Flow[Any, Any]


async def instance_again(
    store: Store,
    programs: Programs,
    program: Program,
    again: Rerun,
    instance_id: str,
    *,
    priority: int | None,
    labels: Mapping[str, str] | None,
) -> NewInstance:
    """The instance to create.

    Raises:
        InvalidInstanceId: one of the ids isn't allowed.
        InstanceNotFound: there is no earlier instance.
        RerunRefused: the earlier results don't lead to the node.
        PayloadError: one of them, or the input, doesn't fit its type any more.
        TypeError, ValueError: ``start`` is neither a path of the workflow nor a task of it; or the
            labels aren't allowed.
    """
    source_id = check_instance_id(again.source_id)
    start = _start_path(program, again.start)
    record = await store.describe(source_id)
    if record is None:
        raise InstanceNotFound(source_id, place_of(store))
    await _check_definitions(programs, program, record, start)
    history = {
        entry.path: entry.output
        for entry in await store.results(source_id)
        if entry.output is not None
    }
    earlier = Earlier(record.run, start, {}, program.places)
    earlier = Earlier(
        record.run, start, _first_iterations(program, earlier, history), program.places
    )
    (loaded,) = await store.load([Wanted(run=record.run, input=True)])
    if loaded.input is None:
        raise InstanceNotFound(source_id, place_of(store))
    Rehearsal(program, earlier, history, loaded.input, source_id).check()
    with told_of(f"the input of instance {source_id!r}"):
        value = program.input_plan.decode(loaded.input)
    new = new_instance(program, instance_id, value, priority=priority, labels=labels)
    marked = earlier.marked(new.root_input)
    if len(marked) > MAX_RERUN_TEXT_CHARACTERS:
        raise RerunRefused(
            source_id, start, "too many loops before it have dropped their first iterations"
        )
    return replace(new, root_input=marked)


def _start_path(program: Program, start: object) -> str:
    """The path that was given, or that of the task."""
    name = program.definition.name
    if isinstance(start, Task):
        found = node_paths_of_task(program, start.spec.name)
        if len(found) != 1:
            where = f"stands at {', '.join(found)}: say which" if found else "isn't there"
            raise ValueError(f"start: task {start.spec.name!r} of workflow {name!r} {where}")
        return found[0]
    if not isinstance(start, str):
        raise TypeError(f"start is a path, as 'fork[0]/train', or a task, not {start!r}")
    try:
        Earlier(0, start, {}, program.places)
    except (LookupError, ValueError):
        raise ValueError(
            f"workflow {name!r} has no node at {start!r} to start from; workflow.nodes() lists them"
        ) from None
    return start


async def _check_definitions(
    programs: Programs, program: Program, record: InstanceRecord, start: str
) -> None:
    if record.definition_hash == program.definition.definition_hash:
        return
    stored = await programs.stored(record.definition_hash)
    changed = changed_before(stored.definition, program.definition, start)
    if changed:
        raise RerunRefused(
            record.instance_id,
            start,
            "it ran another definition before that node; what differs: " + ", ".join(changed),
            changed,
        )


def _first_iterations(program: Program, earlier: Earlier, paths: Iterable[str]) -> dict[str, int]:
    """Of loops before the start that keep their last iteration only: which one is the first."""
    lowest: dict[str, int] = {}
    for path in paths:
        try:
            _, frame = locate_frame(program.places, path, repeat(InputRef()))
        except (LookupError, ValueError, OverflowError):
            continue  # at a node that the new definition doesn't have
        for inside in frame.outwards():
            place, above = inside.place, inside.above
            if place is None or above is None or not isinstance(place.node, Loop):
                continue
            if earlier.keeps_iteration(Position(place, above, InputRef()), inside.number):
                loop_path = above.prefix + place.node.id
                lowest[loop_path] = min(inside.number, lowest.get(loop_path, inside.number))
    return {loop: number for loop, number in lowest.items() if number}
