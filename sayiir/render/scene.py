"""What a picture is made of: boxes, labels and lines at places, put together from blocks.

Lengths are user units of the SVG, which are pixels at its natural size. A block is laid out once,
around its own origin, and placed in others by an offset, so that putting blocks together costs
nothing for what they hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

__all__ = ["Bar", "Block", "Box", "Label", "Line", "Part", "placed"]


@dataclass(frozen=True, slots=True)
class Box:
    """A node, or the frame of one that holds others.

    Attributes:
        kind: ``"task"``, ``"loop"`` …, ``"start"`` or ``"end"``.
        path: the node path; empty for what is no node.
        x, y, width, height: its place.
        name: the name as shown, cut where it is long.
        whole_name: all of it.
        lines: what stands below the name, each cut to fit.
        whole_lines: the same in full, for the title.
        header: height of a frame's header; 0: it is no frame.
    """

    kind: str
    path: str
    x: float
    y: float
    width: float
    height: float
    name: str
    whole_name: str
    lines: tuple[str, ...] = ()
    whole_lines: tuple[str, ...] = ()
    header: float = 0.0


@dataclass(frozen=True, slots=True)
class Label:
    """The name of an arm, on the line that leads to it; ``path`` ends in the arm's selector."""

    path: str
    x: float
    y: float
    width: float
    height: float
    text: str
    whole_text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A way along the axes; ``path``: of what it leads to, empty where that is no node.

    Attributes:
        arrow: it ends in an arrowhead.
        back: it leads to an earlier place, as a loop's does.
    """

    path: str
    points: tuple[tuple[float, float], ...]
    arrow: bool = False
    back: bool = False


@dataclass(frozen=True, slots=True)
class Bar:
    """A thick bar where arms that run at the same time begin or end."""

    path: str
    x: float
    y: float
    width: float
    height: float


Part: TypeAlias = Box | Label | Line | Bar


@dataclass(slots=True)
class Block:
    """Parts and blocks that are placed together; lines enter at its top and leave at its bottom.

    Attributes:
        width, height: of the rectangle from the origin that holds everything in it.
        entry, exit: where on the top and on the bottom.
        path: the node path of what stands at the entry.
    """

    width: float
    height: float
    entry: float
    exit: float
    path: str = ""
    parts: list[Part] = field(default_factory=list[Part])
    blocks: list[tuple[float, float, Block]] = field(
        default_factory=list["tuple[float, float, Block]"]
    )


def placed(block: Block) -> Iterator[Part]:
    """All parts of a block at their own places, what holds others before what it holds."""
    stack: list[tuple[float, float, Block]] = [(0.0, 0.0, block)]
    while stack:
        x, y, one = stack.pop()
        for part in one.parts:
            yield _moved(part, x, y)
        stack += [(x + dx, y + dy, inner) for dx, dy, inner in reversed(one.blocks)]


def _moved(part: Part, x: float, y: float) -> Part:
    if isinstance(part, Line):
        return replace(part, points=tuple((px + x, py + y) for px, py in part.points))
    return replace(part, x=part.x + x, y=part.y + y)
