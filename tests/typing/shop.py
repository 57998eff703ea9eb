"""The types and tasks that the chains of this folder are made of."""

from __future__ import annotations

from sayiir import TaskContext, await_signal, result_of, task, workflow_input


class Order:
    total: int = 3


class BigOrder(Order): ...


class Payment: ...


class Stock: ...


class Parcel: ...


class PickUp: ...


@task
def validate(order: Order) -> Order:
    return order


@task(retries=3, timeout="30s")
async def charge(order: Order) -> Payment:
    return Payment()


@task
def reserve(order: Order) -> Stock:
    return Stock()


@task
def pack(payment: Payment, stock: Stock, order: Order = result_of(validate)) -> Parcel:
    return Parcel()


@task
def make_order() -> Order:
    return Order()


@task
def with_context(order: Order, ctx: TaskContext) -> int:
    return ctx.attempt


@task
def on_payment(payment: Payment) -> Stock:
    return Stock()


@task
def to_int(stock: Stock) -> int:
    return 1


@task
def from_int(number: int) -> Order:
    return Order()


@task
def to_big(number: int) -> BigOrder:
    return BigOrder()


@task
def on_big(order: BigOrder) -> int:
    return 1


@task
def maybe(order: Order) -> Payment | None:
    return None


@task
def either(order: Order) -> Payment | Stock:
    return Stock()


@task
def takes_either(value: Payment | Stock) -> int:
    return 1


@task
def orders(order: Order) -> list[Order]:
    return [order]


@task
def picked(pick_up: PickUp) -> int:
    return 1


@task
def order_and_pick_up(order: Order, pick_up: PickUp) -> int:
    return 1


@task
def with_input(payment: Payment, order: Order | None = workflow_input(Order | None)) -> int:
    return 1


def plain(payment: Payment) -> Stock:
    return Stock()


async def plain_async(payment: Payment) -> Stock:
    return Stock()


def count(order: Order) -> int:
    return 1


async def count_async(order: Order) -> int:
    return 1


def two(payment: Payment, stock: Stock) -> int:
    return 1


def three(payment: Payment, stock: Stock, order: Order) -> int:
    return 1


def kind(order: Order) -> str:
    return "a"


picked_up = await_signal("picked_up", PickUp)
