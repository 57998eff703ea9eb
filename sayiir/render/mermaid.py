"""A workflow's graph as the text of a Mermaid flowchart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sayiir.dsl.nodes import (
    AwaitSignal,
    Branch,
    ChildWorkflow,
    Delay,
    Fork,
    Loop,
    Map,
    TaskNode,
)
from sayiir.dsl.walk import inner_sequences

if TYPE_CHECKING:
    from sayiir.dsl.definition import Definition
    from sayiir.dsl.nodes import Node, NodeSequence
    from sayiir.render.states import GraphStates

__all__ = ["mermaid_flowchart"]


_STATES: Final = {
    "done": "fill:#d8f0de,stroke:#3a9a56,color:#1c2128",
    "running": "fill:#d5e8fd,stroke:#1f75d8,color:#1c2128",
    "waiting": "fill:#fbeec8,stroke:#b98a12,color:#1c2128",
    "ready": "fill:#fbeec8,stroke:#b98a12,color:#1c2128",
    "failed": "fill:#fbdcd9,stroke:#cf3a30,color:#1c2128",
    "pending": "fill:#f1f2f4,stroke:#b4bac3,color:#5a6370",
}


def mermaid_flowchart(definition: Definition, states: GraphStates | None = None) -> str:
    """The graph from top to bottom; whatever holds nodes is drawn as a box around them.

    Args:
        definition: what to draw.
        states: how the nodes of an instance stand (settled); they become colours.

    >>> from sayiir import task, workflow
    >>> @task
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> print(workflow("twice", double >> double).to_mermaid())
    flowchart TD
        start([twice])
        n0[double]
        start --> n0
        n1["double#35;2"]
        n0 --> n1
        finish([end])
        n1 --> finish
    """
    chart = _Chart()
    chart.line(f"start([{_label(definition.name)}])")
    ends = chart.sequence(definition.root, "", [("start", "")])
    chart.line("finish([end])")
    chart.edges(ends, "finish")
    if states is not None:
        chart.colours(states)
    return "\n".join(["flowchart TD", *chart.lines])


class _Chart:
    """Lines so far; edges come as (node, label) pairs that wait for what they lead to."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._depth = 1
        self._count = 0
        self._paths: dict[str, str] = {}

    def colours(self, states: GraphStates) -> None:
        """A class for each state that occurs, and the nodes that are of it."""
        held: dict[str, list[str]] = {}
        for name, path in self._paths.items():
            held.setdefault(states.at(path).name, []).append(name)
        for state, names in sorted(held.items()):
            self.line(f"classDef is_{state} {_STATES[state]}")
            self.line(f"class {','.join(names)} is_{state}")

    def line(self, text: str) -> None:
        self.lines.append("    " * self._depth + text)

    def edges(self, sources: list[tuple[str, str]], target: str) -> None:
        for source, label in sources:
            self.line(f"{source} --> {f'|{_label(label)}| ' if label else ''}{target}")

    def sequence(
        self, sequence: NodeSequence, prefix: str, sources: list[tuple[str, str]]
    ) -> list[tuple[str, str]]:
        """Draws the nodes one after the other; gives what the next edge starts from."""
        for node in sequence.nodes:
            sources = self._node(node, prefix + node.id, sources)
        return sources

    def _node(self, node: Node, path: str, sources: list[tuple[str, str]]) -> list[tuple[str, str]]:
        name = f"n{self._count}"
        self._count += 1
        self._paths[name] = path
        match node:
            case TaskNode():
                self.line(f"{name}[{_label(node.id)}]")
            case Delay():
                self.line(f"{name}[/{_label(_delay_text(node))}/]")
            case AwaitSignal():
                self.line(f"{name}>{_label(f'{node.id}: signal {node.signal_name}')}]")
            case Fork() | Branch():
                return self._arms(name, node, path, sources)
            case Loop() | Map() | ChildWorkflow():
                return self._box(name, node, path, sources)
        self.edges(sources, name)
        return [(name, "")]

    def _arms(
        self, name: str, node: Fork | Branch, path: str, sources: list[tuple[str, str]]
    ) -> list[tuple[str, str]]:
        is_fork = isinstance(node, Fork)
        opening, closing = ("[[", "]]") if is_fork else ("{", "}")
        text = node.id if isinstance(node, Fork) else f"{node.id}: {node.key.name}"
        self.line(f"{name}{opening}{_label(text)}{closing}")
        self.edges(sources, name)
        ends: list[tuple[str, str]] = []
        for suffix, body in inner_sequences(node):
            ends += self.sequence(body, f"{path}{suffix}/", [(name, suffix[1:-1])])
        join = f"{name}_join"
        self.line(f"{join}(({'join' if is_fork else 'merge'}))")
        self.edges(ends, join)
        return [(join, "")]

    def _box(
        self, name: str, node: Loop | Map | ChildWorkflow, path: str, sources: list[tuple[str, str]]
    ) -> list[tuple[str, str]]:
        match node:
            case Loop():
                text, back = f"{node.id}: at most {node.max_iterations} times", "again"
            case Map():
                text, back = f"{node.id}: each element", ""
            case ChildWorkflow():
                text, back = f"{node.id}: workflow {node.name}", ""
        entry = f"{name}_in"
        self.line(f"{entry}(( ))")
        self.edges(sources, entry)
        self.line(f"subgraph {name}[{_label(text)}]")
        self._depth += 1
        ends = self.sequence(node.body, f"{path}/", [(entry, "")])
        self._depth -= 1
        self.line("end")
        if back:
            self.edges([(end, back) for end, _ in ends], entry)
            return [(end, "done") for end, _ in ends]
        return ends


def _delay_text(node: Delay) -> str:
    if node.seconds is not None:
        return f"{node.id}: {node.seconds:g} s"
    return f"{node.id}: until {getattr(node.until, '__name__', node.until)}"


def _label(text: str) -> str:
    """Text as a Mermaid label: quoted, with what could end the quotes as character codes."""
    if text.isascii() and text.replace("_", "").isalnum() and text.lower() != "end":
        return text
    return '"' + "".join(c if c.isalnum() or c in " _-.:*" else f"#{ord(c)};" for c in text) + '"'
