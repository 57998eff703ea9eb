"""The outline of a graph with how each node stands, as rich text that fits the terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Final

from rich.text import Text

from sayiir.cli.texts import clean, one_line, span_text
from sayiir.render.outline import guides_of, outline

if TYPE_CHECKING:
    from sayiir.cli.tree import GraphStates, NodeState, OpenStrand
    from sayiir.render.outline import OutlineRow

__all__ = ["MAX_ROWS", "TreeView"]

MAX_ROWS: Final = 500
"""A longer graph is cut here: more than that nobody reads on a terminal."""

_STYLES: Final = {
    "done": "green",
    "running": "cyan",
    "waiting": "yellow",
    "ready": "yellow",
    "failed": "red",
    "pending": "dim",
}
_SYMBOLS: Final = {
    "done": "✓",
    "running": "●",
    "waiting": "◷",
    "ready": "○",
    "failed": "✗",
    "pending": "·",
}
_PLAIN_SYMBOLS: Final = {
    "done": "+",
    "running": ">",
    "waiting": "~",
    "ready": "o",
    "failed": "x",
    "pending": ".",
}


class TreeView:
    """Draws the states of one graph.

    Args:
        states: how its nodes stand.
        plain: symbols and lines of ASCII only.
    """

    def __init__(self, states: GraphStates, *, plain: bool = False) -> None:
        self._states = states
        self._plain = plain
        self._rows = list(islice(outline(states.definition), MAX_ROWS + 1))
        self._cut = len(self._rows) > MAX_ROWS
        del self._rows[MAX_ROWS:]

    def lines(self, width: int, height: int | None = None, now: datetime | None = None) -> Text:
        """The tree, one line a node, none longer than ``width``.

        Args:
            width: columns.
            height: at most so many lines, those where something happens; None: all.
            now: for the ages of what is open.
        """
        self._states.settle()
        here = now or datetime.now(UTC)
        first, last = self._window(height)
        lines = [self._line(row, here) for row in self._rows[first:last]]
        if first:
            lines.insert(0, Text(f"… {first} above", style="dim"))
        below = len(self._rows) - last
        if below or self._cut:
            more = "more" if self._cut else str(below)
            lines.append(Text(f"… {more} below", style="dim"))
        for line in lines:
            line.truncate(max(width, 10), overflow="crop" if self._plain else "ellipsis")
        return Text("\n", no_wrap=True).join(lines)

    def _window(self, height: int | None) -> tuple[int, int]:
        """Which rows to show: the first that is open, with some of what stands before it."""
        count = len(self._rows)
        if height is None or count <= height:
            return 0, count
        room = max(height - 2, 1)
        names = [self._states.at(row.node_path).name for row in self._rows]
        active = [at for at, name in enumerate(names) if name in ("running", "failed", "waiting")]
        first = min(max((active[0] if active else 0) - room // 3, 0), count - room)
        return first, first + room

    def _line(self, row: OutlineRow, now: datetime) -> Text:
        state = self._states.at(row.node_path)
        name = state.name
        symbol = (_PLAIN_SYMBOLS if self._plain else _SYMBOLS)[name]
        line = Text(no_wrap=True)
        line.append(guides_of(row, plain=self._plain), style="dim")
        line.append(f"{symbol} ", style=_STYLES[name])
        line.append(clean(row.label), style="bold" if name == "running" else _name_style(name))
        told = ", ".join(self._told(row, state, now))
        if told:
            line.append("  " + told, style=_STYLES[name] if name != "done" else "dim")
        return line

    def _told(self, row: OutlineRow, state: NodeState, now: datetime) -> list[str]:
        many = state.done + len(state.open) + state.failed > 1
        if row.kind == "arm":
            return []
        facts = [f"{state.done:,} done"] if many and state.done else []
        facts += [f"{state.failed:,} failed"] if many and state.failed else []
        if len(state.open) > 1:
            phases = [strand.phase for strand in state.open.values()]
            facts += [f"{phases.count(one):,} {_PHASES.get(one, one)}" for one in _unique(phases)]
        elif state.open:
            (strand,) = state.open.values()
            facts += _strand_facts(strand, now)
        elif not many and state.done and state.seconds is not None:
            facts += [f"attempt {state.attempts}"] if state.attempts > 1 else []
            facts.append(span_text(state.seconds))
        elif state.name == "pending" and row.detail:
            facts.append(clean(row.detail))
        if state.failed and state.error:
            facts += [f"attempt {state.attempts}"] if state.attempts > 1 and not many else []
            facts.append(one_line(state.error))
        return facts


def _name_style(name: str) -> str:
    return "dim" if name == "pending" else ""


def _unique(phases: list[str]) -> list[str]:
    return list(dict.fromkeys(phases))


_PHASES: Final = {
    "backoff": "waiting to retry",
    "delay": "waiting",
    "held": "held back",
    "join": "waiting for arms",
    "signal": "waiting for a signal",
}


def _strand_facts(strand: OpenStrand, now: datetime) -> list[str]:
    facts: list[str] = []
    if strand.phase == "signal":
        facts.append(f"waits for {clean(strand.signal_name or 'an event')}")
    elif strand.phase == "delay":
        facts.append("waits")
    elif strand.phase == "backoff":
        facts.append("retries")
    elif strand.phase == "stopped":
        facts.append("stopped")
    elif strand.phase in ("held", "join", "ready"):
        facts.append(_PHASES.get(strand.phase, strand.phase))
    if strand.due_at is not None:
        left = (strand.due_at - now).total_seconds()
        if left > 0:
            facts[-1:] = [" ".join([*facts[-1:], f"in {span_text(left)}"])]
    if strand.attempt > 1:
        facts.append(f"attempt {strand.attempt}")
    if strand.phase == "running" and strand.since is not None:
        facts.append(span_text(max((now - strand.since).total_seconds(), 0.0)))
    if strand.fraction is not None:
        facts.append(f"{strand.fraction:.0%}")
    if strand.message:
        facts.append(one_line(strand.message, 80))
    if strand.error:
        facts.append(one_line(f"after {strand.error}"))
    return facts
