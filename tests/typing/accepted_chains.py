"""``>>`` and ``then`` with all that may follow."""

from __future__ import annotations

from functools import partial
from typing import assert_type

from sayiir import Flow, fork
from tests.typing.shop import (
    BigOrder,
    Order,
    Parcel,
    Payment,
    Stock,
    charge,
    either,
    from_int,
    make_order,
    on_payment,
    orders,
    pack,
    plain,
    plain_async,
    reserve,
    takes_either,
    three,
    to_big,
    to_int,
    two,
    validate,
    with_context,
    with_input,
)


class Service:
    def method(self, order: Order) -> int:
        return 1

    def __call__(self, order: Order) -> str:
        return ""


def add(number: int, order: Order) -> int:
    return number


assert_type(validate >> charge, Flow[Order, Payment])
assert_type(validate >> charge >> on_payment >> to_int, Flow[Order, int])
assert_type(charge >> plain, Flow[Order, Stock])
assert_type(charge >> plain_async, Flow[Order, Stock])
assert_type(validate >> str, Flow[Order, str])
assert_type(validate >> str >> str.upper, Flow[Order, str])
assert_type(to_int >> float, Flow[Stock, float])
assert_type(orders >> len, Flow[Order, int])
assert_type(validate >> partial(add, 3), Flow[Order, int])
assert_type(validate >> Service().method, Flow[Order, int])
assert_type(validate >> Service(), Flow[Order, str])
assert_type(to_big >> validate, Flow[int, Order])
assert_type(either >> takes_either, Flow[Order, int])
assert_type(charge >> takes_either, Flow[Order, int])
assert_type(validate >> with_context, Flow[Order, int])
assert_type(charge >> with_input, Flow[Order, int])
assert_type(validate >> make_order, Flow[Order, Order])
assert_type(plain >> to_int, Flow[Payment, int])
assert_type(plain_async >> to_int, Flow[Payment, int])

assert_type(validate.then(charge), Flow[Order, Payment])
assert_type(validate.then(lambda order: order.total), Flow[Order, int])
assert_type(validate.then(lambda order: order.total).then(lambda n: [n]), Flow[Order, list[int]])
assert_type(charge.then(plain_async).then(to_int), Flow[Order, int])

# A tuple is spread over a task, and over a plain function.
assert_type(fork(charge, reserve) >> pack, Flow[Order, Parcel])
assert_type(fork(charge, reserve) >> two, Flow[Order, int])
assert_type(fork(charge, reserve, validate) >> three, Flow[Order, int])

narrower: Flow[BigOrder, object] = validate >> charge
optional: Flow[Order, Payment | None] = validate >> charge

accumulated: Flow[Order, Order] = validate
for _ in range(1_000):
    accumulated >>= validate
assert_type(accumulated >> charge, Flow[Order, Payment])
assert_type(from_int >> accumulated, Flow[int, Order])
