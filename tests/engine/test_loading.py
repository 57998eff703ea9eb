"""What items that start together read is asked for at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import AsyncCheckpointingRunner, AsyncWorkflowClient, open_store, task, workflow
from sayiir.engine.loading import MAX_GATHERED, GatheringLoader
from sayiir.errors import StoreError, StoreUnavailable
from sayiir.stores.records import Loaded, Wanted

if TYPE_CHECKING:
    from collections.abc import Sequence


pytestmark = pytest.mark.anyio


class Shelf:
    """Gives each run its own number as the input; says no to run 13, and nothing when closed."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.closed = False

    async def load(self, wanted: Sequence[Wanted]) -> list[Loaded]:
        self.calls.append(len(wanted))
        await asyncio.sleep(0)
        if self.closed:
            raise StoreUnavailable("closed")
        if any(each.run == 13 for each in wanted):
            raise StoreError("no run 13")
        return [Loaded(input=str(each.run).encode()) for each in wanted]


def loads(loader: GatheringLoader, *runs: int) -> list[asyncio.Task[list[Loaded]]]:
    return [asyncio.create_task(loader.load([Wanted(run=run, input=True)])) for run in runs]


async def test_what_is_asked_in_one_turn_is_one_call() -> None:
    shelf = Shelf()
    runs = range(100, 100 + 2 * MAX_GATHERED + 1)
    found = await asyncio.gather(*loads(GatheringLoader(shelf, range(2)), *runs))
    assert [loaded.input for [loaded] in found] == [str(run).encode() for run in runs]
    assert shelf.calls == [MAX_GATHERED, MAX_GATHERED, 1]


async def test_one_alone_doesnt_look_for_others() -> None:
    shelf = Shelf()
    await GatheringLoader(shelf, range(1)).load([Wanted(run=1, input=True)])
    assert shelf.calls == [1]


async def test_a_join_waits_for_nobody_and_nobody_for_it() -> None:
    shelf = Shelf()
    loader = GatheringLoader(shelf, range(9))
    join = asyncio.create_task(loader.load([Wanted(run=1, joins=("fork",))]))
    await asyncio.gather(join, *loads(loader, 2, 3))
    assert sorted(shelf.calls) == [1, 2]


async def test_one_that_makes_no_sense_fails_alone() -> None:
    loader = GatheringLoader(Shelf(), range(9))
    found = await asyncio.gather(*loads(loader, 12, 13, 14), return_exceptions=True)
    assert [type(each) for each in found] == [list, StoreError, list]


async def test_a_store_that_is_away_is_asked_once() -> None:
    shelf = Shelf()
    shelf.closed = True
    found = await asyncio.gather(
        *loads(GatheringLoader(shelf, range(9)), 1, 2), return_exceptions=True
    )
    assert [type(each) for each in found] == [StoreUnavailable] * 2
    assert shelf.calls == [2]


async def test_who_is_cancelled_keeps_nobody() -> None:
    shelf = Shelf()
    tasks = loads(GatheringLoader(shelf, range(9)), 1, 2, 3)
    await asyncio.sleep(0)
    tasks[0].cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(each) for each in found] == [asyncio.CancelledError, list, list]
    assert shelf.calls == [2]


@task
async def plus_one(number: int) -> int:
    return number + 1


async def test_inputs_of_what_was_claimed_together_are_one_load() -> None:
    count = 60
    flow = workflow("flow", plus_one >> plus_one)
    store: Any = await open_store("memory://")
    client = AsyncWorkflowClient(store)
    for number in range(count):
        await client.submit(flow, f"i{number}", number)
    asked: list[int] = []
    load = store.load

    async def counted(wanted: Sequence[Wanted]) -> Any:
        asked.append(len(wanted))
        return await load(wanted)

    store.load = counted
    async with AsyncCheckpointingRunner(store) as runner:
        assert await runner.resume_all([flow]) == count
    assert asked == [count]
    assert await client.result("i7", flow) == 9
