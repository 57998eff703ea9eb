"""Worst cases of a graph: how many attempts, and how much time.

Counted is what the definition decides: attempts that tasks report, their timeouts, the waits
between them, delays and waits for signals. Not counted is what it can't know: queueing for a
worker, a slot or a process, and attempts that are lost with the process they ran in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sayiir.dsl.nodes import AwaitSignal, Branch, Delay, Fork, Loop, Map, TaskNode
from sayiir.dsl.walk import inner_sequences
from sayiir.durations import duration_seconds

if TYPE_CHECKING:
    from sayiir.dsl.nodes import Node, NodeSequence
    from sayiir.dsl.spec import TaskSpec
    from sayiir.policy import RetryPolicy

__all__ = ["Bound", "Reason", "WorstCase", "backoff_seconds", "worst_case"]

_COUNTED_ONE_BY_ONE: Final = 10_000


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is unbounded: where, and what there has no bound."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Bound:
    """The most that something can be.

    Attributes:
        most: the number; None: it is unbounded.
        reasons: why it is unbounded, in the order of the graph; empty where it isn't.

    >>> Bound(2) + Bound(3), Bound(2) * 4
    (Bound(most=5, reasons=()), Bound(most=8, reasons=()))
    """

    most: float | None
    reasons: tuple[Reason, ...] = ()

    def __add__(self, other: Bound) -> Bound:
        return _sum((self, other))

    def __mul__(self, times: int) -> Bound:
        return self if self.most is None else Bound(self.most * times)


@dataclass(frozen=True, slots=True)
class WorstCase:
    """The worst case of a part of a graph.

    Attributes:
        attempts: of all its tasks together.
        seconds: from its beginning to its end, arms at the same time.
    """

    attempts: Bound
    seconds: Bound


def worst_case(root: NodeSequence) -> WorstCase:
    """The worst case of a graph.

    >>> from sayiir import delay, loop, task, workflow, Done, LoopResult
    >>> @task(timeout="10s", retries=1)
    ... def ask(n: int) -> LoopResult[int, int]:
    ...     return Done(n)
    >>> worst = worst_case(workflow("asking", loop(delay("5s") >> ask)).definition.root)
    >>> worst.attempts.most, worst.seconds.most
    (20, 260.0)
    """
    return _sequence(root, "")


def _sequence(sequence: NodeSequence, prefix: str) -> WorstCase:
    parts = [_node(node, prefix + node.id) for node in sequence.nodes]
    attempts = _sum(part.attempts for part in parts)
    return WorstCase(attempts, _sum(part.seconds for part in parts))


def _node(node: Node, path: str) -> WorstCase:
    held = [_sequence(body, f"{path}{suffix}/") for suffix, body in inner_sequences(node)]
    match node:
        case TaskNode(task=task):
            return _task(task, path)
        case Delay():
            return WorstCase(Bound(0), _delay(node, path))
        case AwaitSignal(timeout_seconds=None, signal_name=name):
            reason = Reason(path, f"the wait for signal {name!r} has no timeout")
            return WorstCase(Bound(0), Bound(None, (reason,)))
        case AwaitSignal(timeout_seconds=timeout):
            return WorstCase(Bound(0), Bound(timeout))
        case Fork():
            attempts = _sum(one.attempts for one in held)
            return WorstCase(attempts, _largest(one.seconds for one in held))
        case Branch(key=key):
            asked = _task(key, path)
            attempts = _largest(one.attempts for one in held)
            seconds = _largest(one.seconds for one in held)
            return WorstCase(asked.attempts + attempts, asked.seconds + seconds)
        case Loop(max_iterations=most):
            (body,) = held
            return WorstCase(body.attempts * most, body.seconds * most)
        case Map():
            return _map(node, path, held[0])
        case _:
            return held[0]


def _task(task: TaskSpec, path: str) -> WorstCase:
    attempts = Bound(1 + task.policy.max_retries)
    if task.timeout_seconds is None:
        return WorstCase(attempts, Bound(None, (Reason(path, "the task has no timeout"),)))
    if task.function is None and task.policy.max_retries:
        reason = Reason(path, "the waits between retries aren't kept in the portable form")
        return WorstCase(attempts, Bound(None, (reason,)))
    tried = Bound(task.timeout_seconds) * (1 + task.policy.max_retries)
    return WorstCase(attempts, tried + Bound(backoff_seconds(task.policy)))


def backoff_seconds(policy: RetryPolicy) -> float:
    """The longest that all waits between a task's attempts take together."""
    longest = duration_seconds(policy.max_delay)
    total = 0.0
    for retry in range(1, policy.max_retries + 1):
        bound = policy.delay_bound_seconds(retry)
        rest = policy.max_retries - retry + 1
        if bound >= longest or policy.backoff_multiplier == 1:
            return total + bound * rest
        if retry > _COUNTED_ONE_BY_ONE:
            return total + longest * rest
        total += bound
    return total


def _delay(node: Delay, path: str) -> Bound:
    if node.seconds is not None:
        return Bound(node.seconds)
    if isinstance(node.until, datetime):
        text = f"it waits until {node.until.isoformat()}, however long that is"
    else:
        text = "when the delay ends is asked when it begins"
    return Bound(None, (Reason(path, text),))


def _map(node: Map, path: str, body: WorstCase) -> WorstCase:
    each = body.attempts.most
    told = "" if each is None else f"; for each at most {each:,} attempts"
    if each == 1:
        told = "; for each 1 attempt"
    unknown = Reason(path, f"how many elements there are is known only when it runs{told}")
    nothing_to_do = body.attempts.most == 0
    attempts = body.attempts if nothing_to_do else Bound(None, (unknown, *body.attempts.reasons))
    if node.max_concurrency is None or body.seconds.most == 0:
        return WorstCase(attempts, body.seconds)  # all elements at the same time
    queue = Reason(path, f"elements wait for each other, {node.max_concurrency:,} at a time")
    return WorstCase(attempts, Bound(None, (queue, *body.seconds.reasons)))


def _sum(bounds: Iterable[Bound]) -> Bound:
    return _merged(bounds, sum)


def _largest(bounds: Iterable[Bound]) -> Bound:
    return _merged(bounds, max)


def _merged(bounds: Iterable[Bound], of_known: Callable[[list[float]], float]) -> Bound:
    known: list[float] = []
    reasons: dict[Reason, None] = {}  # kept in order, each once
    for bound in bounds:
        if bound.most is None:
            reasons.update(dict.fromkeys(bound.reasons))
        else:
            known.append(bound.most)
    return Bound(None, tuple(reasons)) if reasons else Bound(of_known(known))
