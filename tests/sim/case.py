"""A generated workflow and what the world around it is to do."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.sim.trace import Trace

__all__ = ["Case", "Plan", "left_over", "missing"]


@dataclass(slots=True)
class Plan:
    """What the world outside does for one signal.

    ``payloads``: by the number of the event, or always the same where several waits of one name
    stand beside each other; None: nothing is sent, the default answers. ``buffered``: so many
    are sent before anybody waits.
    """

    first: int | None
    step: int
    buffered: int

    def payload(self, number: int) -> int:
        """The payload of the event with this number, from 0."""
        assert self.first is not None
        return self.first + self.step * number


@dataclass(slots=True)
class Case:
    """A generated workflow and what the world does around it.

    ``trace`` may be exchanged: the tasks tell whichever is set. ``kinds``: the node kinds in it.
    ``kept_last``: tasks that end a loop of which only the last iteration's results stay.
    ``kept_all``: the same where every iteration's stay. ``fails``: a task fails the whole instance
    until ``trace.broken`` is cleared. ``asks``: what each task asks of a worker, by its name: its
    priority, and its tags.
    """

    seed: int
    trace: Trace
    threads: bool = False
    workflow: Any = None
    flow: Any = None
    plans: dict[str, Plan] = field(default_factory=dict)
    kinds: set[str] = field(default_factory=set)
    nodes: int = 0
    kept_last: set[str] = field(default_factory=set)
    kept_all: set[str] = field(default_factory=set)
    fails: bool = False
    asks: dict[str, tuple[int | None, tuple[str, ...]]] = field(default_factory=dict)

    def events(self, count: int = 200) -> dict[str, list[int]]:
        """Events for an in-memory run: more than it can need."""
        return {
            name: [plan.payload(number) for number in range(count)]
            for name, plan in self.plans.items()
            if plan.first is not None
        }


_ITERATION = re.compile(r"(.*)\[(\d+)\]/([^/]+)")


def left_over(case: Case, paths: Iterable[str]) -> list[str]:
    """Results of a loop's earlier iterations, where only the last one's may have stayed."""
    seen: dict[tuple[str, str], str] = {}
    problems: list[str] = []
    for path in paths:
        found = _ITERATION.fullmatch(path)
        if found is None or found[3] not in case.kept_last:
            continue
        other = seen.setdefault((found[1], found[3]), path)
        if other != path:
            problems.append(f"both {other} and {path} are stored")
    return problems


def missing(case: Case, paths: Iterable[str]) -> list[str]:
    """Iterations that are gone from loops which keep all of them: none of 0, 1, 2 … is left out."""
    seen: dict[tuple[str, str], set[int]] = {}
    for path in paths:
        found = _ITERATION.fullmatch(path)
        if found is not None and found[3] in case.kept_all:
            seen.setdefault((found[1], found[3]), set()).add(int(found[2]))
    return [
        f"of {loop}[…]/{task} there are {sorted(numbers)}"
        for (loop, task), numbers in seen.items()
        if len(numbers) <= max(numbers)
    ]
