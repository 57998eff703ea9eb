"""A terminal's screen as an SVG that follows the reader's light or dark."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.terminal_theme import TerminalTheme

if TYPE_CHECKING:
    from collections.abc import Callable

COLUMNS: Final = 84

_LIGHT: Final = TerminalTheme(
    (246, 248, 250),
    (31, 35, 40),
    [(31, 35, 40), (190, 30, 45), (20, 110, 50), (140, 90, 0), (9, 90, 200), (130, 60, 180),
     (0, 110, 130), (110, 119, 129)],
)  # fmt: skip
_DARK: Final = TerminalTheme(
    (22, 27, 34),
    (230, 237, 243),
    [(230, 237, 243), (255, 123, 114), (86, 211, 100), (227, 179, 65), (121, 192, 255),
     (210, 168, 255), (86, 212, 221), (139, 148, 158)],
)  # fmt: skip

# Without the fonts that rich would have the reader fetch from elsewhere: each line is stretched to
# its columns, so any font of equal widths will do.
_FRAME: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>TITLE</title>
<style>
text {{ font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; \
font-size: {char_height}px; line-height: {line_height}px; white-space: pre; }}
STYLE</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
<rect class="frame" x="1" y="1" width="100%" height="100%" rx="8"/>
<g transform="translate({terminal_x}, 18)" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g>
{matrix}
</g>
</g>
</svg>
"""


def terminal_svg(
    name: str,
    title: str,
    draw: Callable[[Console], None],
    *,
    columns: int = COLUMNS,
    rows: int | None = None,
) -> str:
    """What was drawn on a console, as a picture.

    Args:
        name: of the picture, unique in a page.
        title: what it shows, for those who can't see it.
        draw: draws on the console.
        columns: as wide as that.
        rows: as high as that, for what fills a whole screen.
    """
    screen = Console(
        record=True,
        file=io.StringIO(),
        width=columns,
        height=rows or 200,
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
        _environ={},
    )
    draw(screen)
    bodies, styles = [], []
    for theme in (_LIGHT, _DARK):
        svg = screen.export_svg(
            title="", theme=theme, clear=False, code_format=_FRAME, unique_id=name
        )
        colours = screen.export_svg(
            title="", theme=theme, clear=False, code_format="{styles}", unique_id=name
        )
        bodies.append(svg)
        frame = f".frame {{ fill: {theme.background_color.hex}; stroke: #8b949e; }}"
        styles.append("\n".join([*(line.strip() for line in colours.splitlines()), frame]))
    assert bodies[0] == bodies[1], "only the colours differ between light and dark"
    light, dark = styles
    style = f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"
    picture = bodies[0].replace("STYLE", style).replace("TITLE", title)
    # rich counts the rows of its window's head and its margins too.
    return _cut(re.sub(r"[ \t]+\n", "\n", picture))


def _cut(picture: str) -> str:
    """The picture without the room for a window's head, which it doesn't have."""
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', picture)
    terminal = re.search(r'(<rect x="0" y="0" width="[\d.]+" height=")([\d.]+)("/>)', picture)
    assert found is not None
    assert terminal is not None
    # The last line's descenders hang lower than rich counts.
    picture = picture.replace(terminal[0], f"{terminal[1]}{float(terminal[2]) + 8:g}{terminal[3]}")
    width, height = float(found[1]), float(terminal[2]) + 36
    picture = picture.replace(found[0], f'viewBox="0 0 {width:g} {height:g}"', 1)
    return picture.replace(
        'width="100%" height="100%" rx', f'width="{width - 2:g}" height="{height - 2:g}" rx', 1
    )
