"""Statuses, listings, histories and comparisons as tables: HTML for notebooks, or text."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, cast

from sayiir.comparison import Comparison
from sayiir.description import InstanceDescription
from sayiir.render import html
from sayiir.render.words import one_line, span_text
from sayiir.status import (
    AwaitingSignal,
    Cancelled,
    Completed,
    Failed,
    InProgress,
    InstanceInfo,
    InstancePage,
    Parked,
    Paused,
    TaskResult,
    Waiting,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sayiir.comparison import ComparedNode, ComparedRun
    from sayiir.description import OpenItem
    from sayiir.errors import FailureInfo

__all__ = [
    "comparison_html",
    "comparison_rows",
    "comparison_text",
    "html_of",
    "results_html",
    "results_text",
    "text_of",
]

MOST_ROWS: Final = 500
"""Longer tables are cut: a notebook keeps what it shows."""

_MOODS: Final = {
    "Completed": "good",
    "InProgress": "busy",
    "running": "busy",
    "Failed": "bad",
    "stopped": "bad",
    "Cancelled": "plain",
}
_INSTANCE_NAMES: Final = ("instance", "status", "workflow", "created", "took", "labels")
_VERDICTS: Final = {"equal": "good", "different": "bad"}


def html_of(shown: object) -> str:
    """What a notebook shows of a status, an instance or a list of them."""
    match shown:
        case InstanceInfo():
            return _instances([shown])
        case InstancePage(items=items, cursor=cursor):
            more = html.heading(html.text("more follow: list(cursor=page.cursor)"))
            return _instances(items) + (more if cursor is not None else "")
        case InstanceDescription():
            return _description(shown)
        case TaskResult():
            return results_html([shown])
        case _:
            return _status(shown)


def text_of(shown: object) -> str:
    """The same as text: a list of instances as a table, the rest as Python writes it."""
    if not isinstance(shown, InstancePage):
        return repr(shown)
    rows = [
        (
            one.instance_id,
            one.status,
            _workflow(one.workflow_name, one.workflow_version),
            f"{one.created_at:%Y-%m-%d %H:%M:%S} UTC",
            "" if one.finished_at is None else span_text(one.finished_at - one.created_at),
            _labels(one.labels),
        )
        for one in shown.items
    ]
    return _text_table(_INSTANCE_NAMES, rows)


# -- statuses


def _status(given: object) -> str:
    status: Any = given
    name = type(status).__name__
    head = html.badge(name, _mood(name))
    match status:
        case Completed():
            return html.heading(head) + html.value_block(cast("Completed[Any]", given).output)
        case Failed(error=error):
            return html.heading(head, html.text("at"), html.code(error.path)) + _failure(error)
        case Cancelled(reason=reason, cancelled_by=by):
            return html.heading(head) + html.pairs(_given(reason=reason, by=by))
        case Paused(reason=reason, paused_by=by, parked=parked):
            return html.heading(head) + html.pairs(_given(reason=reason, by=by)) + _parked(parked)
        case Waiting() | AwaitingSignal() | InProgress():
            return html.heading(head) + _parked(status.parked)
        case _:
            return html.value_block(status)


def _mood(name: str) -> str:
    return _MOODS.get(name, "wait")


def _given(**texts: str | None) -> list[tuple[str, str]]:
    return [(name, html.text(told)) for name, told in texts.items() if told]


def _failure(error: FailureInfo) -> str:
    told = html.heading(html.code(f"{error.type_name}: {error.message}", 500))
    facts = f"attempt {error.attempt}" + (f" of task {error.task}" if error.task else "")
    traceback = ""
    if error.traceback:
        traceback = html.folded(html.text("traceback"), html.block(error.traceback))
    return told + html.heading(html.text(facts)) + traceback


def _parked(parked: Sequence[Parked]) -> str:
    if not parked:
        return ""
    rows = [
        (
            html.code(one.path),
            "a time" if one.signal_name is None else "signal " + html.code(one.signal_name),
            _moment(one.wake_at),
        )
        for one in parked
    ]
    return html.table(("path", "waits for", "until"), rows)


def _moment(at: datetime | None) -> str:
    return "" if at is None else html.short(f"{at:%Y-%m-%d %H:%M:%S} UTC")


# -- instances


def _instances(items: Sequence[InstanceInfo]) -> str:
    if not items:
        return html.heading(html.text("no instances"))
    rows = [
        (
            html.code(one.instance_id),
            html.badge(one.status, _mood(one.status)),
            html.text(_workflow(one.workflow_name, one.workflow_version)),
            _moment(one.created_at),
            _took(one.created_at, one.finished_at),
            html.text(_labels(one.labels)),
        )
        for one in items
    ]
    return html.table(_INSTANCE_NAMES, rows)


def _took(began: datetime, ended: datetime | None) -> str:
    return "" if ended is None else html.short(span_text(ended - began))


def _workflow(name: str, version: str) -> str:
    return one_line(f"{name} {version}".strip())


def _labels(labels: Any) -> str:
    return one_line(", ".join(f"{name}={value}" for name, value in labels.items()))


def _description(seen: InstanceDescription) -> str:
    name = type(seen.status).__name__
    workflow = _workflow(seen.workflow_name, seen.workflow_version)
    head = html.heading(
        html.code(seen.instance_id), html.badge(name, _mood(name)), html.text(workflow)
    )
    facts = [("input", html.value(seen.input, 400))]
    if isinstance(seen.status, Completed):
        facts.append(("output", html.value(seen.status.output, 400)))
    if isinstance(seen.status, Failed):
        facts.append(("failed", _failure(seen.status.error)))
    if seen.labels:
        facts.append(("labels", html.text(_labels(seen.labels))))
    facts.append(("created", _moment(seen.created_at)))
    if seen.finished_at is not None:
        facts.append(("took", html.short(span_text(seen.finished_at - seen.created_at))))
    return head + html.pairs(facts) + _open_items(seen) + _pending(seen)


def _open_items(seen: InstanceDescription) -> str:
    if not seen.open_items:
        return ""
    rows = [
        (
            html.code(item.path),
            html.badge(item.phase, _mood(item.phase)),
            str(item.attempt),
            html.text(_standing(item)),
        )
        for item in seen.open_items[:MOST_ROWS]
    ]
    names = ("open at", "phase", "attempt", "")
    return html.table(names, rows) + _left_out(seen.open_item_count - len(rows))


def _standing(item: OpenItem) -> str:
    facts: list[str] = []
    if item.signal_name is not None:
        facts.append(f"waits for {item.signal_name}")
    if item.due_at is not None:
        facts.append(f"until {item.due_at:%Y-%m-%d %H:%M:%S} UTC")
    if item.progress is not None:
        facts += [f"{item.progress.fraction:.0%}"] if item.progress.fraction is not None else []
        facts += [item.progress.message] if item.progress.message else []
    if item.last_error is not None:
        facts.append(f"{item.last_error.type_name}: {item.last_error.message}")
    return one_line(", ".join(facts))


def _pending(seen: InstanceDescription) -> str:
    if not seen.pending_events:
        return ""
    rows = [
        (html.code(event.signal_name), html.code(event.path or ""), _moment(event.sent_at))
        for event in seen.pending_events[:MOST_ROWS]
    ]
    more = _left_out(seen.pending_event_count - len(rows))
    return html.table(("event nobody took", "for", "sent"), rows) + more


def _left_out(count: int) -> str:
    return html.heading(html.text(f"{count:,} more")) if count > 0 else ""


# -- histories


def results_html(results: Sequence[TaskResult]) -> str:
    """A history as a table."""
    if not results:
        return html.heading(html.text("no results"))
    rows = [
        (
            html.code(one.path),
            html.value(one.output) if one.error is None else _error_cell(one.error),
            _attempts(one.attempts),
            html.short(span_text(one.finished_at - one.started_at)) if one.attempts else "",
        )
        for one in results[:MOST_ROWS]
    ]
    names = ("path", "result", "attempts", "took")
    return html.table(names, rows) + _left_out(len(results) - len(rows))


def results_text(results: Sequence[TaskResult]) -> str:
    """A history as text."""
    return _text_table(
        ("path", "result", "attempts", "took"),
        (
            (
                one.path,
                repr(one.output) if one.error is None else _error_text(one.error),
                _attempts(one.attempts),
                span_text(one.finished_at - one.started_at) if one.attempts else "",
            )
            for one in results
        ),
    )


def _attempts(count: int) -> str:
    return "kept" if count == 0 else str(count)


def _error_text(error: FailureInfo) -> str:
    return f"{error.type_name}: {error.message}"


def _error_cell(error: FailureInfo) -> str:
    return html.badge("failed", "bad") + " " + html.code(_error_text(error))


# -- comparisons


def comparison_html(compared: Comparison) -> str:
    """A comparison as a table."""
    rows = [
        (
            html.code(node.path),
            html.badge(node.verdict, _VERDICTS.get(node.verdict, "wait")),
            _output_cell(node.first),
            _output_cell(node.second),
            html.short(_time(node.first)),
            html.short(_time(node.second)),
        )
        for node in compared.nodes[:MOST_ROWS]
    ]
    names = ("path", "", *_ids(compared), "took", "took")
    counts = html.heading(html.text(_counted(compared)))
    return counts + html.table(names, rows) + _left_out(len(compared.nodes) - len(rows))


def comparison_text(compared: Comparison) -> str:
    """A comparison as text."""
    names, *rows = comparison_rows(compared)
    return f"{_counted(compared)}\n{_text_table(names, rows)}"


def comparison_rows(compared: Comparison) -> list[tuple[str, ...]]:
    """A comparison's names of columns, and its rows: path, verdict, results, times."""
    names = ("path", "", *_ids(compared), "took", "took")
    return [names, *map(_text_row, compared.nodes)]


def _text_row(node: ComparedNode) -> tuple[str, ...]:
    outputs = (_output_text(node.first), _output_text(node.second))
    return (node.path, node.verdict, *outputs, _time(node.first), _time(node.second))


def _ids(compared: Comparison) -> tuple[str, str]:
    return one_line(compared.first_id, 40), one_line(compared.second_id, 40)


def _counted(compared: Comparison) -> str:
    verdicts = [node.verdict for node in compared.nodes]
    counts = [f"{verdicts.count(one):,} {one}" for one in dict.fromkeys(sorted(verdicts))]
    first, second = _ids(compared)
    return f"{first} and {second}: {', '.join(counts) or 'no results'}"


def _output_cell(run: ComparedRun | None) -> str:
    if run is None:
        return ""
    return html.value(run.output, 80) if run.error is None else _error_cell(run.error)


def _output_text(run: ComparedRun | None) -> str:
    if run is None:
        return ""
    return repr(run.output) if run.error is None else _error_text(run.error)


def _time(run: ComparedRun | None) -> str:
    if run is None:
        return ""
    return "kept" if run.kept else span_text(max(run.duration, timedelta()))


def _text_table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [tuple(names), *(tuple(one_line(cell, 48) for cell in row) for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(names))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
