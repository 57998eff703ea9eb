"""Where commands write: results to standard output, everything else to standard error."""

from __future__ import annotations

import io
import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

from sayiir.cli.texts import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeAlias

    from rich.console import Console, ConsoleOptions
    from rich.table import Table

    Row: TypeAlias = tuple[Sequence[str], str | None]

__all__ = ["PlainTable", "console", "plain_table", "print_json", "say", "symbols", "warn"]

_BETWEEN = 2
"""Columns that rich leaves between two of a table."""
_LEAST_COLUMNS = 6
"""What a column that yields keeps: so much still tells one name from another, now and then."""

_PIPE_COLUMNS = 10_000
"""A pipe has no edge: nothing is cut or wrapped for it."""


def console(*, stderr: bool = False) -> Console:
    """A console that takes text as text: no markup, no emoji codes, no guessed colours.

    rich itself respects ``NO_COLOR``, ``FORCE_COLOR``, ``TERM=dumb`` and ``COLUMNS``.
    """
    from rich.console import Console

    stream = writable(sys.stderr if stderr else sys.stdout)
    width = None if stream.isatty() or os.environ.get("COLUMNS") else _PIPE_COLUMNS
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, width=width)


def say(text: str = "") -> None:
    """One message on standard output; stored text in it can't steer the terminal."""
    writable(sys.stdout).write(clean(text) + "\n")


def warn(text: str) -> None:
    """One message on standard error; stored text in it can't steer the terminal."""
    writable(sys.stderr).write(clean(text) + "\n")


def writable(stream: TextIO) -> TextIO:
    """The stream, from now on escaping what its encoding has no byte for."""
    wrapper: object = stream
    if isinstance(wrapper, io.TextIOWrapper) and wrapper.errors == "strict":
        wrapper.reconfigure(errors="backslashreplace")
    return stream


def print_json(value: Any, *, on_one_line: bool = False) -> None:
    """A JSON document on standard output, of ASCII alone, so that any reader takes it."""
    indent = None if on_one_line else 2
    sys.stdout.write(json.dumps(value, indent=indent, ensure_ascii=True, allow_nan=False) + "\n")
    sys.stdout.flush()


def plain_table(
    headings: Sequence[str], rows: Sequence[Row], *, yielding: Sequence[str]
) -> PlainTable:
    """A table without lines whose narrow columns stay whole in a narrow terminal.

    Args:
        headings: of the columns.
        rows: each as (cells, style).
        yielding: the headings of the columns that may be cut, the widest of them first.
    """
    return PlainTable(tuple(headings), tuple(rows), frozenset(yielding))


@dataclass(frozen=True, slots=True)
class PlainTable:
    """See ``plain_table``; how wide it may be is known when it is printed."""

    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    yielding: frozenset[str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Table]:
        """The table, in as many columns as there are."""
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading, width in zip(self.headings, self._widths(options.max_width), strict=True):
            table.add_column(heading, no_wrap=True, overflow="ellipsis", width=width)
        for cells, style in self.rows:
            table.add_row(*cells, style=style)
        yield table

    def _widths(self, room: int) -> list[int]:
        from rich.cells import cell_len

        widths = [
            max(cell_len(heading), *(cell_len(cells[number]) for cells, _ in self.rows), 0)
            for number, heading in enumerate(self.headings)
        ]
        may_yield = [at for at, heading in enumerate(self.headings) if heading in self.yielding]
        excess = sum(widths) + _BETWEEN * (len(widths) - 1) - room
        for _ in range(max(excess, 0)):
            widest = max(may_yield, key=lambda at: widths[at], default=None)
            if widest is None or widths[widest] <= _LEAST_COLUMNS:
                break
            widths[widest] -= 1
        return widths


def symbols(encoding: str | None) -> bool:
    """Whether more than ASCII can be written in this encoding."""
    return (encoding or "").lower().replace("-", "").startswith("utf")
