"""What the tasks of a graph ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sayiir.dsl.callables import plain_spec
from sayiir.dsl.class_call import resources_of
from sayiir.dsl.nodes import Delay
from sayiir.engine.executing import OWN_PLACES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sayiir.dsl.spec import TaskSpec
    from sayiir.engine.position import Place

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


def needs_of(places: Iterable[Place]) -> tuple[Need, ...]:
    """The resources that the tasks of a graph ask for, each task once, in definition order."""
    needs: list[Need] = []
    seen: set[TaskSpec] = set()
    for place in places:
        spec = place.task
        if spec is None and isinstance(place.node, Delay) and callable(place.node.until):
            spec = plain_spec(place.node.until, "delay(until=)")
        if spec is None or spec in seen:
            continue
        seen.add(spec)
        elsewhere = spec.run_in not in OWN_PLACES
        needs.extend(Need(spec.name, place.node_path, key, elsewhere) for key in resources_of(spec))
    return tuple(needs)
