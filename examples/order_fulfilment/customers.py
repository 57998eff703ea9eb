"""The customers: what each of them orders, and what each does when the shop is waiting.

Every story first looks at how its order stands and then does what is missing. So they may all
be played again, from the start, after a crash at any moment.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from examples.order_fulfilment import services
from examples.order_fulfilment.models import Delivery, Order, PickUp
from examples.order_fulfilment.shop import Shop
from sayiir import AwaitingSignal, Cancelled, Failed

__all__ = ["CUSTOMERS", "Customer"]


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer with one order, a first card, and a story."""

    order: Order
    card: str
    story: Callable[[Shop, Order], Awaitable[None]]

    async def play(self, shop: Shop) -> None:
        """Open the account, then do what the story says."""
        services.open_account(self.order.customer, self.card)
        await self.story(shop, self.order)


async def waits_for_the_post(shop: Shop, order: Order) -> None:
    """Orders, and has nothing more to do."""
    await shop.work_on(order)


async def picks_it_up(shop: Shop, order: Order) -> None:
    """Comes to the counter when the parcel is there."""
    if isinstance(await shop.work_on(order), AwaitingSignal):
        say(order, "comes to the counter")
        await shop.client.send_event(order.order_id, "picked_up", PickUp(by=order.customer))
        await shop.work_on(order)


async def gives_another_card(shop: Shop, order: Order) -> None:
    """The first card is declined for good; the order goes on where it failed."""
    status = await shop.work_on(order)
    if isinstance(status, Failed):
        say(order, f"hears that {status.error.message}, and gives another one")
        services.change_card(order.customer, services.GOOD_CARD)
        await shop.client.retry(order.order_id)
        await shop.work_on(order)


async def changes_her_mind(shop: Shop, order: Order) -> None:
    """Cancels while the parcel waits for her; the shop pays back."""
    status = await shop.work_on(order)
    if isinstance(status, AwaitingSignal):
        say(order, "cancels")
        await shop.client.cancel(order.order_id, "changed her mind", order.customer)
        status = await shop.work_on(order)
    if isinstance(status, Cancelled):
        await shop.settle_cancelled(order)


async def never_comes(shop: Shop, order: Order) -> None:
    """The wait for the pick-up times out into its default."""
    await shop.close_the_day(order)


def say(order: Order, text: str) -> None:
    """What the person in front of the terminal sees while it happens."""
    print(f"{order.order_id}: {order.customer} {text}", flush=True)


def _order(number: int, customer: str, what: str, delivery: Delivery) -> Order:
    pieces, item = what.split()
    return Order(
        order_id=f"order-{number}",
        customer=customer,
        item=item,
        pieces=int(pieces),
        delivery=delivery,
    )


POST: Final = Delivery.POST
PICK_UP: Final = Delivery.PICK_UP

CUSTOMERS: Final = (
    Customer(_order(1, "Ada", "1 lamp", POST), services.GOOD_CARD, waits_for_the_post),
    Customer(_order(2, "Ben", "4 chair", PICK_UP), services.GOOD_CARD, picks_it_up),
    Customer(_order(3, "Cleo", "2 vase", POST), services.BAD_LINE, waits_for_the_post),
    Customer(_order(4, "Dan", "1 chair", POST), services.NO_FUNDS, gives_another_card),
    Customer(_order(5, "Eve", "3 lamp", PICK_UP), services.GOOD_CARD, changes_her_mind),
    Customer(_order(6, "Finn", "1 vase", PICK_UP), services.GOOD_CARD, never_comes),
)
