"""Many claimers on the same items: each item is had once, none is left, nobody deadlocks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sayiir.stores.postgres.store import PostgresStore
from sayiir.stores.records import Checkpoint, ClaimRequest, End, Fence, NewItem, Spawn
from tests.postgres.racing import SECOND_US, racing

if TYPE_CHECKING:
    from collections.abc import Callable

CLAIMERS = 32


def test_thirty_two_claimers_have_each_item_once(
    postgres_database_url: str,
    repetitions: Callable[[int, int], int],
    report_figure: Callable[[str], None],
) -> None:
    """Ready ones and ones whose lease has ended alike; what is had is ended at once."""
    count = repetitions(10_000, 100_000)

    async def run() -> None:
        async with racing(postgres_database_url, seed=1) as track:
            root = await track.start()
            for first in range(0, count, 1_000):
                await track.store.commit([_part(root.fence, first, count)])
            lapsed = await track.store.claim(
                ClaimRequest(holder="lost", lease_us=0, limit=count // 10)
            )
            assert len(lapsed.items) == count // 10
            url = postgres_database_url + "&pool=8"
            stores = [await PostgresStore.open(url) for _ in range(4)]
            try:
                had = await asyncio.gather(*(_claimer(stores[n % 4]) for n in range(CLAIMERS)))
            finally:
                for store in stores:
                    await store.close()
            await track.check()
        keys = [fence.item for each in had for fence in each if fence.item.spawn_path]
        twice, missed = len(keys) - len(set(keys)), count - len(set(keys))
        report_figure(
            f"claimed by {CLAIMERS}: {count:,} items, twice {twice}, missed {missed}, deadlocks 0"
        )
        assert (twice, missed) == (0, 0)

    asyncio.run(run())


def _part(fence: Fence, first: int, count: int) -> Checkpoint:
    items = tuple(
        NewItem(index=i, path=f"m[{i}]/t", input="i")
        for i in range(first, min(first + 1_000, count))
    )
    spawn = Spawn(path="m", input="join", items=items, total=count)
    return Checkpoint(fence=fence, effect=spawn)


async def _claimer(store: PostgresStore) -> list[Fence]:
    had: list[Fence] = []
    while True:
        answer = await store.claim(ClaimRequest(holder="c", lease_us=60 * SECOND_US, limit=20))
        had += [each.fence for each in answer.items]
        ends = [Checkpoint(fence=each.fence, effect=End(output="r")) for each in answer.items]
        for ended in await store.commit(ends):
            assert ended.accepted
            had += [each.fence for each in ended.claimed]
        if answer.next_due_in_us is None or answer.next_due_in_us > 0:
            return had
