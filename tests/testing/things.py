"""Workflows that the tests of the testing tools share."""

from __future__ import annotations

from pydantic import BaseModel

from sayiir import Flow, TaskContext, await_signal, delay, fork, result_of, task, workflow


class Order(BaseModel):
    item: str
    pieces: int


class Payment(BaseModel):
    amount: float


class PickUp(BaseModel):
    by: str


@task(idempotent=True)
def validate_order(order: Order) -> Order:
    return order


@task(retries=3, idempotent=True)
async def charge_card(order: Order) -> Payment:
    return Payment(amount=9.5 * order.pieces)


@task(idempotent=True)
def reserve_stock(order: Order) -> str:
    return f"B{order.pieces}"


@task(idempotent=True)
def pack(payment: Payment, shelf: str, order: Order = result_of(validate_order)) -> str:
    return f"{order.item} from {shelf} for {payment.amount}"


@task(idempotent=True)
def hand_over(parcel: str, pick_up: PickUp, ctx: TaskContext) -> str:
    del ctx
    return f"{parcel}, to {pick_up.by}"


@workflow
def fulfil_order() -> Flow[Order, str]:
    return (
        validate_order
        >> fork(charge_card, reserve_stock)
        >> pack
        >> delay("1h")
        >> await_signal("picked_up", PickUp, timeout="3d", keep_input=True)
        >> hand_over
    )


ORDER = Order(item="lamp", pieces=2)
