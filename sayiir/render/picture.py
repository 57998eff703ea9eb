"""Pictures: of a definition, or of an instance with its states and times."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sayiir.dsl.walk import walk
from sayiir.render.details import node_detail
from sayiir.render.dot import dot_digraph
from sayiir.render.layout import laid_out
from sayiir.render.mermaid import mermaid_flowchart
from sayiir.render.states import states_of
from sayiir.render.svg import svg_text
from sayiir.render.telling import facts_and_error
from sayiir.render.words import clean, one_line, span_text
from sayiir.status import AwaitingSignal, Cancelled, Failed, Paused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sayiir.description import InstanceDescription
    from sayiir.dsl.definition import Definition
    from sayiir.dsl.nodes import Node
    from sayiir.render.states import GraphStates
    from sayiir.render.svg_style import Theme
    from sayiir.status import TaskResult, WorkflowStatus

__all__ = ["Picture", "instance_picture"]


@dataclass(frozen=True, slots=True)
class Picture:
    """A graph that can be drawn in several ways, all from the nodes that run.

    Attributes:
        definition: the graph.
        states: how each node of an instance stands; None: the picture is of the definition.
        heading: lines above the graph of an instance.
        at: the moment that it is of (aware).

    >>> from sayiir import task, workflow
    >>> @task
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> picture = Picture(workflow("twice", double >> double).definition)
    >>> picture.to_svg().startswith("<svg")
    True
    """

    definition: Definition
    states: GraphStates | None = None
    heading: tuple[str, ...] = ()
    at: datetime | None = None

    def to_svg(self, *, theme: Theme = "auto") -> str:
        """The picture as SVG.

        Args:
            theme: ``"light"``, ``"dark"``, or ``"auto"``, which follows the reader's system.

        Raises:
            ValueError: there is no such theme.
        """
        if self.states is not None:
            self.states.settle()
        block = laid_out(self.definition, self._told, self.heading, marks=self.states is not None)
        name = self.definition.name
        title = f"workflow {name}" if not self.heading else f"{self.heading[0]}, workflow {name}"
        return svg_text(
            block,
            title=title,
            description=self._in_words(),
            theme=theme,
            state_at=self._state_at,
        )

    def to_dot(self) -> str:
        """The picture in the language of Graphviz."""
        return dot_digraph(self.definition, self._settled())

    def to_mermaid(self) -> str:
        """The picture as a Mermaid flowchart."""
        return mermaid_flowchart(self.definition, self._settled())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows."""
        return {"image/svg+xml": self.to_svg(), "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"<Picture of {' '.join(self.heading[:1]) or self.definition.name}>"

    def _settled(self) -> GraphStates | None:
        if self.states is not None:
            self.states.settle()
        return self.states

    def _told(self, path: str, node: Node) -> tuple[str, ...]:
        detail = node_detail(node)
        if self.states is None:
            return (detail,) if detail else ()
        now = self.at or datetime.now(UTC)
        facts, error = facts_and_error(self.states.at(path), detail, now)
        return tuple(line for line in (", ".join(facts), error) if line)

    def _state_at(self, path: str) -> str:
        if self.states is None or not path:
            return ""
        return self.states.at(path).name

    def _in_words(self) -> str:
        """For those who can't see it: what there is, and what has come of it."""
        nodes = list(walk(self.definition.root))
        count = f"{len(nodes):,} node" + ("s" if len(nodes) != 1 else "")
        if self.states is None:
            names = [path for path, _ in nodes[:20]]
            more = ", …" if len(nodes) > len(names) else ""
            return f"{count}: {', '.join(names)}{more}"
        counts = Counter(self.states.at(path).name for path, _ in nodes)
        told = ", ".join(f"{number:,} {name}" for name, number in sorted(counts.items()))
        return f"{'; '.join(self.heading[1:])}; {count}: {told}"


def instance_picture(
    definition: Definition, seen: InstanceDescription, results: Iterable[TaskResult]
) -> Picture:
    """The picture of an instance.

    Args:
        definition: what it runs; read from the store, it needs nobody's code.
        seen: what ``client.describe`` gave.
        results: what ``client.task_results`` gave.
    """
    states = states_of(definition, seen, results)
    ended = seen.finished_at
    took = span_text((ended or seen.described_at) - seen.created_at)
    times = f"{seen.created_at:%Y-%m-%d %H:%M:%S} UTC, {'took' if ended else 'for'} {took}"
    version = f" {seen.workflow_version}" if seen.workflow_version else ""
    heading = (
        one_line(seen.instance_id),
        one_line(f"{seen.workflow_name}{version}: {_standing(seen.status)}"),
        times,
    )
    return Picture(definition, states, heading, seen.described_at)


def _standing(status: WorkflowStatus[Any]) -> str:
    match status:
        case Failed(error):
            return f"failed, {error.type_name}: {error.message}"
        case Paused(reason):
            return "paused" + (f": {reason}" if reason else "")
        case Cancelled(reason):
            return "cancelled" + (f": {reason}" if reason else "")
        case AwaitingSignal(signal_name):
            return f"waits for signal {clean(signal_name)}"
        case _:
            words = {"InProgress": "in progress", "Waiting": "waits", "Completed": "completed"}
            return words[type(status).__name__]
