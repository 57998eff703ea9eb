"""The workflows and instances that the pictures of the documents show."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sayiir import (
    Again,
    Done,
    Flow,
    InstanceDescription,
    LoopResult,
    await_signal,
    branch,
    delay,
    fork,
    loop,
    task,
    workflow,
)
from sayiir.description import OpenItem
from sayiir.dsl.definition import Definition
from sayiir.errors import FailureInfo
from sayiir.status import AwaitingSignal, Failed, TaskResult, WorkflowStatus

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@task
def check_order(order: int) -> int:
    return order


@task(retries=3, timeout="30s")
def charge_card(order: int) -> int:
    return order


@task
def reserve_stock(order: int) -> int:
    return order


@task
def pack(paid: int, reserved: int) -> int:
    return paid + reserved


@task
def destination(parcel: int) -> Literal["home", "shop"]:
    return "home" if parcel > 1 else "shop"


@task
def hand_over(parcel: int) -> int:
    return parcel


@task
def ask_carrier(parcel: int) -> LoopResult[int, int]:
    return Done(parcel) if parcel else Again(parcel)


@task
def pages(batch: int) -> list[int]:
    return list(range(batch))


@task(retries=5, timeout="10s")
def fetch(page: int) -> int:
    return page


@task
def store(page: int) -> int:
    return page


@task
def report(stored: list[int]) -> int:
    return len(stored)


@workflow
def order() -> Flow[int, int]:
    carried = loop(delay("10m") >> ask_carrier, max_iterations=50).named("poll")
    fetched = hand_over >> await_signal("picked_up", int, timeout="3d")
    return (
        check_order
        >> fork(charge_card, reserve_stock)
        >> pack
        >> branch(destination, {"home": hand_over >> carried, "shop": fetched}).merge()
    )


@workflow
def crawl() -> Flow[int, int]:
    return pages >> (fetch >> store).map(max_concurrency=8) >> report


def waiting_order() -> tuple[InstanceDescription, list[TaskResult]]:
    """An order that waits to be picked up, with times that stand still."""
    until = NOON + timedelta(days=3, seconds=4)
    path = "branch[shop]/picked_up"
    item = _open_item(path, "signal", due_at=until, signal_name="picked_up")
    results = [
        _result("check_order", 0, 0.012),
        _result("fork[0]/charge_card", 0.02, 2.9, attempts=2),
        _result("fork[1]/reserve_stock", 0.02, 0.34),
        _result("pack", 3, 0.8),
        _result("branch", 3.9, 0.001),
        _result("branch[shop]/hand_over", 3.9, 0.05),
    ]
    return _seen("order-42", AwaitingSignal("picked_up", until, path, ()), item), results


def failed_order() -> tuple[InstanceDescription, list[TaskResult], Definition]:
    """An order whose card was declined three times."""
    error = FailureInfo(
        kind="TaskFailed",
        type_name="CardDeclined",
        message="the bank says no",
        traceback=(
            "Traceback (most recent call last):\n"
            '  File "orders.py", line 19, in charge_card\n'
            "    return bank.charge(order.card, order.cents)\n"
            "CardDeclined: the bank says no\n"
        ),
        task="charge_card",
        path="fork[0]/charge_card",
        attempt=4,
    )
    path = "fork[0]/charge_card"
    item = _open_item(path, "stopped", attempt=4, failures=4, last_error=error)
    seen = _seen("order-56", Failed(error), _open_item("fork", "stopped"), item)
    ended = replace(seen, finished_at=NOON + timedelta(seconds=31))
    results = [
        _result("check_order", 0, 0.012),
        _result("fork[1]/reserve_stock", 0.02, 0.34),
        _result(path, 30, 1, attempts=4, error=error),
    ]
    return ended, results, order.definition


def _result(
    path: str, at: float, seconds: float, attempts: int = 1, error: FailureInfo | None = None
) -> TaskResult:
    begun = NOON + timedelta(seconds=at)
    return TaskResult(
        path=path,
        output=None if error else 1,
        error=error,
        attempts=attempts,
        started_at=begun,
        finished_at=begun + timedelta(seconds=seconds),
    )


def _open_item(path: str, phase: str, **facts: Any) -> OpenItem:
    absent = ("last_error", "failed_at", "progress", "due_at", "signal_name", "leased_until")
    plain: dict[str, Any] = dict.fromkeys((*absent, "holder"))
    return OpenItem(path=path, phase=phase, **{**plain, "attempt": 1, "failures": 0, **facts})


def _seen(instance_id: str, status: WorkflowStatus[Any], *items: OpenItem) -> InstanceDescription:
    return InstanceDescription(
        instance_id=instance_id,
        run_id="0" * 32,
        workflow_name=order.name,
        workflow_version="",
        definition_hash=order.definition_hash,
        status=status,
        input=1,
        labels={},
        priority=3,
        traceparent=None,
        created_at=NOON,
        finished_at=None,
        deadline=None,
        described_at=NOON + timedelta(hours=2),
        open_items=items,
        open_item_count=len(items),
        pending_events=(),
        pending_event_count=0,
    )
