"""Whether a picture's parts keep out of each other's way."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from sayiir.dsl.walk import walk
from sayiir.render.measure import name_width, text_width
from sayiir.render.scene import Bar, Block, Box, Label, Line, placed
from sayiir.render.sizes import HEADER, LABEL_SIZE, LINE_SIZE, NAME_SIZE

if TYPE_CHECKING:
    from sayiir.dsl.definition import Definition
    from sayiir.render.scene import Part

NEAR = 0.01


@dataclass(frozen=True)
class Area:
    """A rectangle, with what it belongs to."""

    x: float
    y: float
    right: float
    bottom: float
    of: Part

    def overlaps(self, other: Area) -> bool:
        return (
            self.x < other.right - NEAR
            and other.x < self.right - NEAR
            and self.y < other.bottom - NEAR
            and other.y < self.bottom - NEAR
        )

    def holds(self, other: Area) -> bool:
        return (
            self.x <= other.x + NEAR
            and self.y <= other.y + NEAR
            and self.right >= other.right - NEAR
            and self.bottom >= other.bottom - NEAR
        )


def area(part: Box | Label | Bar, height: float | None = None) -> Area:
    bottom = part.y + (part.height if height is None else height)
    return Area(part.x, part.y, part.x + part.width, bottom, part)


def assert_clear(block: Block, definition: Definition) -> None:
    """Nothing overlaps, nothing leaves the page, each node is there once."""
    parts = list(placed(block))
    boxes = [one for one in parts if isinstance(one, Box)]
    frames = [area(one) for one in boxes if one.header]
    solid = [area(one) for one in boxes if not one.header]
    solid += [area(one, HEADER) for one in boxes if one.header]
    solid += [area(one) for one in parts if isinstance(one, Label)]
    page = Area(0, 0, block.width, block.height, solid[0].of)
    for one in [*solid, *frames]:
        assert page.holds(one), one
    solid.sort(key=lambda one: one.x)
    for at, one in enumerate(solid):
        for other in solid[at + 1 :]:
            if other.x >= one.right:
                break
            assert not one.overlaps(other), (one, other)
    assert_frames(frames, solid)
    assert_texts_fit(parts)
    lines = [one for one in parts if isinstance(one, Line)]
    for line in lines:
        assert_line_is_clear(line, solid, page)
    paths = [one.path for one in boxes if one.path]
    assert sorted(paths) == sorted(path for path, _ in walk(definition.root))


def assert_frames(frames: list[Area], solid: list[Area]) -> None:
    """A frame holds what belongs into it, and nothing else comes near."""
    for frame in frames:
        assert isinstance(frame.of, Box)
        inside = f"{frame.of.path}/"
        for one in [*frames, *solid]:
            path = getattr(one.of, "path", "")
            if path == frame.of.path:
                continue
            if path.startswith(inside):
                assert frame.holds(one), (frame, one)
            elif isinstance(one.of, Box) and one.of.header and frame.of.path.startswith(f"{path}/"):
                continue  # a frame around this one
            else:
                assert not frame.overlaps(one), (frame, one)


def assert_texts_fit(parts: list[Part]) -> None:
    for one in parts:
        if isinstance(one, Label):
            assert name_width(one.text, LABEL_SIZE) <= one.width
        elif isinstance(one, Box) and one.kind != "heading":
            widths = [name_width(one.name, NAME_SIZE)]
            widths += [text_width(line, LINE_SIZE) for line in one.lines]
            assert (sum(widths) if one.header else max(widths)) <= one.width


def assert_line_is_clear(line: Line, solid: list[Area], page: Area) -> None:
    """It goes along the axes, on the page, and through no box, header or label."""
    for (x1, y1), (x2, y2) in pairwise(line.points):
        assert x1 == x2 or y1 == y2, line
        assert (x1, y1) != (x2, y2), line
        left, right, top, bottom = min(x1, x2), max(x1, x2), min(y1, y2), max(y1, y2)
        assert page.holds(Area(left, top, right, bottom, line)), line
        for one in solid:
            if one.x >= right + NEAR:
                break
            outside = (
                right <= one.x + NEAR
                or left >= one.right - NEAR
                or bottom <= one.y + NEAR
                or top >= one.bottom - NEAR
            )
            assert outside, (line, one)
