"""Alternated measurements: this machine's speed drifts, so a figure and its floor take turns."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

__all__ = ["Figure", "Line", "alternated", "told"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    Attributes:
        name: what was measured.
        value: median of the measured quantity, in ``unit``.
        unit: of value, floor and bound.
        floor: median of the floor; None: there is nothing to hold it against.
        ratio: median of the ratios of each round, value over floor.
        goal: the ratio to reach; None: it is there to compare with.
        bound: the value to reach, whatever the floor; None: only the ratio counts.
        at_most: ratio and value must not exceed goal and bound; False: they must reach them.
        load: the machine's load at the time: beside other work a time says little.
    """

    name: str
    value: float
    unit: str
    floor: float | None = None
    ratio: float | None = None
    goal: float | None = None
    bound: float | None = None
    at_most: bool = True
    load: float = 0.0

    @property
    def reached(self) -> bool:
        """Whether what has a goal meets it."""
        return self._meets(self.ratio, self.goal) and self._meets(self.value, self.bound)

    def _meets(self, value: float | None, goal: float | None) -> bool:
        if goal is None or value is None:
            return True
        return value <= goal if self.at_most else value >= goal


@dataclass(frozen=True, slots=True)
class Line:
    """What gives one or several figures when it is taken; ``--only`` looks at its name."""

    name: str
    take: Callable[[], Iterable[Figure]]


def alternated(
    name: str,
    measure: Callable[[], float],
    floor: Callable[[], float],
    *,
    unit: str,
    goal: float | None = None,
    bound: float | None = None,
    at_most: bool = True,
    rounds: int = 5,
) -> Figure:
    """Measure both ``rounds`` times in turn, after one round that doesn't count."""
    measure(), floor()
    pairs = [(measure(), floor()) for _ in range(rounds)]
    return Figure(
        name=name,
        value=statistics.median(value for value, _ in pairs),
        unit=unit,
        floor=statistics.median(base for _, base in pairs),
        ratio=statistics.median(value / base for value, base in pairs),
        goal=goal,
        bound=bound,
        at_most=at_most,
        load=os.getloadavg()[0],
    )


def told(
    name: str, values: Iterable[float], *, unit: str, bound: float | None, at_most: bool = True
) -> Figure:
    """A figure without a floor: the median of what was found."""
    value = statistics.median(values)
    load = os.getloadavg()[0]
    return Figure(name, value, unit, bound=bound, at_most=at_most, load=load)
