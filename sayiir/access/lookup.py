"""Which of a task's results is meant, where a task ran more than once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING

from sayiir.dsl.nodes import Branch, Loop, Map, TaskNode
from sayiir.engine.position import locate_frame
from sayiir.engine.refs import InputRef
from sayiir.errors import StoreError
from sayiir.stores.records import Latest, Wanted

if TYPE_CHECKING:
    from sayiir.engine.position import Frame
    from sayiir.engine.program import Program
    from sayiir.stores.protocols import Store
    from sayiir.stores.records import InstanceRecord

__all__ = ["newest_result", "node_paths_of_task"]


def node_paths_of_task(program: Program, task_name: str) -> list[str]:
    """Where the task stands in the definition, in definition order."""
    return [
        node_path
        for node_path, place in program.places.items()
        if (isinstance(place.node, TaskNode) and place.node.task.name == task_name)
        or (isinstance(place.node, Branch) and place.node.key.name == task_name)
    ]


@dataclass(frozen=True, slots=True, order=True)
class _Rank:
    """The highest iteration, then the last in definition order, then the highest item."""

    iterations: tuple[int, ...]
    definition_order: int
    items: tuple[int, ...]


async def newest_result(
    store: Store, record: InstanceRecord, program: Program, node_paths: list[str]
) -> tuple[str, bytes] | None:
    """Path and bytes of the result that stands for a task, or None if it never finished."""
    found: list[tuple[_Rank, str, bytes]] = []
    for order, node_path in enumerate(node_paths):
        newest = await _newest_at(store, record, program, node_path)
        if newest is not None:
            iterations, items = _numbers(program, newest[0])
            found.append((_Rank(iterations, order, items), *newest))
    if not found:
        return None
    _, path, data = max(found, key=lambda entry: entry[0])
    return path, data


async def _newest_at(
    store: Store, record: InstanceRecord, program: Program, node_path: str
) -> tuple[str, bytes] | None:
    latest = Latest((node_path,))
    (loaded,) = await store.load([Wanted(run=record.run, latest=(latest,))])
    newest = loaded.latest.get(latest)
    if newest is None or not _loop_within_map(_frame(program, newest[0])):
        return newest
    # Here the index's order (outermost number first) is not the order that is asked for.
    results = [
        (entry.path, entry.output)
        for entry in await store.results(record.instance_id)
        if entry.node_path == node_path and entry.output is not None
    ]
    return max(results, key=lambda entry: _numbers(program, entry[0]))


def _frame(program: Program, path: str) -> Frame:
    try:
        return locate_frame(program.places, path, repeat(InputRef()))[1]
    except (LookupError, ValueError, OverflowError) as error:
        raise StoreError(
            f"workflow {program.definition.name!r} has no path {path!r}: a stored result is damaged"
        ) from error


def _loop_within_map(frame: Frame) -> bool:
    kinds = [type(outer.place.node) for outer in frame.outwards() if outer.place is not None]
    kinds.reverse()
    return Map in kinds and Loop in kinds[kinds.index(Map) :]


def _numbers(program: Program, path: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The iterations and the map indexes of a path, outermost first."""
    frames = [f for f in _frame(program, path).outwards() if f.place is not None]
    frames.reverse()
    iterations = (f.number for f in frames if f.place and isinstance(f.place.node, Loop))
    items = (f.number for f in frames if f.place and isinstance(f.place.node, Map))
    return tuple(iterations), tuple(items)
