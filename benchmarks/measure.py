"""Alternated measurements: this machine's speed drifts, so a figure and its floor take turns."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Figure", "alternated"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table.

    Attributes:
        name: what was measured.
        value: median of the measured quantity, in ``unit``.
        floor: median of the floor, in ``unit``.
        ratio: median of the ratios of each round (value over floor, or floor over value
            where more is better).
        goal: the ratio to reach; None: the figure is there to compare with.
        at_most: the ratio must not exceed the goal; False: it must reach it.
        unit: unit of value and floor.
    """

    name: str
    value: float
    floor: float
    ratio: float
    goal: float | None
    at_most: bool
    unit: str

    @property
    def reached(self) -> bool:
        """Whether the goal is met, if there is one."""
        if self.goal is None:
            return True
        return self.ratio <= self.goal if self.at_most else self.ratio >= self.goal


def alternated(
    name: str,
    measure: Callable[[], float],
    floor: Callable[[], float],
    *,
    unit: str,
    goal: float | None = None,
    at_most: bool = True,
    rounds: int = 5,
) -> Figure:
    """Measure both ``rounds`` times in turn, after one round that doesn't count."""
    measure(), floor()
    pairs = [(measure(), floor()) for _ in range(rounds)]
    return Figure(
        name=name,
        value=statistics.median(value for value, _ in pairs),
        floor=statistics.median(base for _, base in pairs),
        ratio=statistics.median(value / base for value, base in pairs),
        goal=goal,
        at_most=at_most,
        unit=unit,
    )
