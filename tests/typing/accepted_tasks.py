"""Tasks: every form of the decorator, 0 to 4 inputs, what the engine fills, direct calls."""

from __future__ import annotations

from typing import Any, assert_type

from sayiir import Flow, Task, TaskContext, result_of, task, workflow_input
from tests.typing.shop import (
    BigOrder,
    Order,
    Parcel,
    Payment,
    Stock,
    charge,
    make_order,
    pack,
    validate,
    with_context,
)


@task("named")
def named(order: Order) -> Payment:
    return Payment()


@task(
    name="all_options",
    timeout=30,
    retries=3,
    version="2",
    tags=["gpu"],
    priority=1,
    run_in="thread",
    idempotent=True,
    description="x",
)
def all_options(order: Order) -> Payment:
    return Payment()


@task
async def with_default(order: Order, *, note: str = "") -> Payment:
    return Payment()


@task
async def only_injected(number: int = workflow_input(int)) -> Order:
    return Order()


@task
def three(a: int, b: str, c: float) -> bytes:
    return b""


@task
async def four(a: int, b: str, c: float, d: bool, e: Order = result_of(validate)) -> bytes:
    return b""


@task
def five(a: int, b: int, c: int, d: int, e: int) -> bytes:
    return b""


@task
async def context_alone(ctx: TaskContext) -> int:
    return ctx.attempt


@task
def context_between(a: int, b: str, ctx: TaskContext, o: Order = result_of(validate)) -> int:
    return 1


@task
def takes_object(value: object) -> int:
    return 1


@task
def takes_any(value: Any) -> int:
    return 1


@task
def gives_none(value: int) -> None:
    return None


def undecorated(order: Order) -> Payment:
    return Payment()


def flow_of(task: Task[Order, Payment]) -> Flow[Order, Payment]:
    return task


flow_of(named)
flow_of(all_options)
flow_of(charge)
flow_of(task(undecorated))
flow_of(task("x")(undecorated))

takes_order: Task[Order, Order] = validate
takes_less: Task[BigOrder, Payment] = charge
gives_more: Flow[Order, object] = charge
default_is_no_input: Task[Order, Payment] = with_default
nothing_taken: Task[object, Order] = make_order
injected_is_no_input: Task[object, Order] = only_injected
two_inputs: Task[tuple[Payment, Stock], Parcel] = pack
three_inputs: Task[tuple[int, str, float], bytes] = three
four_inputs: Task[tuple[int, str, float, bool], bytes] = four
any_inputs: Task[Any, bytes] = five
context_is_no_input: Task[Order, int] = with_context
no_input_but_context: Task[object, int] = context_alone
context_in_between: Task[tuple[int, str], int] = context_between
object_input: Task[object, int] = takes_object
any_input: Task[Any, int] = takes_any
none_output: Task[int, None] = gives_none

assert_type(validate(Order()), Order)
assert_type(pack(Payment(), Stock()), Parcel)
assert_type(pack(Payment(), stock=Stock(), order=Order()), Parcel)
assert_type(with_context(Order(), TaskContext()), int)
assert_type(validate.named("check")(Order()), Order)


async def awaited() -> None:
    assert_type(await charge(Order()), Payment)
    assert_type(await with_default(Order(), note="x"), Payment)
    assert_type(await only_injected(), Order)


# A function stays async for who calls it, and is its awaited value for who chains it.
assert_type(charge >> str, Flow[Order, str])
