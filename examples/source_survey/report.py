"""The report: one HTML file that needs nothing else, neither network nor scripts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from typing import Final

from examples.source_survey.charts import (
    bar_chart,
    column_chart,
    legend,
    range_chart,
    scatter_chart,
)
from examples.source_survey.values import (
    COMPLEXITY_LABELS,
    Assessment,
    Bar,
    PackageSummary,
    Summary,
    SurveyRequest,
    Verdict,
)

__all__ = ["report_html"]

PACKAGES: Final = 12
LINE_KINDS: Final = ("code", "docstrings", "comments", "blank")
TOO_COMPLEX: Final = COMPLEXITY_LABELS.index("11-20")


def report_html(request: SurveyRequest, summary: Summary, assessment: Assessment) -> str:
    """The whole page."""
    style = files("examples.source_survey").joinpath("style.css").read_text(encoding="utf-8")
    title = f"Source survey, Python {request.python}"
    cards = (
        _packages(summary),
        _complexity(summary),
        _coverage(summary),
        _assessment(assessment),
        _scatter(summary),
        _features(summary),
        _worst_functions(summary),
        _unreadable(summary),
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
{style}</style>
</head>
<body>
<main>
<h1>{escape(title)}</h1>
<p class="lead">{_scope(request, summary)}</p>
{_tiles(summary)}
<div class="cards">
{"".join(cards)}</div>
<footer>Complexity is McCabe&rsquo;s: one, and one more for each decision. A file is a checkpoint of
the workflow that wrote this page.</footer>
</main>
</body>
</html>
"""


def _scope(request: SurveyRequest, summary: Summary) -> str:
    found = summary.counts.files + len(summary.unreadable)
    chosen = f"{found:,} files" if request.limit is None else f"a choice of {found:,} files"
    return f"{chosen} under <code>{escape(request.root)}</code>"


def _tiles(summary: Summary) -> str:
    counts = summary.counts
    tiles = (
        (f"{counts.files:,}", "files parsed"),
        (f"{counts.lines:,}", "lines"),
        (f"{counts.functions:,}", f"functions, {counts.async_functions:,} async"),
        (f"{counts.classes:,}", "classes"),
        (f"{counts.documented_share:.0%}", "of what is public documented"),
        (f"{counts.annotated_share:.0%}", "of parameters and returns annotated"),
    )
    inside = "".join(f'<div class="tile"><b>{n}</b><span>{what}</span></div>' for n, what in tiles)
    return f'<div class="tiles">{inside}</div>'


def _packages(summary: Summary) -> str:
    bars = [
        Bar(label=p.name, parts=dict(zip(LINE_KINDS, _lines_by_kind(p), strict=True)))
        for p in summary.packages[:PACKAGES]
    ]
    title = "What the lines of the largest packages are"
    chart = bar_chart(bars, LINE_KINDS, title, "lines", shares=True)
    note = "What their lines are, and how many."
    return _card("The largest packages", note, legend(LINE_KINDS), chart)


def _lines_by_kind(package: PackageSummary) -> tuple[int, int, int, int]:
    counts = package.counts
    return counts.code_lines, counts.docstring_lines, counts.comment_lines, counts.blank_lines


def _complexity(summary: Summary) -> str:
    mean = summary.counts.complexity / max(summary.counts.functions, 1)
    note = (
        f"Functions by the number of ways through them: {mean:.1f} on average, "
        f"{summary.tangled_share:.1%} above ten."
    )
    values = summary.complexities or (0,) * len(COMPLEXITY_LABELS)
    chart = column_chart(COMPLEXITY_LABELS, values, "Functions by complexity", TOO_COMPLEX)
    return _card("Complexity", note, legend(("up to ten", "above ten")), chart)


def _coverage(summary: Summary) -> str:
    names = ("documented", "annotated")
    rows = [
        (p.name, p.counts.documented_share, p.counts.annotated_share)
        for p in summary.packages[:PACKAGES]
    ]
    note = "Docstrings of what is public, and annotations of parameters and returns."
    chart = range_chart(rows, "Documented and annotated share of the largest packages", names)
    return _card("Docstrings and annotations", note, legend(names), chart)


def _assessment(assessment: Assessment) -> str:
    sums: Counter[str] = Counter()
    for bar in assessment.bars:
        sums.update(bar.parts)
    names = sorted(sums, key=lambda name: -sums[name])
    chart = bar_chart(assessment.bars, names, assessment.headline, assessment.unit)
    heading = {
        Verdict.TANGLED: "Finding: some of it is tangled",
        Verdict.SOUND: "Finding: in good shape",
    }[assessment.verdict]
    text = f"<strong>{escape(assessment.headline)}.</strong> {escape(assessment.text)}"
    return _card(heading, text, legend(names), chart)


def _scatter(summary: Summary) -> str:
    chart = scatter_chart(summary.points, "Size and complexity of each file", bad_from=11)
    note = "A dot is a file; its height is the complexity of its worst function."
    return _card("Size and complexity", note, legend(("up to ten", "above ten")), chart)


def _features(summary: Summary) -> str:
    ordered = sorted(summary.feature_files.items(), key=lambda item: (-item[1], item[0]))
    bars = [Bar(label=name, parts={"files": float(number)}) for name, number in ordered]
    chart = bar_chart(bars, ("files",), "Files that use a feature of the language", "files")
    return _card("Features of the language", "Files that use one at least once.", chart)


def _worst_functions(summary: Summary) -> str:
    rows = (
        (
            f"<code>{escape(f.name)}</code>",
            f"<code>{escape(f.path)}:{f.line}</code>",
            f"{f.lines:,}",
            f"{f.complexity:,}",
        )
        for f in summary.most_complex
    )
    table = _table(("function", "where", "lines", "complexity"), rows, numbers=2)
    return _card("The most complex functions", "", table, wide=True)


def _unreadable(summary: Summary) -> str:
    if not summary.unreadable:
        return _card("Files that could not be parsed", "None.", wide=True)
    rows = (
        (f"<code>{escape(u.path)}</code>", escape(u.error), escape(u.message))
        for u in summary.unreadable
    )
    note = (
        f"{len(summary.unreadable):,} in all. Their map items failed and were collected, so "
        "they stopped nothing. Test suites contain such files on purpose."
    )
    table = _table(("file", "error", "message"), rows, numbers=0)
    return _card("Files that could not be parsed", note, table, wide=True)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: int) -> str:
    """A table whose last ``numbers`` columns are numbers; cells are HTML already."""
    plain = len(head) - numbers

    def line(tag: str, cells: Sequence[str]) -> str:
        marked = (
            f'<{tag} class="number">{cell}</{tag}>' if n >= plain else f"<{tag}>{cell}</{tag}>"
            for n, cell in enumerate(cells)
        )
        return f"<tr>{''.join(marked)}</tr>"

    body = "\n".join(line("td", row) for row in rows)
    return (
        f'<div class="scroll"><table><thead>{line("th", head)}</thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _card(heading: str, note: str, *parts: str, wide: bool = False) -> str:
    classes = "card wide" if wide else "card"
    about = f'<p class="note">{note}</p>' if note else ""
    return f'<section class="{classes}"><h2>{heading}</h2>{about}{"".join(parts)}</section>\n'
