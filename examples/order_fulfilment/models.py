"""What flows between the tasks: frozen pydantic models, stored at every step."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum

from pydantic import BaseModel, ConfigDict, PositiveInt

__all__ = [
    "Delivery",
    "Handover",
    "Order",
    "Parcel",
    "Payment",
    "PickUp",
    "Price",
    "Receipt",
    "Reservation",
    "Shipment",
]


class Model(BaseModel):
    """Frozen: a stored value that is changed afterwards would no longer be the stored one."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Delivery(Enum):
    """How the customer wants it: the key of the branch."""

    POST = "post"
    PICK_UP = "pick_up"


class Order(Model):
    """The input of the workflow."""

    order_id: str
    customer: str
    item: str
    pieces: PositiveInt
    delivery: Delivery


class Price(Model):
    """What the order costs."""

    total: Decimal


class Payment(Model):
    """What the bank took, under its reference."""

    reference: str
    amount: Decimal


class Reservation(Model):
    """Where the pieces lie."""

    shelf: str


class Parcel(Model):
    """Packed, and ready to leave the shop."""

    label: str
    delivery: Delivery


class Shipment(Model):
    """A parcel on its way, under the carrier's number."""

    tracking: str


class PickUp(Model):
    """The payload of the signal ``picked_up``: who came for the parcel."""

    by: str


class Handover(Model):
    """How the order ended; ``sold`` is False where the shop took the parcel back."""

    note: str
    sold: bool = True


class Receipt(Model):
    """The output of the workflow."""

    text: str
    paid: Decimal
