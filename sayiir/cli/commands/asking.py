"""``list`` and ``show``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sayiir.cli.options import (
    InstanceArgument,
    JsonOption,
    LabelOption,
    StatusOption,
    StoreOption,
)

if TYPE_CHECKING:
    from rich.console import Console

    from sayiir.client import AsyncWorkflowClient
    from sayiir.description import InstanceDescription, WorkerInfo
    from sayiir.dsl.definition import Definition
    from sayiir.status import InstanceInfo, TaskResult

    _Asked = tuple[InstanceDescription, list[TaskResult], Definition, tuple[WorkerInfo, ...]]

__all__ = ["list_command", "show", "status_name"]


def list_command(
    store: StoreOption = None,
    workflow: Annotated[
        str | None,
        typer.Option("--workflow", "-w", help="Only of the workflow of this name."),
    ] = None,
    status: StatusOption = None,
    label: LabelOption = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000)] = 50,
    cursor: Annotated[
        str | None, typer.Option("--cursor", help="From the page before.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List instances, newest first."""
    from sayiir.cli.exits import Problem
    from sayiir.cli.inputs import read_labels
    from sayiir.cli.screen import print_json, warn
    from sayiir.cli.shapes import listed
    from sayiir.cli.stores import ask

    labels, wanted = read_labels(label or ()), status_name(status)
    try:
        page = ask(store, lambda client: client.list(workflow, wanted, limit, cursor, labels))
    except ValueError as error:  # the cursor: the rest was looked at before
        raise Problem(str(error)) from None
    if as_json:
        print_json({"instances": [listed(info) for info in page], "cursor": page.cursor})
        return
    if not page.items:
        warn("no instances" + (" that fit" if workflow or status or labels else " yet"))
        return
    _print_table(page.items)
    if page.cursor is not None:
        warn(f"more: --cursor {page.cursor}")


def status_name(text: str | None) -> str | None:
    """The status as the library spells it, from what somebody typed.

    Raises:
        Problem: there is none like it.
    """
    from sayiir.cli.completing import STATUS_NAMES
    from sayiir.cli.exits import Problem
    from sayiir.cli.texts import clean, nearest

    if text is None:
        return None
    spelled = {name.lower(): name for name in STATUS_NAMES}
    word = text.lower().replace("-", "").replace("_", "")
    if word not in spelled:
        raise Problem(
            f"no status is called {clean(text)!r}; there are {', '.join(STATUS_NAMES)}",
            hint=tuple(
                line.replace(key, name)
                for line in nearest(word, spelled)
                for key, name in spelled.items()
                if line == f"did you mean {key}?"
            ),
        )
    return spelled[word]


def _print_table(items: tuple[InstanceInfo, ...]) -> None:
    from sayiir.cli.screen import console, plain_table
    from sayiir.cli.texts import clean, clock_text, span_text

    headings = ["instance", "workflow", "status", "created", "took", "labels"]
    rows: list[tuple[list[str], str | None]] = []
    for info in items:
        took = "" if info.finished_at is None else span_text(info.finished_at - info.created_at)
        labels = ", ".join(f"{name}={value}" for name, value in info.labels.items())
        cells = [clean(info.instance_id), clean(info.workflow_name), info.status]
        cells += [clock_text(info.created_at), took, clean(labels)]
        rows.append((cells, _STYLES.get(info.status)))
    if not any(info.labels for info in items):
        headings.pop()
        rows = [(cells[:-1], style) for cells, style in rows]
    console().print(plain_table(headings, rows, yielding=("instance", "workflow", "labels")))


_NAME_COLUMNS = 9
_STYLES = {"Failed": "red", "Cancelled": "dim", "Completed": "green"}


def show(
    instance: InstanceArgument,
    store: StoreOption = None,
    results: Annotated[
        int, typer.Option("--results", min=0, help="Show at most so many task results.")
    ] = 50,
    as_json: JsonOption = False,
) -> None:
    """Show an instance: status, graph with states, task results, errors with traceback."""
    from sayiir.cli.screen import console, print_json
    from sayiir.cli.shapes import described, task_result
    from sayiir.cli.stored import is_left, look
    from sayiir.cli.stores import ask

    async def asked(client: AsyncWorkflowClient) -> _Asked:
        found = await look(client, instance)
        # Whoever finds that nothing goes on wants to know who could have taken it.
        return *found, (await client.workers() if is_left(found[0]) else ())

    seen, history, definition, workers = ask(store, asked)
    if as_json:
        print_json(described(seen) | {"task_results": [task_result(one) for one in history]})
        return
    print_instance(console(), seen, history, definition, results, workers)


