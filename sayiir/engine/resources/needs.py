"""What the tasks of a graph ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sayiir.dsl.callables import plain_spec
from sayiir.dsl.class_call import ClassCall
from sayiir.dsl.nodes import Branch, Delay, TaskNode
from sayiir.dsl.spec import Injection
from sayiir.dsl.walk import walk
from sayiir.engine.executing import OWN_PLACES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sayiir.dsl.nodes import Node, NodeSequence
    from sayiir.dsl.spec import TaskSpec

__all__ = ["Need", "needs_of"]


@dataclass(frozen=True, slots=True)
class Need:
    """One task's wish for a resource.

    Attributes:
        task: name of the task.
        path: node path of the first place where it stands.
        key: the type that it asks for.
        elsewhere: it runs in another process, which has to make the resource itself.
    """

    task: str
    path: str
    key: Any
    elsewhere: bool = False


def needs_of(root: NodeSequence) -> tuple[Need, ...]:
    """The resources that the tasks of a graph ask for, each task once, in definition order."""
    needs: list[Need] = []
    seen: set[TaskSpec] = set()
    for path, node in walk(root):
        spec = _called(node)
        if spec is None or spec in seen:
            continue
        seen.add(spec)
        elsewhere = spec.run_in not in OWN_PLACES
        needs.extend(Need(spec.name, path, key, elsewhere) for key in _keys(spec))
    return tuple(needs)


def _called(node: Node) -> TaskSpec | None:
    match node:
        case TaskNode(task=spec) | Branch(key=spec):
            return spec
        case Delay(until=until) if callable(until):
            return plain_spec(until, "delay(until=)")
        case _:
            return None


def _keys(spec: TaskSpec) -> Iterator[Any]:
    for injected in spec.signature.injected:
        if injected.source is Injection.RESOURCE:
            yield injected.annotation
    if isinstance(spec.function, ClassCall):
        yield from spec.function.needs.values()
