"""The summary as a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from examples.source_survey.values import Counts, Summary

__all__ = ["summary_table"]

PACKAGES: Final = 10
UNREADABLE: Final = 5
HEAD: Final = ("package", "files", "lines", "functions", "classes", "docs", "types", "complexity")


def summary_table(summary: Summary, *, colour: bool) -> str:
    """The largest packages, the sum, the worst functions, what could not be parsed.

    Args:
        summary: what was found.
        colour: whether escape sequences may be written.
    """
    rows = [_row(p.name, p.counts) for p in summary.packages[:PACKAGES]]
    rest = [p.counts for p in summary.packages[PACKAGES:]]
    if rest:
        rows.append(_row(f"{len(rest)} others", Counts.total(rest)))
    table = _aligned([HEAD, *rows, _row("all", summary.counts)])
    rule = "-" * len(table[0])
    lines = [_bold(table[0], colour), rule, *table[1:-1], rule, _bold(table[-1], colour), ""]
    lines.append(_bold("most complex functions", colour))
    for function in summary.most_complex[:UNREADABLE]:
        where = f"{function.path}:{function.line}"
        lines.append(f"  {function.complexity:>4}  {function.name}  {where}")
    if summary.unreadable:
        lines += ["", _bold(f"could not be parsed: {len(summary.unreadable):,}", colour)]
        lines += [f"  {u.path}: {u.message}" for u in summary.unreadable[:UNREADABLE]]
        if len(summary.unreadable) > UNREADABLE:
            lines.append(f"  … and {len(summary.unreadable) - UNREADABLE:,} more in the report")
    return "\n".join(lines)


def _row(name: str, counts: Counts) -> tuple[str, ...]:
    mean = counts.complexity / max(counts.functions, 1)
    return (
        name,
        f"{counts.files:,}",
        f"{counts.lines:,}",
        f"{counts.functions:,}",
        f"{counts.classes:,}",
        f"{counts.documented_share:.0%}",
        f"{counts.annotated_share:.0%}",
        f"{mean:.1f}",
    )


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in rows
    ]


def _bold(text: str, colour: bool) -> str:
    return f"\x1b[1m{text}\x1b[0m" if colour else text
