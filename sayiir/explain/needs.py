"""What whoever runs a workflow must have: tags, executors, resources; and what it waits for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sayiir.dsl.annotations import described
from sayiir.dsl.class_call import resources_of
from sayiir.dsl.nodes import AwaitSignal, Branch, TaskNode
from sayiir.dsl.walk import walk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sayiir.dsl.definition import Definition
    from sayiir.dsl.spec import TaskSpec

__all__ = ["Needs", "needs_of", "task_places"]

_OURS: Final = frozenset({"loop", "thread"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a workflow asks of its surroundings.

    Attributes:
        tags: tags that some worker must have: each with the node paths that ask for it; an empty
            path stands for the whole workflow.
        executors: names that ``run_in`` asks for, each with its node paths; ``"process"`` is
            there without being given.
        resources: types that ``resources=`` must have, each with its node paths.
        signals: names of the signals that it waits for, each with its node paths.
    """

    tags: dict[str, tuple[str, ...]]
    executors: dict[str, tuple[str, ...]]
    resources: dict[str, tuple[str, ...]]
    signals: dict[str, tuple[str, ...]]


def task_places(definition: Definition) -> Iterator[tuple[str, TaskSpec]]:
    """Each task, and each branch's key at the branch's path, in the order of the graph."""
    for path, node in walk(definition.root):
        if isinstance(node, TaskNode):
            yield path, node.task
        elif isinstance(node, Branch):
            yield path, node.key


def needs_of(definition: Definition) -> Needs:
    """What a definition needs."""
    found: dict[str, dict[str, list[str]]] = {}

    def add(kind: str, name: str, path: str) -> None:
        found.setdefault(kind, {}).setdefault(name, []).append(path)

    for tag in definition.tags:
        add("tags", tag, "")
    for path, task in task_places(definition):
        for tag in task.tags:
            add("tags", tag, path)
        if task.run_in not in _OURS:
            add("executors", task.run_in, path)
        for resource in resources_of(task):
            add("resources", described(resource), path)
    for path, node in walk(definition.root):
        if isinstance(node, AwaitSignal):
            add("signals", node.signal_name, path)

    def gathered(kind: str) -> dict[str, tuple[str, ...]]:
        return {name: tuple(dict.fromkeys(paths)) for name, paths in found.get(kind, {}).items()}

    return Needs(
        tags=gathered("tags"),
        executors=gathered("executors"),
        resources=gathered("resources"),
        signals=gathered("signals"),
    )
