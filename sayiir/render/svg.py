"""A picture as SVG: text stays text, nothing is fetched, and equal graphs give equal files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import blake2b
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

from sayiir.render.measure import name_width
from sayiir.render.scene import Bar, Block, Box, Label, Line, Part, placed
from sayiir.render.sizes import (
    HEADER,
    ICONS,
    LINE_HEIGHT,
    NAME_SIZE,
    ROOM_FOR_ICON,
    ROOM_FOR_MARK,
    SIDE,
)
from sayiir.render.svg_shapes import (
    frame_shapes,
    line_elements,
    mark,
    node_shape,
    number,
    sign,
)
from sayiir.render.svg_style import CLASS, style_sheet
from sayiir.render.words import clean

if TYPE_CHECKING:
    from sayiir.render.svg_style import Theme

__all__ = ["StateAt", "svg_text"]

StateAt: TypeAlias = Callable[[str], str]
"""The state at a path: ``"done"`` …, or empty where no states are drawn."""


def svg_text(
    block: Block, *, title: str, description: str, theme: Theme = "auto", state_at: StateAt
) -> str:
    """The picture of a block as a whole document, which can stand inside a page as well.

    Args:
        block: what is drawn.
        title: the picture's name, for those who hear it.
        description: what is to be seen, in words.
        theme: ``"auto"`` follows the reader's system.
        state_at: how each node and arm stands.
    """
    size = f"{number(block.width)} {number(block.height)}"
    body = list(chain.from_iterable(_layers(block, state_at)))
    digest = blake2b("\n".join([title, description, *body]).encode("utf-8", "replace"))
    mark_of_it = digest.hexdigest()[:10]  # several pictures may stand in one page
    named = f"{CLASS}-t-{mark_of_it}", f"{CLASS}-d-{mark_of_it}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{CLASS}" viewBox="0 0 {size}" '
        f'width="{number(block.width)}" height="{number(block.height)}" role="img" '
        f'aria-labelledby="{named[0]} {named[1]}">',
        f'<title id="{named[0]}">{escaped(title)}</title>',
        f'<desc id="{named[1]}">{escaped(description)}</desc>',
        f"<style>\n{style_sheet(theme)}\n</style>",
        f'<rect class="{CLASS}-page" width="100%" height="100%" rx="10"/>',
        *body,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text for an element or an attribute; what XML can't hold is written as Python escapes it."""
    shown = clean(text).replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        shown = shown.replace(character, entity)
    return shown


def _layers(block: Block, state_at: StateAt) -> Iterator[Iterator[str]]:
    """Frames, then lines, then what stands on lines."""
    parts = list(placed(block))
    frames = (one for one in parts if isinstance(one, Box) and one.header)
    # Where lines share a way, those to what has been reached lie on top.
    lines = sorted(
        (one for one in parts if isinstance(one, Line)),
        key=lambda one: state_at(one.path) not in ("", "pending"),
    )
    rest = (one for one in parts if not isinstance(one, Line) and not _is_frame(one))
    yield (_frame(one, state_at) for one in frames)
    yield (element for one in lines for element in line_elements(one))
    yield (_on_top(one, state_at) for one in rest)


def _is_frame(part: Part) -> bool:
    return isinstance(part, Box) and part.header > 0


def _group(kind: str, path: str, state: str, title: str, inner: list[str]) -> str:
    css = f"{CLASS}-{kind}" + (f" {CLASS}-is-{state}" if state else "")
    data = f' data-path="{escaped(path)}"' if path else ""
    held = "".join(inner)
    return f'<g class="{css}"{data}><title>{escaped(title)}</title>{held}</g>'


def _text(css: str, x: float, y: float, text: str) -> str:
    return f'<text class="{css}" x="{number(x)}" y="{number(y)}">{escaped(text)}</text>'


def _frame(box: Box, state_at: StateAt) -> str:
    state = state_at(box.path)
    x, middle = box.x + SIDE, box.y + HEADER / 2
    inner = frame_shapes(box)
    inner.append(sign(box.kind, x, middle - 6))
    inner.append(_header(box, x + ROOM_FOR_ICON, middle + 4.5))
    if state:
        inner.append(mark(state, box.x + box.width - SIDE - 11, middle - 5.5))
    return _group(box.kind, box.path, state, _title(box, state), inner)


def _header(box: Box, x: float, y: float) -> str:
    name = _text(f"{CLASS}-name", x, y, box.name)
    if not box.lines:
        return name
    after = x + name_width(box.name, NAME_SIZE) + 10
    return name + _text(f"{CLASS}-soft", after, y, box.lines[0])


def _on_top(part: Part, state_at: StateAt) -> str:
    match part:
        case Box(kind="heading"):
            return _heading(part)
        case Box(kind="end"):
            return _end(part)
        case Box():
            return _node(part, state_at(part.path) if part.path else "")
        case Label():
            return _label(part, state_at(part.path))
        case Bar():
            return _bar(part, state_at(part.path))
        case Line():
            raise AssertionError("lines have a layer of their own")


def _node(box: Box, state: str) -> str:
    inner = [node_shape(box)]
    middle = box.x + box.width / 2
    room_left = ROOM_FOR_ICON if box.kind in ICONS else 0.0
    x = middle + (room_left - (ROOM_FOR_MARK if state else 0)) / 2
    if room_left:
        inner.append(sign(box.kind, box.x + SIDE, box.y + 11))
    inner.append(_text(f"{CLASS}-name {CLASS}-mid", x, box.y + 21.5, box.name))
    for row, line in enumerate(box.lines, start=1):
        y = box.y + 22 + LINE_HEIGHT * row
        inner.append(_text(f"{CLASS}-soft {CLASS}-mid", middle, y, line))
    if state:
        inner.append(mark(state, box.x + box.width - SIDE - 11, box.y + 11.5))
    return _group(box.kind, box.path, state, _title(box, state), inner)


def _title(box: Box, state: str) -> str:
    told = ", ".join((*((state,) if state else ()), *box.whole_lines))
    return f"{box.path or box.whole_name}: {told}" if told else (box.path or box.whole_name)


def _label(label: Label, state: str) -> str:
    place = f'x="{number(label.x)}" y="{number(label.y)}" width="{number(label.width)}"'
    shape = f'<rect class="{CLASS}-label" {place} height="{number(label.height)}" rx="9"/>'
    text = _text(f"{CLASS}-arm", label.x + label.width / 2, label.y + 13.5, label.text)
    return _group("at", label.path, state, f"arm {label.whole_text}", [shape, text])


def _bar(bar: Bar, state: str) -> str:
    css = f"{CLASS}-bars {CLASS}-is-{state}" if state else f"{CLASS}-bars"
    size = f'width="{number(bar.width)}" height="{number(bar.height)}"'
    place = f'x="{number(bar.x)}" y="{number(bar.y)}" {size}'
    return f'<g class="{css}"><rect class="{CLASS}-bar" {place} rx="2"/></g>'


def _heading(box: Box) -> str:
    texts = [_text(f"{CLASS}-head", box.x, box.y + 15, box.name)]
    for row, line in enumerate(box.lines, start=1):
        y = box.y + 15 + (LINE_HEIGHT + 2) * row
        texts.append(_text(f"{CLASS}-said {CLASS}-soft", box.x, y, line))
    return "".join(texts)


def _end(box: Box) -> str:
    at = f'cx="{number(box.x + box.width / 2)}" cy="{number(box.y + box.height / 2)}"'
    rings = f'<circle class="{CLASS}-end" {at} r="8"/><circle class="{CLASS}-dot" {at} r="4.5"/>'
    return f"<g><title>end</title>{rings}</g>"
