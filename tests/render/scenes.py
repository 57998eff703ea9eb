"""Instances in several states, put together by hand so that their times stand still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sayiir import Done, Flow, LoopResult, await_signal, branch, delay, fork, loop, task, workflow
from sayiir.description import InstanceDescription, OpenItem, Progress
from sayiir.dsl.portable import from_portable, to_portable
from sayiir.errors import FailureInfo
from sayiir.render.picture import Picture, instance_picture
from sayiir.status import Failed, InProgress, TaskResult

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@task
def check(order: int) -> int:
    return order


@task(retries=3, timeout="30s")
def charge(order: int) -> int:
    return order


@task
def reserve(order: int) -> int:
    return order


@task
def kind(order: int) -> str:
    return '<&">'


@task
def ask(order: int) -> LoopResult[int, int]:
    return Done(order)


@task
def parcels(order: int) -> list[int]:
    return [order]


@task
def ship(parcel: int) -> int:
    return parcel


@task
def report(parcels: list[int]) -> int:
    return len(parcels)


@workflow
def stock() -> Flow[int, int]:
    return reserve


@workflow
def order() -> Flow[int, int]:
    return (
        check
        >> fork(
            charge,
            stock >> branch(kind, {'<&">': delay("1h"), "plain": reserve}).merge(),
            loop(delay("30s") >> ask, max_iterations=5).named("poll"),
            join="last",
        )
        >> await_signal("picked up", int, timeout="3d")
        >> parcels
        >> ship.map(max_concurrency=4)
        >> report
    )


def result(path: str, at: float, seconds: float, **facts: Any) -> TaskResult:
    known: dict[str, Any] = {"output": 1, "error": None, "attempts": 1}
    started = NOON + timedelta(seconds=at)
    ended = started + timedelta(seconds=seconds)
    return TaskResult(path=path, started_at=started, finished_at=ended, **(known | facts))


def open_item(path: str, phase: str, **facts: Any) -> OpenItem:
    known: dict[str, Any] = {
        "attempt": 1,
        "failures": 0,
        "last_error": None,
        "failed_at": None,
        "progress": None,
        "due_at": None,
        "signal_name": None,
        "leased_until": None,
        "holder": None,
    }
    return OpenItem(path=path, phase=phase, **(known | facts))


def described(status: Any, items: tuple[OpenItem, ...], **facts: Any) -> InstanceDescription:
    known: dict[str, Any] = {
        "instance_id": "order-42",
        "run_id": "0" * 32,
        "workflow_name": "order",
        "workflow_version": "",
        "definition_hash": order.definition_hash,
        "status": status,
        "input": 1,
        "labels": {},
        "priority": 3,
        "traceparent": None,
        "created_at": NOON,
        "finished_at": None,
        "deadline": None,
        "described_at": NOON + timedelta(minutes=2),
        "open_items": items,
        "open_item_count": len(items),
        "pending_events": (),
        "pending_event_count": 0,
    }
    return InstanceDescription(**(known | facts))


def running() -> Picture:
    """Arms in different states, drawn from the portable definition."""
    told = Progress(fraction=0.4, message="asking the bank", at=NOON)
    error = FailureInfo("TaskFailed", "ConnectionError", "no answer from <bank> & co")
    items = (
        open_item("fork", "join"),
        open_item("fork[0]/charge", "running", attempt=3, progress=told, last_error=error),
        open_item("fork[2]/poll[2]/delay", "delay", due_at=NOON + timedelta(minutes=2, seconds=9)),
    )
    results = [
        result("check", 0, 0.012),
        result("fork[1]/stock/reserve", 1, 75),
        result("fork[1]/branch", 77, 0.001),
        result("fork[1]/branch[plain]/reserve", 78, 2, attempts=2),
        result("fork[2]/poll[1]/ask", 40, 0.5),
    ]
    definition = from_portable(to_portable(order.definition))
    return instance_picture(definition, described(InProgress(()), items), results)


def failed() -> Picture:
    """A failed instance whose id and error would be markup, if they weren't escaped."""
    info = FailureInfo(
        "TaskFailed", "ValueError", "</text><script>alert(1)</script>\x1b[2J\ufffe]]>"
    )
    items = (
        open_item("fork", "stopped"),
        open_item("fork[0]/charge", "stopped", attempt=4, last_error=info),
        open_item("fork[2]/poll[0]/delay", "stopped"),
    )
    results = [result("check", 0, 0.012)]
    seen = described(
        Failed(info), items, instance_id='"><&-\u202e', finished_at=NOON + timedelta(seconds=9)
    )
    return instance_picture(order.definition, seen, results)
