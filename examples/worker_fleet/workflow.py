"""The tasks of a bill, and the graph that joins them: all that is durable."""

from __future__ import annotations

from typing import Final, Literal

from examples.worker_fleet import drawn
from examples.worker_fleet.models import (
    Account,
    Bill,
    Discount,
    Payment,
    Price,
    Receipt,
    Release,
    Usage,
)
from examples.worker_fleet.outside import BankUnreachable, Outside
from sayiir import (
    Flow,
    RetryPolicy,
    TaskContext,
    await_signal,
    branch,
    delay,
    fork,
    resource,
    task,
    workflow,
    workflow_input,
)

__all__ = ["monthly_bill"]

BANK: Final = RetryPolicy(max_retries=4, initial_delay="50ms", retry_on=BankUnreachable)


@task
async def read_meter(
    account: Account, ctx: TaskContext, outside: Outside = resource(Outside)
) -> Usage:
    """What was used."""
    return Usage(kwh=await outside.read_meter(account.number, ctx))


@task
async def price_usage(
    usage: Usage, ctx: TaskContext, outside: Outside = resource(Outside)
) -> Price:
    """What it costs."""
    await outside.begin(ctx)
    return Price(cents=usage.kwh * drawn.CENTS_PER_KWH)


@task
async def find_discount(
    usage: Usage,
    ctx: TaskContext,
    account: Account = workflow_input(Account),
    outside: Outside = resource(Outside),
) -> Discount:
    """Runs beside the pricing, and maybe on another worker."""
    return Discount(percent=await outside.find_discount(account.number, ctx))


@task
async def make_bill(
    price: Price, discount: Discount, ctx: TaskContext, outside: Outside = resource(Outside)
) -> Bill:
    """The two results of the fork come as two parameters."""
    await outside.begin(ctx)
    return Bill(cents=price.cents - price.cents * discount.percent // 100)


def size_of(bill: Bill) -> Literal["large", "usual"]:
    """The key of the branch."""
    return "large" if bill.cents >= drawn.LARGE_CENTS else "usual"


@task
async def file_release(
    bill: Bill, release: Release, ctx: TaskContext, outside: Outside = resource(Outside)
) -> Bill:
    """A clerk has looked at it."""
    await outside.begin(ctx)
    return bill


@task
async def announce(bill: Bill, ctx: TaskContext, outside: Outside = resource(Outside)) -> Bill:
    """The customer is told what will be taken."""
    await outside.begin(ctx)
    return bill


@task(retries=BANK, timeout="10s")
async def charge(
    bill: Bill,
    ctx: TaskContext,
    account: Account = workflow_input(Account),
    outside: Outside = resource(Outside),
) -> Payment:
    """The key is equal for all attempts, so a worker killed in here can't charge twice."""
    reference = await outside.charge(account.number, bill.cents, ctx)
    return Payment(reference=reference, cents=bill.cents)


@task
async def send_receipt(
    payment: Payment,
    ctx: TaskContext,
    account: Account = workflow_input(Account),
    outside: Outside = resource(Outside),
) -> Receipt:
    """The output."""
    await outside.begin(ctx)
    return Receipt(account=account.number, cents=payment.cents)


@workflow
def monthly_bill() -> Flow[Account, Receipt]:
    """A household's bill for electricity."""
    by_clerk = await_signal("released", Release, keep_input=True) >> file_release
    return (
        read_meter
        >> fork(price_usage, find_discount)
        >> make_bill
        >> branch(size_of, ("large", by_clerk), ("usual", announce)).merge()
        >> delay("1s")  # in which the customer may object
        >> charge
        >> send_receipt
    )