def print_instance(
    screen: Console,
    seen: InstanceDescription,
    history: list[TaskResult],
    definition: Definition,
    results: int,
    workers: tuple[WorkerInfo, ...] = (),
) -> None:
    """What ``show`` prints of an instance, with at most so many task results.

    Args:
        screen: where it goes.
        seen: the instance.
        history: its task results.
        definition: its graph.
        results: show at most so many of the task results.
        workers: those that are here, for an instance that nobody works on.
    """
    _show_head(screen, seen, workers)
    _show_graph(screen, definition, seen, history)
    _show_results(screen, history, results)
    _show_end(screen, seen)


def _show_head(screen: Console, seen: InstanceDescription, workers: tuple[WorkerInfo, ...]) -> None:
    from sayiir.cli.outcome import status_text
    from sayiir.cli.stored import is_left
    from sayiir.cli.texts import clean, clock_text, one_line, span_text, value_text

    version = f" {seen.workflow_version}" if seen.workflow_version else ""
    screen.print(clean(seen.instance_id), style="bold", end="  ")
    screen.print(clean(f"{seen.workflow_name}{version}"), style="dim")
    rows = [("status", status_text(seen.status))]
    rows.append(("created", clock_text(seen.created_at)))
    if seen.finished_at is not None:
        took = span_text(seen.finished_at - seen.created_at)
        rows.append(("ended", f"{clock_text(seen.finished_at)}, after {took}"))
    if seen.deadline is not None and seen.finished_at is None:
        rows.append(("deadline", clock_text(seen.deadline)))
    if seen.labels:
        pairs = ", ".join(f"{name}={value}" for name, value in seen.labels.items())
        rows.append(("labels", one_line(pairs, 1_000)))
    rows += [("priority", str(seen.priority)), ("input", value_text(seen.input))]
    if seen.pending_event_count:
        names = ", ".join(event.signal_name for event in seen.pending_events[:5])
        rows.append(("events", one_line(f"{seen.pending_event_count} kept: {names}")))
    if is_left(seen):
        here = ", ".join(f"{one.worker_id} ({', '.join(one.workflows)})" for one in workers[:5])
        rows.append(
            (
                "ready",
                f"for a runner, or a worker that has definition {seen.definition_hash} and its "
                + one_line(f"tags; workers here: {here or 'none'}", 1_000),
            )
        )
    for name, text in rows:
        _print_fact(screen, name, text)


def _print_fact(screen: Console, name: str, text: str) -> None:
    """A name and what it is; what doesn't fit goes on below, under its beginning."""
    from rich.text import Text

    room = max(screen.width - _NAME_COLUMNS, _NAME_COLUMNS)
    for line in Text(text, overflow="fold").wrap(screen, room) or [Text()]:
        screen.print(Text.assemble((f"{name:<{_NAME_COLUMNS}}", "dim"), line), no_wrap=True)
        name = ""


def _show_graph(
    screen: Console,
    definition: Definition,
    seen: InstanceDescription,
    history: list[TaskResult],
) -> None:
    from sayiir.cli.screen import symbols
    from sayiir.cli.tree_view import TreeView
    from sayiir.render.states import states_of

    states = states_of(definition, seen, history)
    screen.print()
    view = TreeView(states, plain=not symbols(screen.encoding))
    screen.print(view.lines(screen.width, now=seen.described_at), no_wrap=True, crop=True)


def _show_results(screen: Console, history: list[TaskResult], most: int) -> None:
    from sayiir.cli.screen import plain_table
    from sayiir.cli.texts import clean, clock_text, one_line, span_text, value_text

    shown = history[-most:] if most else []
    if not shown:
        return
    rows: list[tuple[list[str], str | None]] = []
    for one in shown:
        took = span_text(one.finished_at - one.started_at)
        cells = [clean(one.path), clock_text(one.finished_at), took, str(one.attempts)]
        if one.error is None:
            rows.append(([*cells, value_text(one.output)], None))
        else:
            told = one_line(f"{one.error.type_name}: {one.error.message}")
            rows.append(([*cells, told], "red"))
    headings = ["task result", "ended", "took", "attempts", "output"]
    screen.print()
    screen.print(plain_table(headings, rows, yielding=("task result", "output")))
    if len(history) > len(shown):
        screen.print(f"… and {len(history) - len(shown):,} before them (--results)", style="dim")


def _show_end(screen: Console, seen: InstanceDescription) -> None:
    from sayiir.cli.texts import clean
    from sayiir.status import Completed, Failed

    if isinstance(seen.status, Completed):
        screen.print()
        screen.print("output", style="bold")
        screen.print(_output_text(seen.status.output), overflow="fold")
    elif isinstance(seen.status, Failed):
        error = seen.status.error
        screen.print()
        screen.print(clean(f"{error.type_name}: {error.message}"), style="red", overflow="fold")
        if error.traceback:
            screen.print(clean(error.traceback.rstrip()), style="dim", overflow="fold")


def _output_text(output: Any) -> str:
    import json

    from sayiir.cli.shapes import plain
    from sayiir.cli.texts import clean

    return clean(json.dumps(plain(output), indent=2, ensure_ascii=False))
