"""Arms that are created at once are the rows that they would be one by one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sayiir.stores.records import Checkpoint, ClaimRequest, Control, NewItem, Spawn
from sayiir.stores.sqlite import SqliteStore
from sayiir.testing.clock import MovedClock
from tests.stores.sqlite_child import new_instance

CLAIM = ClaimRequest(holder="w", lease_us=10**9)
ARMS = 75  # more than one statement inserts


def arms(keep: int, *ranges: range, elements: bool) -> list[Spawn]:
    """One spawn for each of the ranges; some arms have a priority, an element or a tag."""
    items = [
        NewItem(
            index=number,
            path=f"f[{number}]/t",
            input="i",
            element=b"%d" % number if elements and number % 2 else None,
            priority=1 + number % 5 if number % 3 else None,
            tags=("gpu",) if number % 7 == 0 else (),
        )
        for number in range(ARMS)
    ]
    return [
        Spawn(
            path="f",
            input="i",
            items=tuple(items[each.start : each.stop]),
            total=ARMS,
            keep=max(min(keep, each.stop) - each.start, 0),
        )
        for each in ranges
    ]


async def rows_of(spawns: list[Spawn], pause: bool = False) -> tuple[list[Any], list[Any]]:
    """All items and elements after these checkpoints, and what was claimed by them."""
    store = await SqliteStore.open(None, MovedClock())
    claimed: list[Any] = []
    try:
        root = (await store.create(new_instance("a"), claim=CLAIM)).claimed
        assert root is not None
        if pause:
            await store.request_pause("a")
        for spawn in spawns:
            (answer,) = await store.commit([Checkpoint(fence=root.fence, effect=spawn)])
            assert answer.accepted
            assert answer.control is (Control.PAUSE if pause else Control.NONE)
            claimed += answer.claimed
        connection = store._writer.connection
        assert connection is not None
        items = connection.execute("select * from work_item order by run, spawn_path, idx")
        elements = connection.execute("select * from element order by idx")
        return [*items.fetchall(), *elements.fetchall()], claimed
    finally:
        await store.close()


@pytest.mark.parametrize("elements", [False, True])
@pytest.mark.parametrize("keep", [0, 1, 40, ARMS])
def test_at_once_or_in_two_batches(keep: int, elements: bool) -> None:
    """Only a spawn in one batch has the quick way; the rows and the claims are the same."""

    async def main() -> None:
        at_once = await rows_of(arms(keep, range(ARMS), elements=elements))
        halves = arms(keep, range(30), range(30, ARMS), elements=elements)
        assert at_once == await rows_of(halves)
        assert len(at_once[1]) == keep

    asyncio.run(main())


def test_of_a_paused_instance_none_can_be_claimed() -> None:
    """Its arms have neither rank nor time: nothing is looked at before it goes on."""

    async def main() -> None:
        rows, claimed = await rows_of(arms(ARMS, range(ARMS), elements=False), pause=True)
        assert claimed == []
        names = ["rank", "due", "holder"]
        store = await SqliteStore.open(None)
        connection = store._writer.connection
        assert connection is not None
        columns = [row[1] for row in connection.execute("pragma table_info(work_item)")]
        await store.close()
        for row in rows:
            assert [row[columns.index(name)] for name in names] == [None, None, None]

    asyncio.run(main())
