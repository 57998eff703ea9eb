"""Workflows: every form of the decorator, calls, children."""

from __future__ import annotations

from typing import assert_type

from sayiir import Flow, Workflow, delay, fork, workflow
from tests.typing.shop import (
    BigOrder,
    Order,
    Parcel,
    Payment,
    charge,
    make_order,
    pack,
    reserve,
    to_big,
    validate,
)


@workflow
def bare() -> Flow[Order, Parcel]:
    return validate >> fork(charge, reserve) >> pack


@workflow("by_position", version="2")
def by_position() -> Flow[Order, Parcel]:
    return validate >> fork(charge, reserve) >> pack


@workflow(
    name="by_keyword", version="2", timeout="1h", priority=2, tags=["x"], description="for people"
)
def by_keyword() -> Flow[Order, Parcel]:
    return validate >> fork(charge, reserve) >> pack >> delay("1h")


made = workflow("made", validate >> charge)
no_input = workflow("no_input", make_order >> charge)

assert_type(bare, Workflow[Order, Parcel])
assert_type(by_position, Workflow[Order, Parcel])
assert_type(by_keyword, Workflow[Order, Parcel])
assert_type(made, Workflow[Order, Payment])
assert_type(no_input, Workflow[object, Payment])

assert_type(to_big >> made >> str, Flow[int, str])
assert_type(fork(made, reserve) >> pack, Flow[Order, Parcel])
wider: Workflow[Order, object] = made


def calls() -> None:
    assert_type(made(Order()), Payment)
    assert_type(made(BigOrder()), Payment)
    assert_type(no_input(), Payment)
    assert_type(no_input(None), Payment)
    assert_type(made.run(Order(), events={"x": [1]}), Payment)
    assert_type(no_input.run(), Payment)


async def async_calls() -> None:
    assert_type(await made.arun(Order()), Payment)
    assert_type(await no_input.arun(), Payment)
