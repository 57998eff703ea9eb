"""Results that an instance takes from an earlier run: which of its positions that concerns.

An instance that was started again from a node (``rerun``) carries the number of the earlier run
and that node in the text of every position. So whoever goes on with it, here or elsewhere, now or
after a crash, knows what is not to be called again.
"""

from __future__ import annotations

import json
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

from sayiir.dsl.nodes import Branch, ChildWorkflow, Fork, Loop, Map
from sayiir.ids import path_segments, quoted_selector

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sayiir.engine.position import Frame, Place, Position

__all__ = ["Earlier", "Side", "earlier_from_text"]

_Steps: TypeAlias = "tuple[tuple[Place, int | None], ...]"


class Side(Enum):
    """Where a position stands as seen from the node that a run was started again from.

    KEPT: before it, or beside it in another arm or item. START: at it or inside it. AFTER: what
    comes after it.
    """

    KEPT = "kept"
    START = "start"
    AFTER = "after"


class Earlier:
    """An earlier run, and from which node on its results don't count.

    Attributes:
        run: the store's number of the earlier run.
        start: the path of that node; a map without a number stands for all of its items, a loop
            without one for its first iteration.
        begins: path of a loop -> the first iteration that the earlier run still has results of,
            for loops that keep their last one only.
    """

    __slots__ = ("_steps", "begins", "run", "start")

    def __init__(
        self, run: int, start: str, begins: Mapping[str, int], places: Mapping[str, Place]
    ) -> None:
        """An earlier run as the program with these places sees it.

        Raises:
            LookupError, ValueError: the program has no node at ``start``.
        """
        self.run = run
        self.start = start
        self.begins = begins
        self._steps = _steps_to(start, places)

    def side(self, position: Position) -> Side:
        """On which side of the start a position stands."""
        return self._seen(position)[0]

    def keeps_iteration(self, loop: Position, number: int) -> bool:
        """Whether an iteration of the loop at a position comes before the start, or holds it."""
        side, holds = self._seen(loop)
        if not holds:
            return side is Side.KEPT
        wanted = self._steps[len(_steps(loop.place, loop.frame)) - 1][1]
        return wanted is None or number <= wanted

    def _seen(self, position: Position) -> tuple[Side, bool]:
        """The side, and whether the node at the position holds the start."""
        mine = _steps(position.place, position.frame)
        for at, (place, number) in enumerate(mine):
            start, wanted = self._steps[at]
            if place is not start:
                return (Side.KEPT if place.order < start.order else Side.AFTER), False
            if at == len(self._steps) - 1:
                break
            if at == len(mine) - 1:
                return Side.KEPT, True
            if number == wanted or wanted is None:
                continue
            if isinstance(place.node, Loop) and (number or 0) > wanted:
                return Side.AFTER, False
            return Side.KEPT, False  # in another arm, another item, or an iteration before
        return Side.START, False

    def first_iteration(self, loop_path: str) -> int:
        """The iteration that a loop begins with: the first one whose results are there."""
        return self.begins.get(loop_path, 0)

    def marked(self, input_text: str) -> str:
        """The text of a position's input with all of this in it."""
        content = [self.run, self.start, dict(self.begins), input_text]
        return "e" + json.dumps(content, separators=(",", ":"))


def earlier_from_text(text: str) -> tuple[int, str, dict[str, int], str]:
    """What ``marked`` wrote: run, start, first iterations, and the input's own text.

    Raises:
        ValueError, TypeError: it is no such text.
    """
    content: list[Any] = json.loads(text[1:])
    run, start, begins, inner = content
    if type(run) is not int or type(start) is not str or type(inner) is not str:
        raise ValueError("it names no run and no node")
    if any(type(number) is not int or number < 0 for number in begins.values()):
        raise ValueError("an iteration is a number")
    return run, start, begins, inner


def _steps(place: Place, frame: Frame) -> _Steps:
    """The nodes on the way to a place, outermost first, each with the number it is entered by."""
    steps: list[tuple[Place, int | None]] = [(place, None)]
    steps.extend(
        (outer.place, outer.number) for outer in frame.outwards() if outer.place is not None
    )
    steps.reverse()
    return tuple(steps)


def _steps_to(start: str, places: Mapping[str, Place]) -> _Steps:
    """The same for a path as people write it: a loop or a map may stand there without a number."""
    steps: list[tuple[Place, int | None]] = []
    segments = list(path_segments(start))
    prefix = ""
    for node_id, selector in segments[:-1]:
        place = places[prefix + node_id]
        number, inside = _entered(place, selector)
        steps.append((place, number))
        prefix = f"{place.node_path}{inside}/"
    node_id, selector = segments[-1]
    if selector is not None:
        raise LookupError(f"{start!r} names an arm, an iteration or an item, not a node in it")
    return (*steps, (places[prefix + node_id], None))


def _entered(place: Place, selector: str | None) -> tuple[int | None, str]:
    match place.node:
        case Loop():
            return int(selector or 0), ""
        case Map():
            return None if selector is None else int(selector), ""
        case Fork() if selector is not None:
            return place.selectors.index(selector), f"[{quoted_selector(selector)}]"
        case Branch() if selector is not None:
            written = selector if selector == "*" else quoted_selector(selector)
            return 0, f"[{written}]"
        case ChildWorkflow() if selector is None:
            return 0, ""
        case _:
            raise LookupError(f"{place.node_path!r} isn't entered so")
