"""A workflow's graph in the language of Graphviz."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sayiir.dsl.nodes import Branch, ChildWorkflow, Fork, Loop, Map
from sayiir.dsl.walk import NODE_KINDS, inner_sequences
from sayiir.render.details import node_detail
from sayiir.render.words import clean

if TYPE_CHECKING:
    from sayiir.dsl.definition import Definition
    from sayiir.dsl.nodes import Node, NodeSequence
    from sayiir.render.states import GraphStates

__all__ = ["dot_digraph"]

_SHAPES: Final = {
    "task": "box",
    "fork": "box",
    "branch": "diamond",
    "delay": "cds",
    "await_signal": "rarrow",
}
_FILLS: Final = {
    "done": "#d8f0de",
    "running": "#d5e8fd",
    "waiting": "#fbeec8",
    "ready": "#fbeec8",
    "failed": "#fbdcd9",
    "pending": "#f1f2f4",
}


def dot_digraph(definition: Definition, states: GraphStates | None = None) -> str:
    r"""The graph from top to bottom; whatever holds nodes is a cluster around them.

    Args:
        definition: what to draw.
        states: how the nodes of an instance stand (settled); they become colours.

    >>> from sayiir import delay, workflow
    >>> print(dot_digraph(workflow("rest", delay("90s")).definition))
    digraph "rest" {
      graph [fontname="sans-serif"];
      node [fontname="sans-serif", style="filled,rounded", fillcolor="white"];
      edge [fontname="sans-serif"];
      start [label="rest", shape=oval];
      n0 [label="delay\n1 min 30 s", shape=cds];
      start -> n0;
      finish [label="end", shape=oval];
      n0 -> finish;
    }
    """
    chart = _Chart(states)
    chart.line(f"start [label={_quoted(definition.name)}, shape=oval];")
    ends = chart.sequence(definition.root, "", [("start", "")])
    chart.line('finish [label="end", shape=oval];')
    chart.edges(ends, "finish")
    return "\n".join(
        [
            f"digraph {_quoted(definition.name)} {{",
            '  graph [fontname="sans-serif"];',
            '  node [fontname="sans-serif", style="filled,rounded", fillcolor="white"];',
            '  edge [fontname="sans-serif"];',
            *chart.lines,
            "}",
        ]
    )


class _Chart:
    """Lines so far; edges come as (node, label) pairs that wait for what they lead to."""

    def __init__(self, states: GraphStates | None) -> None:
        self.lines: list[str] = []
        self._states = states
        self._depth = 1
        self._count = 0

    def line(self, text: str) -> None:
        self.lines.append("  " * self._depth + text)

    def edges(self, sources: list[tuple[str, str]], target: str, more: str = "") -> None:
        for source, label in sources:
            facts = [f"label={_quoted(label)}"] if label else []
            facts += [more] if more else []
            self.line(f"{source} -> {target}" + (f" [{', '.join(facts)}];" if facts else ";"))

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
        if isinstance(node, (Loop, Map, ChildWorkflow)):
            return self._cluster(name, node, path, sources)
        kind = NODE_KINDS[type(node)]
        fill = "" if self._states is None else f', fillcolor="{self._fill(path)}"'
        self.line(f"{name} [label={_text(node)}, shape={_SHAPES[kind]}{fill}];")
        self.edges(sources, name)
        if not isinstance(node, (Fork, Branch)):
            return [(name, "")]
        ends: list[tuple[str, str]] = []
        for suffix, body in inner_sequences(node):
            label = "default" if suffix == "[*]" else suffix[1:-1]
            ends += self.sequence(body, f"{path}{suffix}/", [(name, label)])
        join = f"{name}_join"
        shape = "shape=box, height=0.08, width=0.8" if isinstance(node, Fork) else "shape=point"
        self.line(f'{join} [label="", {shape}, fillcolor="#555555"];')
        self.edges(ends, join)
        return [(join, "")]

    def _cluster(
        self, name: str, node: Loop | Map | ChildWorkflow, path: str, sources: list[tuple[str, str]]
    ) -> list[tuple[str, str]]:
        self.line(f"subgraph cluster_{name} {{")
        self._depth += 1
        fill = "" if self._states is None else f', bgcolor="{self._fill(path)}"'
        self.line(f"graph [label={_text(node)}, style=rounded{fill}];")
        entry = f"{name}_in"
        self.line(f'{entry} [label="", shape=point];')
        ends = self.sequence(node.body, f"{path}/", [(entry, "")])
        if isinstance(node, Loop):
            self.edges([(end, "again") for end, _ in ends], entry, "constraint=false, style=dashed")
            ends = [(end, "done") for end, _ in ends]
        self._depth -= 1
        self.line("}")
        self.edges(sources, entry)
        return ends

    def _fill(self, path: str) -> str:
        assert self._states is not None
        return _FILLS[self._states.at(path).name]


def _text(node: Node) -> str:
    detail = node_detail(node)
    return _quoted(node.id, detail) if detail else _quoted(node.id)


def _quoted(*lines: str) -> str:
    r"""Lines as a quoted label; a backslash would begin an escape, so each is doubled."""
    shown = (clean(line).replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    # A line end of a name is no line end of the label.
    return '"' + "\\n".join(one.replace("\n", "\\\\n") for one in shown) + '"'
