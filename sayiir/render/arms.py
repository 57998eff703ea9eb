"""Arms side by side, between the head that they come from and the place where they end.

Where they would be too wide they stand in rows: the line to the rows below goes down at the left
of all arms, the line from their ends down at the right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sayiir.render.scene import Bar, Block, Box, Line, Part

__all__ = ["arms_block"]

_BESIDE: Final = 22.0
_LONG_ROW: Final = 1_500.0
_SPREAD: Final = 16.0
"""Height of the room between a head or a row's line, and what stands below it."""
_BETWEEN: Final = 22.0
_SIDE: Final = 20.0
"""Width of the room for the lines left and right of several rows."""
_THICK: Final = 4.0
_OVER: Final = 8.0
"""How far a bar goes beyond its outermost arms."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One row: where each arm stands, where lines to the arms part, and where theirs meet."""

    arms: tuple[tuple[float, Block], ...]
    parting: float
    meeting: float
    width: float

    @property
    def entries(self) -> list[float]:
        return [x + arm.entry for x, arm in self.arms]

    @property
    def exits(self) -> list[float]:
        return [x + arm.exit for x, arm in self.arms]


def arms_block(head: Box, arms: Sequence[Block], *, at_once: bool) -> Block:
    """The head at the top, the arms below it, their ends brought together at the bottom.

    Args:
        head: box of the fork or the branch, at the origin.
        arms: each with its label at its entry.
        at_once: they run at the same time: thick bars tell so.
    """
    parts = _in_rows(arms)
    side = _SIDE if len(parts) > 1 else 0.0
    rows: list[_Row] = []
    y = head.height + _SPREAD
    for part in parts:
        rows.append(_row(part, side, y))
        y = rows[-1].meeting + _BETWEEN
    width = max(row.width for row in rows) + side
    first = rows[0].entries
    # Straight above the arm in the middle, or between the two there.
    axis = float(round((first[(len(first) - 1) // 2] + first[len(first) // 2]) / 2))
    shift = max(0.0, head.width / 2 - axis)
    if shift:
        axis += shift
        rows = [replace(row, arms=tuple((x + shift, arm) for x, arm in row.arms)) for row in rows]
        width += shift
    width = max(width, axis + head.width / 2)
    bottom = rows[-1].meeting + _SPREAD
    block = Block(width, bottom, axis, axis, head.path)
    block.parts.append(replace(head, x=axis - head.width / 2))
    # With several rows the outer lines stand left and right of everything.
    left, right = (shift + 1, width - 1) if side else (axis, axis)
    ways = _Ways(head, axis, left, right, rows[0], rows[-1], bottom)
    for row in rows:
        block.blocks += [(x, row.parting + _SPREAD, arm) for x, arm in row.arms]
        block.parts += ways.at_once(row) if at_once else ways.to_each(row)
    return block


def _in_rows(arms: Sequence[Block]) -> list[Sequence[Block]]:
    width = sum(arm.width + _BESIDE for arm in arms)
    height = max(arm.height for arm in arms) + 2 * _SPREAD + _BETWEEN
    rows = 1
    while rows < len(arms) and width / rows > max(_LONG_ROW, 1.4 * rows * height):
        rows += 1
    # The least width that is enough for so many rows: the last one is then no remainder.
    too_narrow, enough = width / rows - 1, width
    for _ in range(20):
        middle = (too_narrow + enough) / 2
        if len(_broken(arms, middle)) <= rows:
            enough = middle
        else:
            too_narrow = middle
    return _broken(arms, enough)


def _broken(arms: Sequence[Block], most: float) -> list[Sequence[Block]]:
    """The arms in rows, none wider than ``most`` but for a single arm."""
    parts: list[Sequence[Block]] = []
    begin, reached = 0, 0.0
    for index, arm in enumerate(arms):
        if index > begin and reached + arm.width > most:
            parts.append(arms[begin:index])
            begin, reached = index, 0.0
        reached += arm.width + _BESIDE
    return [*parts, arms[begin:]]


def _row(arms: Sequence[Block], left: float, parting: float) -> _Row:
    held: list[tuple[float, Block]] = []
    x = left
    for arm in arms:
        held.append((x, arm))
        x += arm.width + _BESIDE
    lowest = parting + _SPREAD + max(arm.height for arm in arms)
    return _Row(tuple(held), parting, lowest + _SPREAD, x - _BESIDE)


@dataclass(frozen=True, slots=True)
class _Ways:
    """The lines from the head to each arm, and from each arm to the end."""

    head: Box
    axis: float
    left: float
    right: float
    first: _Row
    last: _Row
    bottom: float

    def to_each(self, row: _Row) -> list[Line]:
        """Of a branch: from the head to each arm, and from there to the end."""
        lines: list[Line] = []
        for (_, arm), entry, end in zip(row.arms, row.entries, row.exits, strict=True):
            way = [(self.axis, self.head.height), (self.axis, self.first.parting)]
            if row is not self.first:
                way += self._left_of(row, self.axis)
            way += [(entry, row.parting), (entry, row.parting + _SPREAD)]
            lines.append(Line(arm.path, _simple(way)))
            way = [(end, row.parting + _SPREAD + arm.height), (end, row.meeting)]
            if row is not self.last:
                way += self._right_of(row)
            way += [(self.axis, self.last.meeting), (self.axis, self.bottom)]
            lines.append(Line(arm.path, _simple(way)))
        return lines

    def at_once(self, row: _Row) -> list[Part]:
        """Of a fork: from the head to a bar, from there to each arm, and the same below."""
        path = self.head.path
        opening, closing = _bar(path, row.entries, row.parting), _bar(path, row.exits, row.meeting)
        begin = [(self.axis, self.head.height), (self.axis, row.parting)]
        end = [(self.axis, row.meeting), (self.axis, self.bottom)]
        if row is not self.first:
            left = _bar(path, self.first.entries, 0).x
            begin = [*self._left_of(row, left), (opening.x, row.parting)]
        if row is not self.last:
            over = _bar(path, self.last.exits, 0)
            end = [(closing.x + closing.width, row.meeting), *self._right_of(row)]
            end.append((over.x + over.width, self.last.meeting))
        parts: list[Part] = [Line(path, _simple(begin)), Line(path, _simple(end))]
        for (_, arm), entry, leaves in zip(row.arms, row.entries, row.exits, strict=True):
            top = row.parting + _SPREAD
            parts.append(Line(arm.path, ((entry, row.parting), (entry, top))))
            parts.append(Line(arm.path, ((leaves, top + arm.height), (leaves, row.meeting))))
        return [*parts, opening, closing]

    def _left_of(self, row: _Row, begin: float) -> list[tuple[float, float]]:
        """From the first row's line, at ``begin``, down to where a further row's begins."""
        top = self.first.parting
        return [(begin, top), (self.left, top), (self.left, row.parting)]

    def _right_of(self, row: _Row) -> list[tuple[float, float]]:
        """From the end of a row's line down to the last row's."""
        return [(self.right, row.meeting), (self.right, self.last.meeting)]


def _simple(way: list[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """The way without points that change nothing."""
    kept: list[tuple[float, float]] = []
    for point in way:
        if kept and kept[-1] == point:
            continue
        if len(kept) > 1 and (
            kept[-2][0] == kept[-1][0] == point[0] or kept[-2][1] == kept[-1][1] == point[1]
        ):
            kept[-1] = point
            continue
        kept.append(point)
    return tuple(kept)


def _bar(path: str, ends: Sequence[float], y: float) -> Bar:
    left, right = min(ends) - _OVER, max(ends) + _OVER
    return Bar(path, left, y - _THICK / 2, right - left, _THICK)
