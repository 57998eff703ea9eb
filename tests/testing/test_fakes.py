"""Fakes: by task, by path, in turn; checked as real results are, and told where they are wrong."""

from __future__ import annotations

import pytest

from sayiir import (
    Again,
    Completed,
    DefinitionError,
    Done,
    Failed,
    TaskContext,
    branch,
    loop,
    resource,
    task,
    workflow,
)
from sayiir.testing import WorkflowEnvironment, fake
from tests.testing.things import ORDER, Order, Payment, PickUp, charge_card, fulfil_order, hand_over


def outcome(fakes: object) -> object:
    with WorkflowEnvironment(fulfil_order, fakes=fakes) as environment:  # type: ignore[arg-type]
        environment.run(fulfil_order, "o", ORDER)
        environment.advance("1h")
        if isinstance(environment.status("o"), Failed):
            return environment.status("o")
        environment.send_event("o", "picked_up", PickUp(by="Ada"))
        return environment.result("o", fulfil_order)


def test_a_value_in_place_of_a_call() -> None:
    given = Payment(amount=1)
    for fakes in (
        {charge_card: given},
        {"fork[0]/charge_card": given},
        [fake(charge_card).gives(given)],
        {charge_card: fake(charge_card).gives(given)},
    ):
        assert outcome(fakes) == "lamp from B2 for 1.0, to Ada"


def test_first_it_fails_and_then_it_gives() -> None:
    fakes = [fake(charge_card).raises(ConnectionError("busy")).gives(Payment(amount=2))]
    with WorkflowEnvironment(fulfil_order, fakes=fakes) as environment:
        environment.run(fulfil_order, "o", ORDER)
        calls = environment.calls_of(charge_card)
        assert [(call.attempt, call.arguments) for call in calls] == [(1, (ORDER,)), (2, (ORDER,))]
        assert environment.client.get_task_result_of("o", charge_card) == Payment(amount=2)


def test_an_exception_ends_in_the_failure_that_it_would_make() -> None:
    for given in (PermissionError("no"), PermissionError):
        status = outcome({charge_card: given})
        assert isinstance(status, Failed)
        assert (status.error.task, status.error.type_name) == ("charge_card", "PermissionError")


def test_a_function_gets_the_inputs_and_what_it_asks_for_by_name() -> None:
    async def charge(order: Order) -> Payment:
        return Payment(amount=order.pieces)

    def hand(parcel: str, pick_up: PickUp, ctx: TaskContext) -> str:
        return f"{parcel} at {ctx.path} by {pick_up.by}"

    assert outcome({charge_card: charge, hand_over: hand}) == (
        "lamp from B2 for 2.0 at hand_over by Ada"
    )
    assert outcome({hand_over: lambda parcel, pick_up: pick_up.by}) == "Ada"


def test_a_value_is_stored_as_a_real_result_is() -> None:
    """What the task could not return, its fake can't either."""
    status = outcome({charge_card: {"amount": 1}})
    assert isinstance(status, Failed)
    assert (status.error.kind, status.error.path) == ("PayloadError", "fork[0]/charge_card")


def test_a_path_goes_before_a_task_and_a_number_before_none() -> None:
    @task
    def ask(n: int) -> Again[int] | Done[int]:
        return Again(n + 1)

    polling = workflow("polling", loop(ask, max_iterations=5))
    for fakes, expected in (
        ({ask: Done(1)}, 1),
        ({"loop/ask": Done(2), ask: Done(1)}, 2),
        ({"loop[2]/ask": Done(3), "loop/ask": Again(0)}, 3),
        ({"loop[3]/ask": Done(4)}, 4),
    ):
        with WorkflowEnvironment(polling, fakes=fakes) as environment:
            assert environment.run(polling, "p", 0) == Completed(expected)


def test_branch_keys_and_plain_functions_are_faked() -> None:
    def route(n: int) -> str:
        return "left"

    def left(n: int) -> str:
        return "went left"

    def right(n: int) -> str:
        return "went right"

    routed = workflow("routed", branch(route, {"left": left, "right": right}).merge())
    with WorkflowEnvironment(routed, fakes={route: "right"}) as environment:
        assert environment.run(routed, "a", 1) == Completed("went right")
    with WorkflowEnvironment(routed, fakes={left: "faked"}) as environment:
        assert environment.run(routed, "a", 1) == Completed("faked")


def test_a_class_that_is_faked_is_not_built() -> None:
    class Line:
        pass

    @task
    class Call:
        def __init__(self, line: Line = resource(Line)) -> None:
            raise AssertionError("never built")

        def __call__(self, n: int) -> str:
            return "really"

    calling = workflow("calling", Call)
    given = {Line: Line()}
    with WorkflowEnvironment(calling, fakes={Call: "faked"}, resources=given) as environment:
        assert environment.run(calling, "a", 1) == Completed("faked")


@task
def elsewhere(n: int) -> int:
    return n


@pytest.mark.parametrize(
    ("fakes", "told"),
    [
        ({elsewhere: 1}, "'elsewhere', which no workflow here has; there are delay|fork"),
        ({"fork[2]/charge_card": 1}, "'fork\\[2\\]/charge_card', which no workflow here has"),
        ([fake(charge_card)], "'charge_card'\\) says nothing"),
        ([fake(charge_card).gives(Payment(amount=1))] * 2, "two fakes are given for 'charge_card'"),
        ([Payment(amount=1)], "fakes are a mapping, or a list of"),
        ({5: 1}, "takes a task, a function or a path, not 5"),
        ({fulfil_order: 1}, "is a flow of several"),
    ],
)
def test_a_fake_that_makes_no_sense_is_told(fakes: object, told: str) -> None:
    with pytest.raises(DefinitionError, match=told):
        WorkflowEnvironment(fulfil_order, fakes=fakes)  # type: ignore[arg-type]
