"""The client's side: bills are submitted, and a clerk looks at the large ones."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import islice
from typing import Final

from examples.worker_fleet.models import Account, Release
from examples.worker_fleet.watching import Watch
from examples.worker_fleet.workflow import monthly_bill
from sayiir import AsyncWorkflowClient

__all__ = ["account_of", "bill_id", "release_large_bills", "submit_bills"]

AT_ONCE: Final = 8
LOOK_SECONDS: Final = 0.3


def bill_id(number: int) -> str:
    """The instance id of an account's bill."""
    return f"bill-{number:05}"


def account_of(instance_id: str) -> int:
    """The account whose bill this is."""
    return int(instance_id.removeprefix("bill-"))


async def submit_bills(
    client: AsyncWorkflowClient, count: int, watch: Watch, busy: int, acknowledged: list[str]
) -> None:
    """Submit the bill of every account, as fast as they are worked on.

    What is claimed next is what became ready first. If all bills were handed in at once, what a
    dead worker leaves behind would be ready again behind all of those that nobody has begun.

    Args:
        client: by which.
        count: how many accounts there are.
        watch: says how many bills can be worked on.
        busy: so many of them are enough.
        acknowledged: takes the id of each that the store has confirmed.
    """
    numbers = iter(range(1, count + 1))
    while len(acknowledged) < count:
        room = busy - (await watch.next_sample()).in_progress
        batch = iter(list(islice(numbers, max(0, room))))
        async with asyncio.TaskGroup() as submitting:
            for _ in range(AT_ONCE):
                submitting.create_task(_submit(client, batch, acknowledged))


async def _submit(
    client: AsyncWorkflowClient, numbers: Iterator[int], acknowledged: list[str]
) -> None:
    for number in numbers:
        await client.submit(monthly_bill, bill_id(number), Account(number))
        acknowledged.append(bill_id(number))


async def release_large_bills(client: AsyncWorkflowClient) -> None:
    """Look at what waits for a clerk, and release it; until cancelled."""
    while True:
        for bill in await client.list(monthly_bill, status="AwaitingSignal", limit=1000):
            await client.send_event(bill.instance_id, "released", Release(by="Ada"))
        await asyncio.sleep(LOOK_SECONDS)
