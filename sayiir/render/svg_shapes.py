"""The shapes of boxes, signs and lines, as elements of an SVG."""

from __future__ import annotations

from typing import Final

from sayiir.render.scene import Box, Line
from sayiir.render.sizes import STACKED
from sayiir.render.svg_style import CLASS

__all__ = ["frame_shapes", "line_elements", "mark", "node_shape", "number", "sign"]

_ROUND: Final = 6.0
_TIP: Final = (4.0, 7.0)
"""Half the width of an arrowhead, and its length."""


def number(value: float) -> str:
    """A length with at most two decimals, written alike everywhere."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def node_shape(box: Box) -> str:
    """What stands behind the text of a node that holds nothing."""
    x, y, w, h = box.x, box.y, box.width, box.height
    if box.kind == "branch":
        tip = min(12.0, h / 2)
        d = (
            f"M{number(x + tip)} {number(y)}H{number(x + w - tip)}L{number(x + w)} "
            f"{number(y + h / 2)}L{number(x + w - tip)} {number(y + h)}H{number(x + tip)}"
            f"L{number(x)} {number(y + h / 2)}Z"
        )
        return f'<path class="{CLASS}-box" d="{d}"/>'
    corner = {"start": h / 2, "delay": h / 2 if h < 40 else 17.0, "fork": 3.0}.get(box.kind, 7.0)
    return _rect(f"{CLASS}-box", x, y, w, h, corner)


def frame_shapes(box: Box) -> list[str]:
    """The frame around what a node holds; a map's is the first of several sheets."""
    place = (box.x, box.y, box.width, box.height)
    shapes = [_rect(f"{CLASS}-frame", *place, 10)]
    if box.kind == "map":
        for by in (STACKED / 2, STACKED):
            shapes.insert(0, _rect(f"{CLASS}-frame", box.x + by, box.y + by, *place[2:], 10))
    return shapes


def _rect(css: str, x: float, y: float, width: float, height: float, corner: float) -> str:
    place = f'x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
    return f'<rect class="{css}" {place} rx="{number(corner)}"/>'


_SIGNS: Final = {
    "delay": "M6 0A6 6 0 1 1 5.99 0ZM6 2.6V6L8.4 7.4",
    "await_signal": "M0 1.5H12V10.5H0ZM0 2L6 6.5L12 2",
    "loop": "M10.9 3.4A5.4 5.4 0 1 0 11.4 6.6M11.4 0.6V3.6H8.4",
    "map": "M0 0H8V3H0ZM2 4.5H10V7.5H2ZM4 9H12V12H4Z",
    "child": "M0 0H12V12H0ZM3 3H9V9H3Z",
}


def sign(kind: str, x: float, y: float) -> str:
    """The sign of a kind, 12 wide and high, from its top left corner."""
    return (
        f'<path class="{CLASS}-sign" transform="translate({number(x)} {number(y)})" '
        f'd="{_SIGNS[kind]}"/>'
    )


_MARKS: Final = {
    "done": "M0 5.5L4 9.5L11 1.5",
    "failed": "M1 1L10 10M10 1L1 10",
    "running": "M2 0.5L10 5.5L2 10.5Z",
    "waiting": "M1 0.5H10L1 10.5H10Z",
    "ready": "M5.5 0.5A5 5 0 1 1 5.49 0.5Z",
    "pending": "M3.5 5.5H7.5",
}


def mark(state: str, x: float, y: float) -> str:
    """The mark of a state, 11 wide and high: told apart by its form, not by colour alone."""
    return (
        f'<path class="{CLASS}-mark" transform="translate({number(x)} {number(y)})" '
        f'd="{_MARKS[state]}"/>'
    )


def line_elements(line: Line) -> list[str]:
    """A line with round corners, and its arrowhead."""
    points = list(line.points)
    elements: list[str] = []
    if line.arrow:
        elements.append(_tip(points[-2], points[-1]))
        (x1, y1), (x2, y2) = points[-2:]
        back = _TIP[1] - 1
        points[-1] = (x2 - _sign(x2 - x1) * back, y2 - _sign(y2 - y1) * back)
    css = f"{CLASS}-line {CLASS}-back" if line.back else f"{CLASS}-line"
    return [f'<path class="{css}" d="{_way(points)}"/>', *elements]


def _way(points: list[tuple[float, float]]) -> str:
    x, y = points[0]
    d = f"M{number(x)} {number(y)}"
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        room = min(_ROUND, _length(before, corner) / 2, _length(corner, after) / 2)
        (ax, ay), (bx, by) = _towards(corner, before, room), _towards(corner, after, room)
        d += f"L{number(ax)} {number(ay)}Q{number(corner[0])} {number(corner[1])} "
        d += f"{number(bx)} {number(by)}"
    x, y = points[-1]
    return f"{d}L{number(x)} {number(y)}"


def _tip(before: tuple[float, float], end: tuple[float, float]) -> str:
    half, length = _TIP
    x, y = end
    dx, dy = _sign(x - before[0]), _sign(y - before[1])
    bx, by = x - dx * length, y - dy * length
    corners = ((x, y), (bx - dy * half, by + dx * half), (bx + dy * half, by - dx * half))
    d = "L".join(f"{number(px)} {number(py)}" for px, py in corners)
    return f'<path class="{CLASS}-tip" d="M{d}Z"/>'


def _length(one: tuple[float, float], other: tuple[float, float]) -> float:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])


def _towards(
    corner: tuple[float, float], point: tuple[float, float], by: float
) -> tuple[float, float]:
    (x, y), (px, py) = corner, point
    return x + _sign(px - x) * by, y + _sign(py - y) * by


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
