"""How each node of a running graph stands: gathered from events, results and open items.

Pure: it is told things and can be asked; all pictures of an instance are drawn from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sayiir.dsl.nodes import Branch, Fork, Loop, Map
from sayiir.dsl.walk import inner_sequences, walk
from sayiir.events import (
    InstanceFinished,
    InstanceParked,
    TaskFailed,
    TaskFinished,
    TaskRetried,
    TaskStarted,
)
from sayiir.ids import path_segments, quoted_selector
from sayiir.status import Cancelled, Completed, Failed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sayiir.description import InstanceDescription, OpenItem
    from sayiir.dsl.definition import Definition
    from sayiir.dsl.nodes import NodeSequence
    from sayiir.events import RunnerEvent
    from sayiir.status import TaskResult

__all__ = ["GraphStates", "NodeState", "OpenStrand", "states_of"]

_WAITING: Final = ("delay", "backoff", "signal", "held")


@dataclass(frozen=True, slots=True)
class OpenStrand:
    """A strand at a node.

    Attributes:
        phase: as in ``OpenItem``; ``"running"``, ``"delay"``, ``"signal"`` …
        since: when it came to this, or None where that isn't known.
        due_at: when a timer or a timeout is over.
        attempt: the attempt that runs or comes next.
        fraction, message: the progress that a running task reported last.
        error: what the last failed attempt failed with.
    """

    phase: str
    since: datetime | None = None
    due_at: datetime | None = None
    attempt: int = 1
    fraction: float | None = None
    message: str | None = None
    error: str | None = None
    signal_name: str | None = None


@dataclass(slots=True)
class NodeState:
    """How a node stands, over all of its iterations and items.

    Attributes:
        open: the strands that stand at it, by path.
        done: how often it has ended well.
        failures: the paths at which it has failed for good.
        seconds: how long its last run took.
        attempts: how many attempts the last run took; 0: the result is an earlier run's.
        error: what it failed with last.
        begun: something has happened at it, or inside.
        passed: something after it has begun, so it is over.
        inside: the strongest name of what it holds and is open: ``"running"`` or ``"waiting"``.
        holds_open: something that it holds is open.
    """

    open: dict[str, OpenStrand] = field(default_factory=dict[str, OpenStrand])
    done: int = 0
    failures: set[str] = field(default_factory=set[str])
    seconds: float | None = None
    attempts: int = 1
    error: str | None = None
    begun: bool = False
    passed: bool = False
    inside: str = ""
    holds_open: bool = False

    @property
    def failed(self) -> int:
        """How often it has failed for good."""
        return len(self.failures)

    @property
    def name(self) -> str:
        """One word: failed, running, waiting, done or pending (the strongest of them)."""
        phases = {strand.phase for strand in self.open.values()}
        if self.failed or "stopped" in phases:
            return "failed"
        if phases - {*_WAITING, "ready"}:
            return "running"
        if phases:
            return "waiting" if phases - {"ready"} else "ready"
        if self.inside and not self.passed:
            return self.inside
        return "done" if self.done or self.passed else "pending"


def _strongest(names: set[str]) -> str:
    return next((name for name in ("running", "waiting") if name in names), "")


class GraphStates:
    """The states of all nodes of one instance.

    Args:
        definition: its graph.
    """

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.ended: str | None = None
        self._nodes = dict(walk(definition.root))
        self._states: dict[str, NodeState] = {}
        self._complete = False
        self._seen: set[str] = set()
        """Results that are counted already: a resumed run hears of none twice."""
        self._stored_failures: set[str] = set()
        self._tried: set[str] = set()
        """Where what is open stands, or failed last: failures there may not be for good."""

    def at(self, node_path: str) -> NodeState:
        """The state of a node, or of an arm (whose path ends in its selector)."""
        return self._states.setdefault(node_path, NodeState())

    # -- what it is told

    def add_results(self, results: Iterable[TaskResult]) -> None:
        """What the store keeps of earlier steps."""
        for result in results:
            state = self._of(result.path)
            if state is None or result.path in self._seen:
                continue
            self._seen.add(result.path)
            state.attempts = result.attempts
            state.seconds = (result.finished_at - result.started_at).total_seconds()
            if result.error is None:
                state.done += 1
            else:
                state.error = f"{result.error.type_name}: {result.error.message}"
                self._stored_failures.add(result.path)

    def add_event(self, event: RunnerEvent) -> None:
        """What the runner tells while it runs."""
        match event:
            case TaskStarted(path=path, attempt=attempt, at=at):
                self._open(path, OpenStrand("running", since=at, attempt=attempt))
            case TaskFinished(path=path, attempt=attempt, duration=took):
                state = self._close(path)
                self._stored_failures.discard(path)
                if state is not None and path not in self._seen:
                    self._seen.add(path)
                    state.done += 1
                    state.attempts, state.seconds = attempt, took.total_seconds()
            case TaskRetried(path=path, attempt=attempt, error=error, retry_in=wait, at=at):
                told = f"{error.type_name}: {error.message}"
                due = at + wait
                self._open(path, OpenStrand("backoff", at, due, attempt + 1, error=told))
            case TaskFailed(path=path, attempt=attempt, error=error, duration=took):
                state = self._close(path)
                if state is not None:
                    state.failures.add(path)
                    state.attempts, state.seconds = attempt, took.total_seconds()
                    state.error = f"{error.type_name}: {error.message}"
            case InstanceParked(path=path, wake_in=wake_in, signal_name=name, at=at):
                ends = None if wake_in is None else at + wake_in
                phase = "delay" if name is None else "signal"
                known = self._of(path)
                if known is None or path not in known.open:  # a backoff says more
                    self._open(path, OpenStrand(phase, at, ends, signal_name=name))
            case InstanceFinished(status=status):
                self.end(status)
            case _:
                pass

    def set_open_items(self, items: Iterable[OpenItem], *, complete: bool = False) -> None:
        """The store's word on what is open: it replaces what was believed.

        Args:
            items: what is open.
            complete: there is nothing else, and nothing will be told after it, so that an arm
                of a waiting fork that isn't open has ended.
        """
        self._complete = complete
        begun = {
            path: strand.since
            for state in self._states.values()
            for path, strand in state.open.items()
        }
        for state in self._states.values():
            state.open.clear()
        self._tried = set()
        for item in items:
            progress = item.progress
            error = item.last_error
            self._tried |= {item.path} if error is None else {item.path, error.path}
            # What follows a timer, an event or a join runs before its position is stored.
            failed_at = None if error is None or item.phase != "stopped" else error.path
            self._open(
                failed_at or item.path,
                OpenStrand(
                    item.phase,
                    begun.get(item.path),
                    item.due_at,
                    item.attempt,
                    None if progress is None else progress.fraction,
                    None if progress is None else progress.message,
                    None if error is None else f"{error.type_name}: {error.message}",
                    item.signal_name,
                ),
            )

    def end(self, status: str) -> None:
        """The instance has ended so."""
        self.ended = status
        if status != "Failed":
            for state in self._states.values():
                state.open.clear()

    # -- what follows from it

    def settle(self) -> None:
        """Work out what has no result of its own: what holds nodes, and what others stand after."""
        if self._complete or self.ended == "Completed":
            self._count_collected()
        self._look_inside(self.definition.root, "")
        self._pass(self.definition.root, "", over=self.ended == "Completed")

    def _count_collected(self) -> None:
        """A stored failure that nothing open tries again is one that a map has collected."""
        for path in self._stored_failures - self._tried:
            state = self._of(path)
            if state is not None:
                state.failures.add(path)

    def _look_inside(self, sequence: NodeSequence, prefix: str) -> None:
        """From the inside out: whether something has begun there, and what is open."""
        for node in sequence.nodes:
            state = self.at(prefix + node.id)
            names, begun, state.holds_open = set[str](), False, False
            for suffix, body in inner_sequences(node):
                inner = f"{prefix}{node.id}{suffix}/"
                self._look_inside(body, inner)
                within = [self.at(inner + one.id) for one in body.nodes]
                holds = any(one.open or one.holds_open for one in within)
                inside = {name for one in within for name in (one.inside, one.name)}
                begins = any(one.begun for one in within)
                if suffix:
                    arm = self.at(prefix + node.id + suffix)
                    arm.inside, arm.begun, arm.holds_open = _strongest(inside), begins, holds
                state.holds_open = state.holds_open or holds
                names |= inside
                begun = begun or begins
            state.inside = _strongest(names)
            state.begun = begun or bool(state.open or state.done or state.failed or state.error)

    def _pass(self, sequence: NodeSequence, prefix: str, *, over: bool) -> None:
        """From the outside in: what stands before something that has begun is over."""
        for node in reversed(sequence.nodes):
            path = prefix + node.id
            state = self.at(path)
            state.passed = over
            joins = self._complete and any(one.phase == "join" for one in state.open.values())
            for suffix, body in inner_sequences(node):
                # Of what may run some of its nodes only, those that haven't begun never did.
                inside = self.at(path + suffix) if suffix else state
                some = isinstance(node, (Branch, Loop, Map))
                ended = over and (inside.begun or not some)
                if joins and isinstance(node, Fork):
                    ended = not inside.holds_open
                if suffix:
                    inside.passed = ended
                self._pass(body, f"{path}{suffix}/", over=ended)
            over = over or state.begun

    # -- inside

    def _open(self, path: str, strand: OpenStrand) -> None:
        state = self._of(path)
        if state is not None:
            state.open[path] = strand

    def _close(self, path: str) -> NodeState | None:
        state = self._of(path)
        if state is not None:
            state.open.pop(path, None)
        return state

    def _of(self, path: str) -> NodeState | None:
        """The state of the node that a path leads to; None where the graph has no such path."""
        node_path = ""
        try:
            for node_id, selector in path_segments(path):
                node_path += ("/" if node_path else "") + node_id
                node = self._nodes[node_path]
                if selector is not None and not isinstance(node, (Loop, Map)):
                    node_path += f"[{selector if selector == '*' else quoted_selector(selector)}]"
        except (LookupError, ValueError):
            return None
        return self.at(node_path)


def states_of(
    definition: Definition, seen: InstanceDescription, history: Iterable[TaskResult]
) -> GraphStates:
    """How each node of an instance stands, as of one description and its history."""
    states = GraphStates(definition)
    states.add_results(history)
    complete = len(seen.open_items) == seen.open_item_count
    states.set_open_items(seen.open_items, complete=complete)
    if isinstance(seen.status, (Completed, Failed, Cancelled)):
        states.end(type(seen.status).__name__)
    return states
