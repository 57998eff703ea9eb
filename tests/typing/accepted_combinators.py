"""fork, branch, loop, map, delay and await_signal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal, assert_type

from sayiir import (
    Again,
    BranchResult,
    Done,
    Flow,
    ItemFailed,
    LoopResult,
    await_signal,
    branch,
    delay,
    fork,
    loop,
    task,
)
from sayiir.dsl.branch import BranchFlow
from sayiir.dsl.fork import NamedArms
from tests.typing.shop import (
    BigOrder,
    Order,
    Parcel,
    Payment,
    PickUp,
    Stock,
    charge,
    count,
    count_async,
    kind,
    on_big,
    order_and_pick_up,
    orders,
    pack,
    picked,
    picked_up,
    reserve,
    takes_either,
    to_int,
    validate,
    with_context,
)

# -- fork
assert_type(fork(charge), Flow[Order, tuple[Payment]])
assert_type(fork(charge, reserve), Flow[Order, tuple[Payment, Stock]])
assert_type(validate >> fork(charge, reserve) >> pack, Flow[Order, Parcel])
assert_type(
    fork(charge, reserve, validate, with_context),
    Flow[Order, tuple[Payment, Stock, Order, int]],
)
assert_type(
    fork(charge, charge, charge, charge, charge, charge, charge, reserve),
    Flow[
        Order,
        tuple[Payment, Payment, Payment, Payment, Payment, Payment, Payment, Stock],
    ],
)
nine: Flow[Order, tuple[Any, ...]] = fork(
    charge, charge, charge, charge, charge, charge, charge, charge, charge
)
from_list: Flow[Order, tuple[Any, ...]] = fork(*[charge, charge])
assert_type(fork(charge, delay("1h") >> reserve), Flow[Order, tuple[Payment, Stock]])
assert_type(fork(charge, count), Flow[Order, tuple[Payment, int]])
# mypy takes a plain async arm for both sync and async, and gives tuple[Any, ...].
plain_arms: Flow[Order, tuple[int, int]] = fork(count_async, count)
assert_type(fork(charge, on_big), Flow[BigOrder, tuple[Payment, int]])
assert_type(fork(charge, reserve) >> delay(2) >> pack, Flow[Order, Parcel])
assert_type(fork(charge, reserve, join="last"), Flow[Order, Any])
assert_type(fork(x=charge, y=reserve), Flow[Order, NamedArms])
assert_type(validate >> fork(x=charge, y=reserve) >> pack, Flow[Order, Parcel])
assert_type(validate >> fork(into=Parcel, x=charge, y=count), Flow[Order, Parcel])


# -- branch
@task
def literal_kind(order: Order) -> Literal["a", "b"]:
    return "a"


@task
async def async_kind(order: Order) -> str:
    return "a"


def after(result: BranchResult[Payment | Stock]) -> int:
    return 1


arms: dict[str, Flow[Order, Payment | Stock]] = {"a": charge, "b": reserve}

assert_type(branch(kind, {"a": charge, "b": charge}), BranchFlow[Order, Payment])
assert_type(branch(literal_kind, {"a": charge, "b": charge}), BranchFlow[Order, Payment])
assert_type(branch(async_kind, {"a": charge, "b": charge}), BranchFlow[Order, Payment])
assert_type(branch(kind, arms), BranchFlow[Order, Payment | Stock])
assert_type(branch(kind, ("a", charge), ("b", reserve)), BranchFlow[Order, Payment | Stock])
assert_type(
    branch(kind, ("a", charge), ("b", reserve), default=validate),
    BranchFlow[Order, Payment | Stock | Order],
)
assert_type(branch(kind, {"a": charge}, default=charge), BranchFlow[Order, Payment])
assert_type(branch(kind, ("a", charge), ("b", reserve)) >> after, Flow[Order, int])
assert_type(
    validate >> branch(kind, ("a", charge), ("b", reserve)).merge() >> takes_either,
    Flow[Order, int],
)


# -- loop
@task
def poll(number: int) -> Again[int] | Done[str]:
    return Done("x")


@task
async def poll_result(number: int) -> LoopResult[int, str]:
    return LoopResult.done("x") if number else LoopResult.again(1)


@task
def pages(cursor: str | None) -> Again[str] | Done[list[int]]:
    return Done([1])


def plain_poll(number: int) -> Again[int] | Done[str]:
    return Done("x")


async def plain_poll_async(number: int) -> Again[int] | Done[str]:
    return Done("x")


assert_type(loop(poll), Flow[int, str])
assert_type(loop(poll_result), Flow[int, str])
assert_type(loop(pages), Flow[str | None, list[int]])
assert_type(loop(plain_poll), Flow[int, str])
assert_type(loop(plain_poll_async), Flow[int, str])
assert_type(loop(poll, on_max="exit_with_last"), Flow[int, int | str])
assert_type(loop(delay("1s") >> poll, history="all"), Flow[int, str])
assert_type(to_int >> loop(poll, max_iterations=3) >> str.upper, Flow[Stock, str])

# -- map
assert_type(charge.map(), Flow[Sequence[Order], list[Payment]])
assert_type((validate >> charge).map(max_concurrency=3), Flow[Sequence[Order], list[Payment]])
assert_type(charge.map(on_error="collect"), Flow[Sequence[Order], list[Payment | ItemFailed]])
assert_type(orders >> charge.map() >> len, Flow[Order, int])


# -- delay
def until(order: Order) -> datetime:
    return datetime.now(UTC)


assert_type(validate >> delay("1h") >> charge, Flow[Order, Payment])
assert_type(delay("1h") >> charge, Flow[Order, Payment])
assert_type(delay("1h") >> delay(2) >> charge, Flow[Order, Payment])
assert_type(validate >> (delay("1h") >> charge), Flow[Order, Payment])
assert_type(validate >> delay("1h"), Flow[Order, Order])
assert_type(validate.then(delay("1h")), Flow[Order, Order])
assert_type(validate >> delay(until=datetime.now(UTC)) >> charge, Flow[Order, Payment])
assert_type(validate >> delay(until=until) >> charge, Flow[Order, Payment])

# -- signals
assert_type(validate >> picked_up, Flow[Order, PickUp])
assert_type(picked_up >> picked, Flow[object, int])
assert_type(
    validate >> await_signal("x", PickUp, timeout="3d", default=None), Flow[Order, PickUp | None]
)
assert_type(validate >> await_signal("x", int | None), Flow[Order, int | None])
assert_type(validate >> await_signal("x", list[int]), Flow[Order, list[int]])
kept = await_signal("x", PickUp, keep_input=True)
assert_type(validate >> kept, Flow[Order, tuple[Order, PickUp]])
assert_type(validate >> kept >> order_and_pick_up, Flow[Order, int])
assert_type(kept >> order_and_pick_up, Flow[Order, int])
assert_type(delay("1h") >> kept >> order_and_pick_up, Flow[Order, int])
assert_type(
    validate >> await_signal("x", PickUp, timeout=1, keep_input=True, default=None),
    Flow[Order, tuple[Order, PickUp | None]],
)
