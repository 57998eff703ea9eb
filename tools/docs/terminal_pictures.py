"""The pictures of the command line: what its commands draw of instances, with times that stand."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rich.text import Text

from sayiir.cli.commands.asking import print_instance
from sayiir.cli.live import LivePicture
from sayiir.cli.watch_view import picture as watched_picture
from sayiir.cli.watched import Seen
from sayiir.description import OpenItem, Progress
from sayiir.errors import FailureInfo
from sayiir.events import TaskFinished, TaskRetried, TaskStarted
from sayiir.render.states import GraphStates
from sayiir.status import InProgress, InstanceInfo
from tools.docs.scenes import NOON, crawl, failed_order, order, waiting_order
from tools.docs.terminal_svg import terminal_svg

if TYPE_CHECKING:
    from collections.abc import Generator

    from rich.console import Console

    from sayiir.events import RunnerEvent


def terminal_pictures() -> dict[str, str]:
    """The pictures by the names of their files."""
    with _in_utc():
        return {
            "run.svg": terminal_svg("run", "sayiir run shows the graph while it runs", _run),
            "show.svg": terminal_svg("show", "sayiir show of an order that waits", _show),
            "watch.svg": terminal_svg(
                "watch", "sayiir watch: instances above, workers below", _watch, rows=16
            ),
            "failed.svg": terminal_svg("failed", "sayiir show of an order that failed", _failed),
        }


@contextmanager
def _in_utc() -> Generator[None]:
    """Clocks on the pictures are the reader's own elsewhere; here they are one everywhere."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


def _prompt(screen: Console, command: str) -> None:
    screen.print(Text.assemble(("$ ", "dim"), (command, "bold")))


# -- run: events, as a runner tells them


def _events() -> list[RunnerEvent]:
    """A crawl in the middle: pages are listed, some fetched, one is tried again."""
    common: dict[str, Any] = {"instance_id": "nightly", "workflow_name": "crawl"}

    def at(seconds: float) -> dict[str, Any]:
        return {**common, "at": NOON + timedelta(seconds=seconds)}

    def finished(path: str, task: str, end: float, took: float) -> TaskFinished:
        duration = timedelta(seconds=took)
        return TaskFinished(path=path, task=task, attempt=1, duration=duration, **at(end))

    told: list[RunnerEvent] = [
        TaskStarted(path="pages", task="pages", attempt=1, **at(0)),
        finished("pages", "pages", 0.4, 0.4),
    ]
    for item in range(31):
        told += [
            finished(f"map[{item}]/fetch", "fetch", 1 + item / 4, 0.9),
            finished(f"map[{item}]/store", "store", 1.1 + item / 4, 0.02),
        ]
    error = FailureInfo("TaskFailed", "ConnectionError", "no route", path="map[34]/fetch")
    for item in range(31, 38):
        path = f"map[{item}]/fetch"
        told.append(TaskStarted(path=path, task="fetch", attempt=1, **at(8.4)))
    told.append(
        TaskRetried(
            path="map[34]/fetch",
            task="fetch",
            attempt=1,
            duration=timedelta(seconds=1),
            error=error,
            retry_in=timedelta(seconds=2),
            **at(9),
        )
    )
    return told


def _run(screen: Console) -> None:
    _prompt(screen, "sayiir ensure orders:crawl nightly --input 40")
    states = GraphStates(crawl.definition)
    for event in _events():
        states.add_event(event)
    live = LivePicture(states, shown=True, title="crawl nightly")
    screen.print(live.frames(screen)(9.6, None, NOON + timedelta(seconds=9.6)))


def _failed(screen: Console) -> None:
    seen, history, definition = failed_order()
    _prompt(screen, "sayiir show order-56")
    print_instance(screen, seen, history, definition, 50)


# -- show and watch: descriptions, as a store gives them


def _show(screen: Console) -> None:
    seen, history = waiting_order()
    _prompt(screen, "sayiir show order-42")
    print_instance(screen, seen, history, order.definition, 50)


def _watch(screen: Console) -> None:
    now = NOON + timedelta(hours=2)

    def info(name: str, workflow: str, status: str, age: float, took: float = 0) -> InstanceInfo:
        created = now - timedelta(seconds=age)
        return InstanceInfo(
            instance_id=name,
            run_id="0" * 32,
            workflow_name=workflow,
            workflow_version="",
            definition_hash="0" * 32,
            status=status,
            priority=3,
            labels={},
            created_at=created,
            finished_at=created + timedelta(seconds=took) if took else None,
        )

    order_42, _ = waiting_order()
    crawling = replace(
        order_42,
        instance_id="nightly",
        status=InProgress(()),
        open_items=(
            _held("map[31]/fetch", "depot-1", now, 0.4),
            _held("map[32]/fetch", "depot-1", now, None),
            _held("map[33]/fetch", "depot-2", now, 0.9),
        ),
    )
    paying = replace(
        order_42,
        instance_id="order-57",
        status=InProgress(()),
        open_items=(_held("fork[0]/charge_card", "depot-2", now, None, attempt=2),),
    )
    seen = Seen(
        now,
        (
            info("order-57", "order", "InProgress", 7),
            info("nightly", "crawl", "InProgress", 9.6),
            info("order-56", "order", "Failed", 600, 31),
            info("order-43", "order", "Completed", 5400, 84),
            info("order-42", "order", "AwaitingSignal", 7200),
            info("order-41", "order", "Completed", 7300, 91),
        ),
        {"order-57": paying, "nightly": crawling, "order-42": order_42},
        more=True,
    )
    _prompt(screen, "sayiir watch")
    screen.print(watched_picture(seen, screen))


def _held(path: str, holder: str, now: Any, fraction: float | None, attempt: int = 1) -> OpenItem:
    progress = None if fraction is None else Progress(fraction=fraction, message=None, at=now)
    return OpenItem(
        path=path,
        phase="running",
        attempt=attempt,
        failures=attempt - 1,
        last_error=None,
        failed_at=None,
        progress=progress,
        due_at=None,
        signal_name=None,
        leased_until=now + timedelta(seconds=24),
        holder=holder,
    )
