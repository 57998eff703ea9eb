"""Where everything of a picture stands.

A graph is in series and in parallel, so its picture is built like itself: a sequence is a column,
a fork and a branch are a row of columns, what holds a body is a frame around it. Lines only lead
from a block's bottom to the next one's top, through the room between them, so that none can cross
a box. A long column goes on in another one beside it, a long row in another one below.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from sayiir.dsl.nodes import Branch, Fork, Loop, Map
from sayiir.dsl.walk import NODE_KINDS, inner_sequences
from sayiir.ids import path_segments
from sayiir.render.arms import arms_block
from sayiir.render.scene import Block, Box, Line
from sayiir.render.sizes import (
    GAP,
    HEADER,
    LABEL_HEIGHT,
    MARGIN,
    PADDING,
    STACKED,
    frame_box,
    heading_box,
    label_at,
    node_box,
)

if TYPE_CHECKING:
    from sayiir.dsl.definition import Definition
    from sayiir.dsl.nodes import Node, NodeSequence

__all__ = ["Told", "laid_out"]

Told: TypeAlias = Callable[[str, "Node"], tuple[str, ...]]
"""What is said of a node below its name, told its path."""

_LONG_COLUMN: Final = 1_300.0
_GUTTER: Final = 40.0
_TURN: Final = 28.0
"""Height of the room above a further column, in which the line from the one before arrives."""


def laid_out(
    definition: Definition, told: Told, heading: tuple[str, ...] = (), *, marks: bool = False
) -> Block:
    """The whole picture as one block, with a margin.

    Args:
        definition: what to draw.
        told: what is said of each node.
        heading: lines above it; may be none.
        marks: leave room for the mark of a state in each box.
    """
    body = _Layout(told, marks).sequence(definition.root, "", ends=definition.name)
    top = MARGIN
    width = body.width
    whole = Block(0, 0, 0, 0)
    if heading:
        box = heading_box(heading[0], heading[1:])
        whole.parts.append(replace(box, x=MARGIN, y=MARGIN))
        top += box.height + 14
        width = max(width, box.width)
    whole.blocks.append((MARGIN + _whole((width - body.width) / 2), top, body))
    whole.width = width + 2 * MARGIN
    whole.height = top + body.height + MARGIN
    return whole


@dataclass(slots=True)
class _Layout:
    told: Told
    marks: bool

    def sequence(self, sequence: NodeSequence, prefix: str, ends: str = "") -> Block:
        """The nodes of a sequence; of the whole graph, named ``ends``, between start and end."""
        blocks = [self.node(node, prefix + node.id) for node in sequence.nodes]
        if ends:
            start = _of_box(node_box("start", "", ends))
            end = _of_box(Box("end", "", 0, 0, 18, 18, "", "end"))
            blocks = [start, *blocks, end]
        return _columns(blocks, goes_on=not ends)

    def node(self, node: Node, path: str) -> Block:
        """A node with all that it holds."""
        match node:
            case Fork() | Branch():
                return self._arms(node, path)
            case _:
                held = list(inner_sequences(node))
                if held:
                    (_, body) = held[0]
                    return self._frame(node, path, self.sequence(body, f"{path}/"))
                return _of_box(self._box(node, path))

    def _box(self, node: Node, path: str) -> Box:
        kind = NODE_KINDS[type(node)]
        return node_box(kind, path, node.id, self.told(path, node), mark=self.marks)

    def _arms(self, node: Fork | Branch, path: str) -> Block:
        arms: list[Block] = []
        for suffix, body in inner_sequences(node):
            inner = self.sequence(body, f"{path}{suffix}/")
            arms.append(_labelled(path + suffix, _selector_text(suffix), inner))
        return arms_block(self._box(node, path), arms, at_once=isinstance(node, Fork))

    def _frame(self, node: Node, path: str, inner: Block) -> Block:
        told = " · ".join(self.told(path, node))
        box = frame_box(NODE_KINDS[type(node)], path, node.id, told, mark=self.marks)
        loops = isinstance(node, Loop)
        right = PADDING + (20 if loops else 0)
        width = max(box.width, inner.width + PADDING + right)
        x = PADDING + _whole((width - inner.width - PADDING - right) / 2)
        top = HEADER + GAP
        bottom = top + inner.height
        height = bottom + (24 if loops else 18)
        stacked = STACKED if isinstance(node, Map) else 0.0
        entry, end = x + inner.entry, x + inner.exit
        block = Block(width + stacked, height + stacked, entry, end, path)
        block.parts.append(replace(box, width=width, height=height))
        block.parts.append(Line(inner.path, ((entry, HEADER), (entry, top)), arrow=True))
        block.parts.append(Line(path, ((end, bottom), (end, height + stacked))))
        block.blocks.append((x, top, inner))
        if loops:
            side, below, above = x + inner.width + 14, bottom + 11, HEADER + 11
            way = ((end, below), (side, below), (side, above), (entry, above))
            block.parts.append(Line(path, way, arrow=True, back=True))
        return block


def _of_box(box: Box) -> Block:
    middle = box.width / 2
    return Block(box.width, box.height, middle, middle, box.path, [box])


def _whole(length: float) -> float:
    return float(round(length))


def _selector_text(suffix: str) -> str:
    """``"[*]"`` as people read it: unquoted, and the default by its name."""
    if suffix == "[*]":
        return "default"
    ((_, selector),) = path_segments(f"x{suffix}")
    return selector or '""'


def _labelled(path: str, text: str, body: Block) -> Block:
    """An arm: its label, and its body below."""
    label = label_at(path, text, 0, 0)
    half = label.width / 2
    x = max(0.0, half - body.entry)
    width = max(x + body.width, x + body.entry + half)
    top = LABEL_HEIGHT + 16
    entry = x + body.entry
    block = Block(width, top + body.height, entry, x + body.exit, path)
    block.parts.append(replace(label, x=entry - half))
    block.parts.append(Line(body.path, ((entry, LABEL_HEIGHT), (entry, top)), arrow=True))
    block.blocks.append((x, top, body))
    return block


def _columns(blocks: Sequence[Block], *, goes_on: bool) -> Block:
    """Blocks one below the other; where that is very high, in columns side by side.

    ``goes_on``: a line is to leave at the bottom.
    """
    count = _column_count(blocks)
    if count == 1:
        return _column(blocks)
    columns = [_column(part) for part in _parts(blocks, count)]
    return _beside(columns, goes_on=goes_on) if len(columns) > 1 else columns[0]


def _column_count(blocks: Sequence[Block]) -> int:
    """How many columns make a picture that is higher than wide, but not too high."""
    height = sum(block.height + GAP for block in blocks)
    width = max(block.width for block in blocks) + _GUTTER
    count = 1
    while count < len(blocks) and height / count > max(_LONG_COLUMN, 2.2 * count * width):
        count += 1
    return count


def _parts(blocks: Sequence[Block], count: int) -> list[Sequence[Block]]:
    """The blocks in ``count`` parts of about the same height, none of them empty."""
    share = sum(block.height + GAP for block in blocks) / count
    parts: list[Sequence[Block]] = []
    begin, reached = 0, 0.0
    for index, block in enumerate(blocks):
        reached += block.height + GAP
        if reached >= share * (len(parts) + 1) - 1 and len(parts) < count - 1:
            parts.append(blocks[begin : index + 1])
            begin = index + 1
    if begin < len(blocks):
        parts.append(blocks[begin:])
    return parts


def _column(blocks: Sequence[Block]) -> Block:
    """Blocks one below the other, each line straight down."""
    if len(blocks) == 1:
        return blocks[0]
    lefts = [0.0]
    for before, after in itertools.pairwise(blocks):
        lefts.append(lefts[-1] + before.exit - after.entry)
    least = min(lefts)
    lefts = [left - least for left in lefts]
    column = Block(0, 0, lefts[0] + blocks[0].entry, lefts[-1] + blocks[-1].exit, blocks[0].path)
    y = 0.0
    for left, block in zip(lefts, blocks, strict=True):
        if y:
            x = left + block.entry
            column.parts.append(Line(block.path, ((x, y), (x, y + GAP)), arrow=True))
            y += GAP
        column.blocks.append((left, y, block))
        column.width = max(column.width, left + block.width)
        y += block.height
    column.height = y
    return column


def _beside(columns: Sequence[Block], *, goes_on: bool) -> Block:
    """Columns side by side; from the bottom of each a line leads up to the top of the next."""
    whole = Block(0, 0, columns[0].entry, 0, columns[0].path)
    tops = [0.0, *[_TURN] * (len(columns) - 1)]
    turns = [top + column.height + 14 for top, column in zip(tops, columns[:-1], strict=False)]
    whole.height = max(*turns, tops[-1] + columns[-1].height)
    x = 0.0
    for number, (top, column) in enumerate(zip(tops, columns, strict=True)):
        whole.blocks.append((x, top, column))
        end, bottom = x + column.exit, top + column.height
        whole.width = x + column.width
        if number == len(columns) - 1:
            whole.exit = end
            if goes_on and bottom < whole.height:
                whole.parts.append(Line(column.path, ((end, bottom), (end, whole.height))))
            break
        after = columns[number + 1]
        side = x + column.width + _GUTTER / 2
        x += column.width + _GUTTER
        entry, turn = x + after.entry, turns[number]
        way = ((end, bottom), (end, turn), (side, turn), (side, 12.0), (entry, 12.0))
        whole.parts.append(Line(after.path, (*way, (entry, _TURN)), arrow=True))
    return whole
