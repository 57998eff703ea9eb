"""Class tasks and resources: the types of ``__call__``, whatever the constructor takes."""

from __future__ import annotations

from typing import Any, NewType, Protocol, assert_type

from sayiir import CheckpointingRunner, Flow, Task, TaskContext, fork, resource, task, workflow
from tests.typing.shop import Order, Parcel, Payment, Stock, charge, reserve

Address = NewType("Address", str)


class Carrier(Protocol):
    def send(self, parcel: Parcel) -> str: ...


class ByRoad:
    def send(self, parcel: Parcel) -> str:
        return "sent"


class Ship:
    def __init__(self, carrier: Carrier = resource(Carrier), limit: int = 3) -> None:
        self.carrier = carrier

    def __call__(self, parcel: Parcel) -> str:
        return self.carrier.send(parcel)


class Pay:
    async def __call__(self, order: Order, *, note: str = "") -> Payment:
        return Payment()


class Pack:
    def __call__(
        self, payment: Payment, stock: Stock, address: Address = resource(Address)
    ) -> Parcel:
        return Parcel()


class PackLater:
    async def __call__(self, payment: Payment, stock: Stock) -> Parcel:
        return Parcel()


class Nothing:
    def __call__(self) -> Order:
        return Order()


class WithContext:
    def __call__(self, order: Order, ctx: TaskContext) -> int:
        return 1


class TakesAny:
    def __call__(self, value: Any) -> int:
        return 1


class Entered:
    async def __aenter__(self) -> Entered:
        return self

    async def __aexit__(self, *_: object) -> None: ...
    async def __call__(self, order: Order) -> Payment:
        return Payment()


ship = task(Ship)
pay = task(Pay)
pack = task("pack", retries=3)(Pack)
pack_later = task(name="pack_later", timeout="3s")(PackLater)
nothing = task(Nothing)

one_input: Task[Parcel, str] = ship
one_async_input: Task[Order, Payment] = pay
two_inputs: Task[tuple[Payment, Stock], Parcel] = pack
two_async_inputs: Task[tuple[Payment, Stock], Parcel] = pack_later
no_inputs: Task[object, Order] = nothing
context_is_no_input: Task[Order, int] = task(WithContext)
any_input: Task[Any, int] = task(TakesAny)
context_manager: Task[Order, Payment] = task(Entered)

assert_type(ship >> str, Flow[Parcel, str])
assert_type(fork(charge, reserve) >> pack, Flow[Order, Parcel])
assert_type(fork(pay, reserve) >> pack >> ship, Flow[Order, str])
assert_type(ship(Parcel()), str)
assert_type(ship.wrapped, type[Any])
assert_type(Ship(ByRoad())(Parcel()), str)
assert_type(resource(Carrier), Carrier)
assert_type(resource(Address), Address)
assert_type(resource(dict[str, int]), dict[str, int])


async def awaited() -> None:
    assert_type(await pay(Order(), note="x"), Payment)


def handed_over() -> None:
    shipping = workflow("shipping", ship)
    assert_type(shipping.run(Parcel(), resources={Carrier: ByRoad()}), str)
    with CheckpointingRunner("memory://", resources={Carrier: ByRoad}) as runner:
        runner.run(shipping, "a", Parcel())
