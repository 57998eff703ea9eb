"""The tasks of an order, and the graph that joins them: all that is durable."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Final

from examples.order_fulfilment import services
from examples.order_fulfilment.models import (
    Delivery,
    Handover,
    Order,
    Parcel,
    Payment,
    PickUp,
    Price,
    Receipt,
    Reservation,
    Shipment,
)
from sayiir import (
    Again,
    Done,
    RetryPolicy,
    TaskContext,
    Workflow,
    await_signal,
    branch,
    delay,
    fork,
    loop,
    result_of,
    task,
    workflow,
    workflow_input,
)

__all__ = ["charge_card", "fulfil_order"]

PRICES: Final = {"lamp": Decimal("29.50"), "chair": Decimal("85.00"), "vase": Decimal("12.00")}

# A bad line may be better in a moment; a declined card needs the customer.
BANK: Final = RetryPolicy(max_retries=4, initial_delay="50ms", give_up_on=services.CardDeclined)


@task
def price_order(order: Order) -> Price:
    """What the order costs; an item that the shop doesn't sell is an error."""
    return Price(total=PRICES[order.item] * order.pieces)


@task(retries=BANK, timeout="10s")
def charge_card(price: Price, ctx: TaskContext, order: Order = workflow_input(Order)) -> Payment:
    """The key is equal for all attempts, so a crash in here can't charge the card twice."""
    reference = services.charge(ctx.idempotency_key, order.customer, price.total)
    return Payment(reference=reference, amount=price.total)


@task
def reserve_stock(
    price: Price, ctx: TaskContext, order: Order = workflow_input(Order)
) -> Reservation:
    """Runs beside the charge."""
    return Reservation(shelf=services.reserve(ctx.idempotency_key, order.item, order.pieces))


@task
def pack(
    payment: Payment, reservation: Reservation, order: Order = workflow_input(Order)
) -> Parcel:
    """The two results of the fork come as two parameters."""
    label = f"{order.pieces} x {order.item} from shelf {reservation.shelf} for {order.customer}"
    return Parcel(label=label, delivery=order.delivery)


def way_out(parcel: Parcel) -> Delivery:
    """The key of the branch."""
    return parcel.delivery


@task
def hand_over(
    parcel: Parcel, pick_up: PickUp | None, payment: Payment = result_of(charge_card)
) -> Handover:
    """``pick_up`` is the signal's payload, or its default: nobody came in time."""
    if pick_up is not None:
        return Handover(note=f"picked up by {pick_up.by}")
    services.refund(payment.reference)
    return Handover(note="nobody came; taken back, and the money returned", sold=False)


@task
def give_to_carrier(parcel: Parcel, ctx: TaskContext) -> Shipment:
    """The parcel leaves the shop."""
    return Shipment(tracking=services.book_carrier(ctx.idempotency_key, parcel.label))


@task
def ask_carrier(shipment: Shipment) -> Again[Shipment] | Done[Handover]:
    """The end of the loop's body: round again, or out of it."""
    if services.is_delivered(shipment.tracking):
        return Done(Handover(note=f"delivered as {shipment.tracking}"))
    return Again(shipment)


@task
def write_receipt(
    handover: Handover,
    payment: Payment = result_of(charge_card),
    order: Order = workflow_input(Order),
) -> Receipt:
    """The output."""
    paid = payment.amount if handover.sold else Decimal(0)
    return Receipt(text=f"{order.pieces} x {order.item}: {handover.note}", paid=paid)


def fulfil_order(hour: timedelta) -> Workflow[Order, Receipt]:
    """The workflow, in a shop where an hour lasts so long.

    Durations don't count for the definition hash: an order that was begun when an hour was
    long goes on when it is short.
    """
    at_the_counter = (
        await_signal("picked_up", PickUp, timeout=48 * hour, default=None, keep_input=True)
        >> hand_over
    )
    by_post = give_to_carrier >> loop(delay(8 * hour) >> ask_carrier, max_iterations=30)
    return workflow(
        "fulfil_order",
        price_order
        >> fork(charge_card, reserve_stock)
        >> pack
        >> delay(4 * hour)  # until the van comes, and the counter opens
        >> branch(way_out, (Delivery.PICK_UP, at_the_counter), (Delivery.POST, by_post)).merge()
        >> write_receipt,
    )
