"""Charts as inline SVG. Colours are classes, so that the page's style sheet picks light or dark."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from examples.source_survey.values import Bar

__all__ = ["bar_chart", "column_chart", "legend", "range_chart", "scatter_chart"]

WIDTH: Final = 560
ROW: Final = 26
LABEL_WIDTH: Final = 150
VALUE_WIDTH: Final = 64
LABEL_LETTERS: Final = 22
SERIES: Final = 6
"""How many colours the style sheet has: ``s0`` to ``s5``."""


def legend(names: Iterable[str]) -> str:
    """The names of the series beside their colours.

    >>> legend(["code"])
    '<ul class="legend"><li><i class="s0"></i>code</li></ul>'
    """
    items = (f'<li><i class="{_series(n)}"></i>{escape(name)}</li>' for n, name in enumerate(names))
    return f'<ul class="legend">{"".join(items)}</ul>'


def bar_chart(
    bars: Sequence[Bar], names: Sequence[str], title: str, unit: str, *, shares: bool = False
) -> str:
    """Horizontal bars made of parts, a row each, with the sum at the end.

    Args:
        bars: the rows; parts that ``names`` doesn't have are left out.
        names: the parts, in the order of their colours.
        title: for those who hear the page read.
        unit: what is counted, for the tooltips.
        shares: draw all bars equally long, so that their parts can be compared.
    """
    longest = max((sum(bar.parts.values()) for bar in bars), default=0) or 1
    room = WIDTH - LABEL_WIDTH - VALUE_WIDTH
    parts: list[str] = []
    for row, bar in enumerate(bars):
        top, x, total = row * ROW, float(LABEL_WIDTH), sum(bar.parts.values())
        scale = room / ((total or 1) if shares else longest)
        parts.append(_row_label(bar.label, top))
        for index, name in enumerate(names):
            width = bar.parts.get(name, 0) * scale
            if width:
                tip = f"{bar.label}: {_number(bar.parts[name])} {unit}, {name}"
                parts.append(
                    f'<rect class="{_series(index)}" x="{x:.1f}" y="{top + 5}" '
                    f'width="{width:.1f}" height="{ROW - 10}">{_tip(tip)}</rect>'
                )
            x += width
        parts.append(f'<text class="value" x="{x + 6:.1f}" y="{top + 17}">{_number(total)}</text>')
    return _svg(ROW * len(bars), title, parts)


def column_chart(labels: Sequence[str], values: Sequence[int], title: str, first_bad: int) -> str:
    """Columns with their values on top; those from ``first_bad`` on in the warning colour."""
    height, base, top = 260, 226, 26
    step = WIDTH / max(len(labels), 1)
    tallest = max(values, default=0) or 1
    parts = [f'<line class="axis" x1="0" x2="{WIDTH}" y1="{base}" y2="{base}"/>']
    for index, (label, value) in enumerate(zip(labels, values, strict=True)):
        tall = max((base - top) * value / tallest, 1.5 if value else 0)
        middle = step * (index + 0.5)
        colour = "s1" if index >= first_bad else "s0"
        parts += [
            f'<rect class="{colour}" x="{middle - step * 0.36:.1f}" y="{base - tall:.1f}" '
            f'width="{step * 0.72:.1f}" height="{tall:.1f}" rx="2">'
            f"{_tip(f'{value:,} functions of complexity {label}')}</rect>",
            f'<text class="value" text-anchor="middle" x="{middle:.1f}" '
            f'y="{base - tall - 7:.1f}">{value:,}</text>',
            f'<text class="label" text-anchor="middle" x="{middle:.1f}" y="{base + 20}">'
            f"{escape(label)}</text>",
        ]
    return _svg(height, title, parts)


def range_chart(
    rows: Sequence[tuple[str, float, float]], title: str, names: tuple[str, str]
) -> str:
    """Two shares (0 to 1) a row, as dots on a line from 0 to 100 percent."""
    left, right = LABEL_WIDTH, WIDTH - 24
    bottom = ROW * len(rows)
    parts: list[str] = []
    for percent in (0, 25, 50, 75, 100):
        x = left + (right - left) * percent / 100
        parts += [
            f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{bottom}"/>',
            f'<text class="label" text-anchor="middle" x="{x:.1f}" y="{bottom + 18}">'
            f"{percent} %</text>",
        ]
    for row, (label, *shares) in enumerate(rows):
        middle = row * ROW + ROW / 2
        spots = [left + (right - left) * part for part in shares]
        parts += [
            _row_label(label, row * ROW),
            f'<line class="join" x1="{min(spots):.1f}" x2="{max(spots):.1f}" '
            f'y1="{middle}" y2="{middle}"/>',
        ]
        # The second first: where both are equal, the first one is seen inside the second.
        for index in (1, 0):
            parts.append(
                f'<circle class="{_series(index)}" cx="{spots[index]:.1f}" cy="{middle}" '
                f'r="{5 + index}">{_tip(f"{label}: {shares[index]:.0%} {names[index]}")}</circle>'
            )
    return _svg(bottom + 26, title, parts)


def scatter_chart(points: Sequence[tuple[str, int, int]], title: str, bad_from: int) -> str:
    """A dot a file: lines of code against its worst function, both on logarithmic axes."""
    height, left, base, top, right = 340, 44, 300, 10, WIDTH - 14
    most_lines = max((lines for _, lines, _ in points), default=1)
    most_ways = max((ways for _, _, ways in points), default=1)
    x_ticks, y_ticks = _powers(most_lines, 10), _powers(most_ways, 2)

    def x_of(lines: int) -> float:
        return left + (right - left) * math.log(max(lines, 1)) / math.log(x_ticks[-1])

    def y_of(ways: int) -> float:
        return base - (base - top) * math.log(max(ways, 1)) / math.log(y_ticks[-1])

    parts: list[str] = []
    for tick in x_ticks:
        x = x_of(tick)
        parts += [
            f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{base}"/>',
            f'<text class="label" text-anchor="middle" x="{min(x, right - 8):.1f}" '
            f'y="{base + 18}">{tick:,}</text>',
        ]
    for tick in y_ticks:
        y = y_of(tick)
        parts += [
            f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>',
            f'<text class="label" text-anchor="end" x="{left - 8}" y="{y + 4:.1f}">{tick}</text>',
        ]
    for path, lines, ways in points:
        colour = "s1" if ways >= bad_from else "s0"
        tip = _tip(f"{path}: {lines:,} lines of code, worst function {ways}")
        parts.append(
            f'<circle class="{colour} dot" cx="{x_of(lines):.1f}" cy="{y_of(ways):.1f}" r="3">'
            f"{tip}</circle>"
        )
    middle = (left + right) / 2
    parts.append(
        f'<text class="label" text-anchor="middle" x="{middle}" y="{height - 4}">'
        "lines of code in the file</text>"
    )
    return _svg(height, title, parts)


def _svg(height: float, title: str, parts: Iterable[str]) -> str:
    name = escape(title, quote=True)
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{name}">'
        f"{''.join(parts)}</svg>"
    )


def _row_label(label: str, top: float) -> str:
    short = label if len(label) <= LABEL_LETTERS else "…" + label[1 - LABEL_LETTERS :]
    return (
        f'<text class="label" text-anchor="end" x="{LABEL_WIDTH - 10}" y="{top + 17}">'
        f"{escape(short)}{_tip(label)}</text>"
    )


def _tip(text: str) -> str:
    return f"<title>{escape(text)}</title>"


def _series(index: int) -> str:
    return f"s{index % SERIES}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def _powers(largest: int, base: int) -> list[int]:
    """1, base, base², … up to the first that is not below the largest, and at least two."""
    ticks = [1, base]
    while ticks[-1] < largest:
        ticks.append(ticks[-1] * base)
    return ticks
