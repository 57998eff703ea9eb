"""Draws the pictures of the documents from workflows, so that they show what the code does.

python -m tools.draw_pictures          write them
python -m tools.draw_pictures --check  fail if one would change
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from sayiir import (
    Again,
    Done,
    Flow,
    LoopResult,
    await_signal,
    branch,
    delay,
    fork,
    loop,
    task,
    workflow,
)
from sayiir.description import InstanceDescription, OpenItem
from sayiir.render.picture import Picture, instance_picture
from sayiir.status import AwaitingSignal, TaskResult

FOLDER = Path(__file__).parent.parent / "docs" / "how-to" / "pictures"
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


def waiting_order() -> Picture:
    """An instance that waits, with times that stand still."""

    def result(path: str, at: float, seconds: float, attempts: int = 1) -> TaskResult:
        begun = NOON + timedelta(seconds=at)
        ended = begun + timedelta(seconds=seconds)
        return TaskResult(
            path=path,
            output=1,
            error=None,
            attempts=attempts,
            started_at=begun,
            finished_at=ended,
        )

    facts: dict[str, Any] = dict.fromkeys(("last_error", "failed_at", "progress"))
    until = NOON + timedelta(days=3, seconds=4)
    item = OpenItem(
        path="branch[shop]/picked_up",
        phase="signal",
        attempt=1,
        failures=0,
        due_at=until,
        signal_name="picked_up",
        leased_until=None,
        holder=None,
        **facts,
    )
    seen = InstanceDescription(
        instance_id="order-42",
        run_id="0" * 32,
        workflow_name=order.name,
        workflow_version="",
        definition_hash=order.definition_hash,
        status=AwaitingSignal("picked_up", until, item.path, ()),
        input=1,
        labels={},
        priority=3,
        traceparent=None,
        created_at=NOON,
        finished_at=None,
        deadline=None,
        described_at=NOON + timedelta(hours=2),
        open_items=(item,),
        open_item_count=1,
        pending_events=(),
        pending_event_count=0,
    )
    results = [
        result("check_order", 0, 0.012),
        result("fork[0]/charge_card", 0.02, 2.9, attempts=2),
        result("fork[1]/reserve_stock", 0.02, 0.34),
        result("pack", 3, 0.8),
        result("branch", 3.9, 0.001),
        result("branch[shop]/hand_over", 3.9, 0.05),
    ]
    return instance_picture(order.definition, seen, results)


def pictures() -> dict[str, str]:
    """The pictures by the names of their files."""
    return {
        "order.svg": order.to_svg(),
        "crawl.svg": crawl.to_svg(),
        "order-42.svg": waiting_order().to_svg(),
    }


def main() -> int:
    stale = [
        name
        for name, svg in pictures().items()
        if not (FOLDER / name).exists() or (FOLDER / name).read_text(encoding="utf-8") != svg
    ]
    if "--check" in sys.argv:
        print("\n".join(f"{name} is not what the code draws" for name in stale), end="")
        return bool(stale)
    FOLDER.mkdir(exist_ok=True)
    for name in stale:
        (FOLDER / name).write_text(pictures()[name], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
