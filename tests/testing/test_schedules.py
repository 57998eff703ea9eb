"""What happens to the processes under a schedule, seen by the tasks themselves."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sayiir import TaskContext, await_signal, delay, fork, resource, task, workflow
from sayiir.testing import NotDurable, explore_crashes, fake
from sayiir.testing.crashes.schedule import Schedule
from tests.testing.things import ORDER, charge_card, fulfil_order

Start = tuple[str, int]


def starts(schedule: str) -> list[Start]:
    """The starts of two tasks in a row, as (task, attempt), under a schedule."""
    seen: list[Start] = []
    runs: list[list[Start]] = []

    def noted(name: str) -> Any:
        async def note(n: int, ctx: TaskContext) -> int:
            seen.append((name, ctx.attempt))
            return n + 1

        note.__name__ = name
        return task(idempotent=True)(note)

    def kept(output: object) -> None:
        assert output == 3
        runs.append(seen[:])
        seen.clear()

    flow = workflow("two", noted("first") >> noted("second"))
    explore_crashes(flow, 1, schedule=schedule, check=kept)
    return runs[-1]


def test_a_process_dies_before_a_write_or_after_it() -> None:
    first, second = ("first", 1), ("second", 1)
    assert starts("unbroken") == [first, second]
    assert starts("before:1") == [first, ("first", 2), second]
    assert starts("after:1") == [first, ("second", 2)]
    assert starts("before:2") == [first, second, ("second", 2)]
    assert starts("after:2") == [first, second], "all is stored: nothing runs again"


def test_a_process_dies_again_while_it_recovers() -> None:
    assert starts("before:1 before:1") == [("first", 1), ("first", 2), ("first", 3), ("second", 1)]
    assert starts("after:1 before:1") == [("first", 1), ("second", 2), ("second", 3)]


def test_the_same_work_is_given_to_two() -> None:
    """One stands still when it would store its result; the other does the work, and both go on."""
    assert starts("twice:1") == [("first", 1), ("first", 2), ("second", 1)]
    assert starts("twice:2") == [("first", 1), ("second", 1), ("second", 2)]


def test_two_deliveries_that_meet_outside_are_found() -> None:
    """A service that refuses what it has had: one crash alone never brings it out here."""

    class Desk:
        def __init__(self) -> None:
            self.open = 0

    @task(idempotent=True)
    async def at_the_desk(n: int, desk: Desk = resource(Desk)) -> int:
        desk.open += 1
        return desk.open * n

    flow = workflow("desk", at_the_desk)
    with pytest.raises(NotDurable) as caught:
        explore_crashes(flow, 1, resources=lambda: {Desk: Desk()}, schedule="before:1")
    assert "at_the_desk gave 2 instead of 1" in str(caught.value)
    # Asked anew before each run, so the unbroken ones are alike.
    explore_crashes(flow, 1, resources=lambda: {Desk: Desk()}, schedule="unbroken")


def test_a_crash_takes_no_time() -> None:
    """A wait of ten seconds isn't missed because a process died beside it."""

    @task(idempotent=True)
    async def beside(n: int) -> int:
        return n

    patient = await_signal("go", int, timeout="10s", default=0)
    flow = workflow("patient", fork(patient, delay(0) >> beside >> beside))
    assert explore_crashes(flow, 3, events={"go": [7]}).output == (7, 3)


def test_fakes_begin_anew_in_each_run() -> None:
    attempts: list[int] = []

    def note(order: object, ctx: TaskContext) -> Any:
        attempts.append(ctx.attempt)
        return {"never": "stored"}

    charging = fake(charge_card).raises(ConnectionError).calls(note)
    report = explore_crashes(fulfil_order, ORDER, fakes=[charging], crash=0, orders=2, pairs=0)
    assert report.output is None
    assert attempts == [2] * report.runs


def test_arms_run_in_another_order() -> None:
    seen: list[str] = []
    orders: set[tuple[str, ...]] = set()

    def arm(name: str) -> Any:
        async def note(n: int) -> int:
            await asyncio.sleep(0)
            seen.append(name)
            return n

        note.__name__ = name
        return task(idempotent=True)(note)

    def kept(output: object) -> None:
        orders.add(tuple(seen))
        seen.clear()

    flow = workflow("arms", delay(0) >> fork(arm("a"), arm("b"), arm("c")))
    explore_crashes(flow, 1, crash=0, pairs=0, orders=30, check=kept)
    assert len(orders) > 3


@pytest.mark.parametrize(
    "text", ["unbroken", "before:2", "after:0.create before:3 order:17", "twice:4 forget"]
)
def test_a_schedule_is_read_as_it_is_written(text: str) -> None:
    assert str(Schedule.parse(text)) == text
