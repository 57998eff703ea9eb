"""Small pieces of HTML for notebooks: everything that was stored is escaped, styles are inline.

Code hosts drop style sheets and scripts, and a page may be light or dark. So there are only
inline styles, ink comes from the page, and colours are those that can be read on both.
"""

from __future__ import annotations

import pprint
from html import escape
from typing import TYPE_CHECKING, Any, Final

from sayiir.render.words import clean, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "badge",
    "block",
    "code",
    "folded",
    "heading",
    "pairs",
    "short",
    "table",
    "text",
    "value",
    "value_block",
]

_LEFT: Final = "text-align:left;vertical-align:top;padding:2px 10px 2px 0"
_MONO: Final = "font-family:ui-monospace,Menlo,Consolas,monospace;font-size:0.92em"
_COLOURS: Final = {
    "good": "#3a9a56",
    "busy": "#3b86d8",
    "wait": "#b98a12",
    "bad": "#dd4b40",
    "plain": "#7b8592",
}
_MOST_CHARACTERS: Final = 4_000


def text(given: object) -> str:
    """Text for an element: what HTML would obey is escaped, and so is what a terminal would."""
    return escape(clean(str(given)))


def short(given: object) -> str:
    """A time or a number, which stays on one line."""
    return f'<span style="white-space:nowrap">{text(given)}</span>'


def code(given: object, limit: int = 160) -> str:
    """A path, an id or a hash."""
    return f'<code style="background:none;padding:0">{text(one_line(str(given), limit))}</code>'


def value(given: Any, limit: int = 160) -> str:
    """A value on one line, cut where it is long."""
    return code(repr(given), limit)


def block(told: str) -> str:
    """A text over several lines, cut where it is long."""
    cut = told if len(told) <= _MOST_CHARACTERS else told[: _MOST_CHARACTERS - 1] + "…"
    style = f"{_MONO};margin:4px 0;white-space:pre-wrap;overflow-wrap:anywhere;text-align:left"
    return f'<pre style="{style}">{text(cut)}</pre>'


def value_block(given: Any) -> str:
    """A value over as many lines as it takes."""
    told = repr(given)
    # What is cut anyway need not be laid out, which would take its time.
    return block(told if len(told) > _MOST_CHARACTERS else pprint.pformat(given, width=96))


def badge(word: str, mood: str) -> str:
    """A state as a coloured word.

    Args:
        word: the state.
        mood: ``"good"``, ``"busy"``, ``"wait"``, ``"bad"`` or ``"plain"``.
    """
    colour = _COLOURS[mood]
    style = f"color:{colour};white-space:nowrap;font-weight:600"
    return f'<span style="{style}">\u25cf {text(word)}</span>'


def heading(*parts: str) -> str:
    """A line of parts that are HTML already."""
    return f'<div style="margin:2px 0;text-align:left">{" ".join(parts)}</div>'


def folded(summary: str, content: str) -> str:
    """Content behind a line that opens it; both are HTML already."""
    return f'<details style="text-align:left"><summary>{summary}</summary>{content}</details>'


def pairs(rows: Iterable[tuple[str, str]]) -> str:
    """Names and values (HTML already) below each other; nothing for no rows."""
    lines = [
        f'<tr><th scope="row" style="{_LEFT};font-weight:normal;opacity:0.7">{text(name)}</th>'
        f'<td style="{_LEFT}">{told}</td></tr>'
        for name, told in rows
    ]
    return _table("", lines) if lines else ""


def table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already."""
    head = "".join(f'<th scope="col" style="{_LEFT}">{text(name)}</th>' for name in names)
    lines = [
        "<tr>" + "".join(f'<td style="{_LEFT}">{cell}</td>' for cell in row) + "</tr>"
        for row in rows
    ]
    return _table(f"<thead><tr>{head}</tr></thead>", lines)


def _table(head: str, lines: list[str]) -> str:
    style = "border-collapse:collapse;margin:2px 0"
    return f'<table style="{style}">{head}<tbody>{"".join(lines)}</tbody></table>'
