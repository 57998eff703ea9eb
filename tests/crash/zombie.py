"""A holder of leases that is stopped for a while, and then goes on as if nothing had happened.

``python -m tests.crash.zombie URL``. For each line ``N`` of its input it claims N items, says so,
waits for another line, and then writes in every way there is with the leases it had; it tells
how many of its writes were accepted.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from sayiir import open_store
from sayiir.errors import StoreError
from sayiir.stores.inspection import ProgressReport
from sayiir.stores.records import (
    Await,
    Checkpoint,
    ClaimRequest,
    Effect,
    End,
    Fail,
    Fence,
    Move,
    NewItem,
    Park,
    Result,
    Retry,
    Spawn,
)

if TYPE_CHECKING:
    from sayiir.stores.protocols import Store

__all__ = ["EFFECTS", "LEASE_US"]

LEASE_US = 300_000

EFFECTS: tuple[Effect, ...] = (
    Move("b", "stale"),
    Move("b", "stale", hand_over=True),
    Park(path="b", input="stale", wait_us=1),
    Await(path="b", input="stale", signal_name="go"),
    Retry(error=b"stale", wait_us=1, in_place=True),
    Retry(error=b"stale", wait_us=1, in_place=False),
    Spawn(path="b", input="stale", items=(NewItem(index=0, path="b[0]/c", input=""),), total=1),
    End(output="stale"),
    Fail(error=b"stale"),
)


async def _claimed(store: Store, count: int) -> list[Fence]:
    held: list[Fence] = []
    while len(held) < count:
        request = ClaimRequest(holder="zombie", lease_us=LEASE_US, limit=count - len(held))
        held += [each.fence for each in (await store.claim(request)).items]
    return held


async def _write(store: Store, held: list[Fence]) -> int:
    """Every verb with every fence; how many were accepted."""
    told = Result(path="a", node_path="a", ordinal=b"", output=b"stale")
    checkpoints = [
        Checkpoint(
            fence=fence,
            effect=EFFECTS[number % len(EFFECTS)],
            # A failure or a retry has no result.
            result=None if number % len(EFFECTS) in {4, 5, 8} else told,
        )
        for number, fence in enumerate(held)
    ]
    alone, together = checkpoints[::2], checkpoints[1::2]
    answers = await store.commit(together)
    for checkpoint in alone:
        answers += await store.commit([checkpoint])
    accepted = sum(answer.accepted for answer in answers)
    accepted += sum(state.held for state in await store.renew(held, 60_000_000))
    await store.report(
        [
            ProgressReport(fence=fence, at=at, failures=0, path=at, attempt=1, fraction=0.5)
            for fence in held
            for at in "ab"
        ]
    )
    await store.release(held)
    return accepted


async def main() -> None:
    """Serve until the input ends."""
    store = await open_store(sys.argv[1])
    while line := await asyncio.to_thread(sys.stdin.readline):
        held = await _claimed(store, int(line))
        print("held", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        try:
            print(await _write(store, held), flush=True)
        except StoreError as error:
            print(repr(error), flush=True)
    await store.close()


if __name__ == "__main__":
    asyncio.run(main())
