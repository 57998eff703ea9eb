"""What happened to an order, read back from the store and from the bank's books."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from textwrap import shorten

from examples.order_fulfilment import services
from examples.order_fulfilment.models import Order, Receipt
from examples.order_fulfilment.shop import Shop
from sayiir import Cancelled, Completed, Failed, WorkflowStatus
from sayiir.status import TaskResult

__all__ = ["account_of"]


async def account_of(shop: Shop, order: Order, began: datetime) -> str:
    """Some lines: how the order stands, what was paid, and every step that is stored.

    Args:
        shop: where it was ordered.
        order: the order.
        began: when this program began; what finished before is marked as kept.
    """
    status = await shop.client.status(order.order_id, shop.workflow)
    steps = await shop.client.task_results(order.order_id, shop.workflow)
    head = f"{order.order_id}  {order.customer}, {order.pieces} x {order.item}"
    lines = [f"{head}: {_how(status)}", f"  bank: {_bank(order.customer)}"]
    return "\n".join([*lines, *(f"  {_step(step, began)}" for step in steps)])


def _how(status: WorkflowStatus[Receipt]) -> str:
    match status:
        case Completed(receipt):
            return f"Completed. {receipt.text}"
        case Failed(error):
            return f"Failed at {error.path}: {error.message}"
        case Cancelled(reason, by):
            return f"Cancelled by {by}: {reason}"
        case _:
            return str(status)


def _bank(customer: str) -> str:
    booked = services.payments_of(customer)
    kept = sum((amount for amount, refunded in booked if not refunded), Decimal(0))
    charges = "1 charge" if len(booked) == 1 else f"{len(booked)} charges"
    refunds = sum(refunded for _, refunded in booked)
    return f"{charges}, {refunds} given back, {kept:.2f} kept"


def _step(step: TaskResult, began: datetime) -> str:
    when = "now " if step.finished_at >= began else "kept"
    attempts = "1 attempt " if step.attempts == 1 else f"{step.attempts} attempts"
    said = step.output if step.error is None else f"{step.error.type_name}: {step.error.message}"
    return f"{when} {step.path:<32} {attempts}  {shorten(str(said), 72, placeholder=' …')}"
