"""Lengths of pictures, in user units (pixels at natural size), and boxes that fit their text."""

from __future__ import annotations

from typing import Final

from sayiir.render.measure import name_width, shortened, text_width
from sayiir.render.scene import Box, Label
from sayiir.render.words import clean, one_line

__all__ = [
    "GAP",
    "HEADER",
    "ICONS",
    "LABEL_HEIGHT",
    "LABEL_SIZE",
    "LINE_HEIGHT",
    "LINE_SIZE",
    "MARGIN",
    "NAME_SIZE",
    "PADDING",
    "ROOM_FOR_ICON",
    "ROOM_FOR_MARK",
    "SIDE",
    "STACKED",
    "frame_box",
    "heading_box",
    "label_at",
    "node_box",
]

MARGIN: Final = 24.0
GAP: Final = 26.0
PADDING: Final = 16.0
HEADER: Final = 28.0
STACKED: Final = 8.0
"""How far the sheets behind a map's frame stand out."""

NAME_SIZE: Final = 13.0
LINE_SIZE: Final = 11.0
LABEL_SIZE: Final = 11.0
LINE_HEIGHT: Final = 15.0
LABEL_HEIGHT: Final = 19.0
ROOM_FOR_ICON: Final = 20.0
ROOM_FOR_MARK: Final = 20.0

SIDE: Final = 13.0
_LONGEST_NAME: Final = 32
_LONGEST_LINE: Final = 46
_LONGEST_HEADING: Final = 72
_LONGEST_LABEL: Final = 24
_LEAST_WIDTH: Final = 76.0

ICONS: Final = frozenset({"delay", "await_signal"})


def node_box(
    kind: str, path: str, name: str, lines: tuple[str, ...] = (), *, mark: bool = False
) -> Box:
    """A box at the origin that holds a name and lines below it; ``mark``: and a state's mark."""
    shown = shortened(clean(name), _LONGEST_NAME)
    cut = tuple(one_line(line, _LONGEST_LINE) for line in lines if line)
    room = (ROOM_FOR_ICON if kind in ICONS else 0.0) + (ROOM_FOR_MARK if mark else 0.0)
    texts = [text_width(line, LINE_SIZE) for line in cut]
    inside = max([name_width(shown, NAME_SIZE) + room, *texts, _LEAST_WIDTH - 2 * SIDE])
    width = inside + 2 * (SIDE + (10 if kind == "branch" else 0))
    height = 34.0 + LINE_HEIGHT * len(cut)
    return Box(kind, path, 0.0, 0.0, _even(width), height, shown, name, cut, lines)


def frame_box(kind: str, path: str, name: str, line: str, *, mark: bool) -> Box:
    """The frame's box as wide as its header asks for; whoever lays it out makes it larger."""
    shown, cut = shortened(clean(name), _LONGEST_NAME), one_line(line, _LONGEST_LINE)
    width = 2 * SIDE + ROOM_FOR_ICON + name_width(shown, NAME_SIZE)
    width += (10 + text_width(cut, LINE_SIZE) if cut else 0) + (ROOM_FOR_MARK if mark else 0)
    lines = (cut,) if cut else ()
    return Box(kind, path, 0.0, 0.0, _even(width), HEADER, shown, name, lines, (line,), HEADER)


def label_at(path: str, text: str, x: float, y: float) -> Label:
    """A label whose middle is at ``x`` and whose top at ``y``."""
    shown = shortened(clean(text), _LONGEST_LABEL)
    width = _even(max(name_width(shown, LABEL_SIZE) + 14, LABEL_HEIGHT))
    return Label(path, x - width / 2, y, width, LABEL_HEIGHT, shown, text)


def heading_box(name: str, lines: tuple[str, ...]) -> Box:
    """Lines above a picture; the first one is larger."""
    shown = shortened(clean(name), _LONGEST_HEADING)
    cut = tuple(one_line(line, _LONGEST_HEADING) for line in lines if line)
    width = max(
        [name_width(shown, NAME_SIZE + 2), *(text_width(one, LINE_SIZE + 1) for one in cut)]
    )
    height = 22.0 + (LINE_HEIGHT + 2) * len(cut)
    return Box("heading", "", 0.0, 0.0, _even(width), height, shown, name, cut, lines)


def _even(width: float) -> float:
    """The next even number, so that middles are whole and lines are sharp."""
    return 2.0 * -(-width // 2)
