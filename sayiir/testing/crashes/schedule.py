"""Schedules: where processes stop, and in which order arms run, as a line of text."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from sayiir.testing.simulation.process import Point

__all__ = ["UNBROKEN", "Schedule"]

_STOP: Final = re.compile(r"(before|after|twice):(\d+)(?:\.(create|commit|claim|renew|release))?")
_ORDER: Final = re.compile(r"order:(\d+)")
_FORGET: Final = "forget"


@dataclass(frozen=True, slots=True)
class Schedule:
    """What happens to the processes of one run.

    Attributes:
        points: where each of them stops; the one after the last goes on to the end.
        order: a seed for the order in which arms run; 0: as they come.
        forget: a new process begins with the module globals that the first one began with.
    """

    points: tuple[Point, ...] = ()
    order: int = 0
    forget: bool = False

    def __str__(self) -> str:
        words = [_written(point) for point in self.points]
        words += [f"order:{self.order}"] if self.order else []
        words += [_FORGET] if self.forget else []
        return " ".join(words) or "unbroken"

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """The schedule that a line tells.

        Raises:
            ValueError: it tells none.

        >>> str(Schedule.parse("before:2 after:0.claim order:7"))
        'before:2 after:0.claim order:7'
        """
        schedule = UNBROKEN
        for word in text.split():
            if stop := _STOP.fullmatch(word):
                point = Point(
                    int(stop[2]), stop[1] == "after", stop[3] or "commit", stop[1] == "twice"
                )
                schedule = replace(schedule, points=(*schedule.points, point))
            elif order := _ORDER.fullmatch(word):
                schedule = replace(schedule, order=int(order[1]))
            elif word == _FORGET:
                schedule = replace(schedule, forget=True)
            elif word != "unbroken":
                raise ValueError(
                    f"{word!r} in schedule {text!r} is none of before:N, after:N, twice:N, "
                    "order:N, forget; copy the line that the failure printed"
                )
        return schedule

    def smaller(self) -> list[Schedule]:
        """Schedules with a part less, or with an earlier stop; the simplest first."""
        fewer = [
            replace(self, points=self.points[:at] + self.points[at + 1 :])
            for at in range(len(self.points))
        ]
        fewer += [replace(self, order=0)] if self.order else []
        fewer += [replace(self, forget=False)] if self.forget else []
        return [each for each in fewer if each != UNBROKEN]

    def earlier(self) -> list[Schedule]:
        """The same with one of the stops at an earlier write, the earliest first."""
        found: list[Schedule] = []
        for at, point in enumerate(self.points):
            for write in range(point.write):
                moved = replace(point, write=write, verb="commit")
                points = (*self.points[:at], moved, *self.points[at + 1 :])
                found.append(replace(self, points=points))
        return found


UNBROKEN: Final = Schedule()


def _written(point: Point) -> str:
    kind = "twice" if point.stall else "after" if point.after else "before"
    # Of the writes that a claim or a create are, only some change anything: they are named.
    verb = f".{point.verb}" if point.verb in ("create", "claim") else ""
    return f"{kind}:{point.write}{verb}"
