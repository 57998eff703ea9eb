"""What users test with: the environment, fakes, the explorer and its fixture."""

from __future__ import annotations

from typing import assert_type

import pytest

from sayiir import Workflow, WorkflowStatus, workflow
from sayiir.testing import (
    AsyncWorkflowEnvironment,
    CrashReport,
    Durable,
    Fake,
    NotDurable,
    SkippingClock,
    TaskCall,
    WorkflowEnvironment,
    explore_crashes,
    fake,
)
from tests.typing.shop import Order, Payment, charge, make_order, validate

paying = workflow("paying", validate >> charge)
making = workflow("making", make_order >> charge)


def fakes_are_of_what_their_task_gives() -> None:
    assert_type(fake(charge), Fake[Payment])
    assert_type(fake(charge).raises(TimeoutError).gives(Payment()), Fake[Payment])

    def at_once(order: Order) -> Payment:
        return Payment()

    fake(charge).raises(TimeoutError("busy")).calls(at_once)
    fake("fork[0]/charge").gives(3)

    async def later(order: Order) -> Payment:
        return Payment()

    fake(charge).calls(later)


def an_environment() -> None:
    with WorkflowEnvironment(
        paying, making, fakes={charge: Payment(), "validate": Order()}
    ) as environment:
        assert_type(environment.run(paying, "a", Order()), WorkflowStatus[Payment])
        assert_type(environment.status("a", paying), WorkflowStatus[Payment])
        assert_type(environment.result("a", paying), Payment)
        assert_type(environment.calls_of(charge), list[TaskCall])
        environment.advance("2d")
        environment.send_event("a", "picked_up", 3)
        assert_type(environment.clock, SkippingClock)
        assert_type(environment.client.result("a", paying), Payment)
    WorkflowEnvironment(
        paying, fakes=[fake(charge).gives(Payment()), fake(validate).gives(Order())]
    )


async def an_async_environment() -> None:
    async with AsyncWorkflowEnvironment(paying, fakes=[fake(charge).gives(Payment())]) as there:
        assert_type(await there.run(paying, "a", Order()), WorkflowStatus[Payment])
        assert_type(await there.result("a", paying), Payment)
        await there.advance("2d")


def crashes() -> None:
    report = explore_crashes(paying, Order(), events={"x": [1]}, crash="every-write")
    assert_type(report, CrashReport[Payment])
    assert_type(report.output, Payment)
    explore_crashes(making, None, same=lambda one, other: one is other)
    explore_crashes(paying, Order(), resources=lambda: {str: "x"}, keep=["bank"], crash=10)
    try:
        explore_crashes(paying, Order(), schedule="before:2")
    except NotDurable as error:
        assert_type([each.schedule for each in error.findings], list[str])


@pytest.mark.durable(crash="every-write")
def test_marked(durable: Durable) -> None:
    assert_type(durable(paying, Order()), CrashReport[Payment])
    assert_type(durable(paying, Order(), fakes={charge: Payment()}, reruns="any").output, Payment)


def a_clock(flow: Workflow[Order, Payment]) -> None:
    assert_type(flow.run(Order(), clock=SkippingClock()), Payment)
