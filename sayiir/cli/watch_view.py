"""The screen of ``watch``: instances above, workers below, in as many lines as there are."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.text import Text

from sayiir.cli.outcome import status_text
from sayiir.cli.screen import PlainTable, plain_table, symbols
from sayiir.cli.texts import clean, clock_text, one_line, span_text
from sayiir.cli.tree_view import TreeView
from sayiir.render.states import states_of
from sayiir.status import InProgress

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from sayiir.cli.watched import Seen
    from sayiir.description import InstanceDescription, OpenItem
    from sayiir.status import InstanceInfo

__all__ = ["picture"]

_STYLES: Final = {
    "AwaitingSignal": "yellow",
    "Cancelled": "dim",
    "Completed": "green",
    "Failed": "red",
    "InProgress": "cyan",
    "Paused": "yellow",
    "Waiting": "yellow",
}


def picture(seen: Seen, screen: Console) -> RenderableType:
    """What one look shows on this screen."""
    if seen.one is not None:
        shown = _one(seen, screen)
        return Group(shown, _trouble(seen, screen)) if seen.trouble else shown
    workers = seen.workers()
    # Title, two headings, two empty lines, and a line that tells of more.
    room = max(screen.height - 6, 2)
    for_workers = min(len(workers), max(room // 3, 1))
    for_instances = room - for_workers
    parts: list[RenderableType] = [
        _trouble(seen, screen) if seen.trouble else _title(seen, screen.width)
    ]
    parts.append(_instances(seen, for_instances))
    left_out = len(seen.instances) - for_instances
    if left_out > 0 or seen.more:
        parts.append(Text("and older ones", style="dim", no_wrap=True))
    parts.append(Text(""))
    if workers:
        parts.append(_workers(workers, for_workers))
    else:
        parts.append(Text("nobody works on these at the moment", style="dim", no_wrap=True))
    return Group(*parts)


def _trouble(seen: Seen, screen: Console) -> Text:
    told = Text(f"{clock_text(seen.at, seen.at)}  {one_line(seen.trouble)}", style="red")
    told.truncate(screen.width, overflow="ellipsis")
    return told


def _title(seen: Seen, width: int) -> Text:
    counts = Counter(info.status for info in seen.instances)
    told = ", ".join(f"{count} {name}" for name, count in counts.most_common()) or "no instances"
    title = Text(clock_text(seen.at, seen.at), style="bold", no_wrap=True)
    title.append(f"  {told}   Ctrl-C leaves", style="dim")
    title.truncate(width, overflow="ellipsis")
    return title


def _instances(seen: Seen, most: int) -> PlainTable:
    rows: list[tuple[list[str], str | None]] = []
    for info in seen.instances[:most]:
        close = seen.close.get(info.instance_id)
        end = info.finished_at or seen.at
        age = span_text(max((end - info.created_at).total_seconds(), 0.0))
        cells = [clean(info.instance_id), clean(info.workflow_name), info.status, age]
        rows.append(([*cells, _where(info, close)], _STYLES.get(info.status)))
    headings = ["instance", "workflow", "status", "age", "at"]
    return plain_table(headings, rows, yielding=("instance", "workflow", "at"))


def _where(info: InstanceInfo, close: InstanceDescription | None) -> str:
    if close is None or info.finished_at is not None:
        return ""
    running = [item for item in close.open_items if item.phase == "running"]
    if not running:
        return "" if isinstance(close.status, InProgress) else status_text(close.status)
    more = f" and {len(running) - 1} more" if len(running) > 1 else ""
    return _step(running[0]) + more


def _step(item: OpenItem) -> str:
    attempt = f" attempt {item.attempt}" if item.attempt > 1 else ""
    told = item.progress
    how_far = "" if told is None or told.fraction is None else f" {told.fraction:.0%}"
    message = "" if told is None or not told.message else f" {told.message}"
    return one_line(f"{item.path}{attempt}{how_far}{message}")


def _workers(workers: dict[str, list[tuple[str, OpenItem]]], most: int) -> PlainTable:
    rows: list[tuple[list[str], str | None]] = []
    for holder, items in list(workers.items())[:most]:
        works_on = ", ".join(f"{instance_id} {item.path}" for instance_id, item in items[:3])
        works_on = works_on or "nothing of these"
        more = ", …" if len(items) > 3 else ""
        rows.append(([clean(holder), str(len(items)), one_line(works_on + more)], None))
    return plain_table(["worker", "items", "works on"], rows, yielding=("worker", "works on"))


def _one(seen: Seen, screen: Console) -> RenderableType:
    assert seen.one is not None
    described, history, definition = seen.one
    states = states_of(definition, described, history)
    head = Text(clean(f"{described.workflow_name} {described.instance_id}  "), style="bold")
    head.append(status_text(described.status), style=_STYLES.get(type(described.status).__name__))
    head.truncate(screen.width, overflow="ellipsis")
    view = TreeView(states, plain=not symbols(screen.encoding))
    rows = view.lines(screen.width, max(screen.height - 2, 1), described.described_at)
    return Text("\n", no_wrap=True).join([head, rows])
