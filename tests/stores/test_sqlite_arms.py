"""Arms that are created at once are the rows that they would be one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import pytest

from sayiir.errors import StoreError
from sayiir.stores.records import (
    Checkpoint,
    Claimed,
    ClaimRequest,
    Control,
    End,
    Move,
    NewItem,
    Result,
    Spawn,
)
from sayiir.stores.sqlite import SqliteStore, commit
from sayiir.stores.sqlite import ends as ends_of_arms
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


# -- their ends


def ends(claimed: list[Claimed], indexes: Iterable[int]) -> list[Checkpoint]:
    """The ends of these arms, with a result for every other one."""
    return [
        Checkpoint(
            claimed[index].fence,
            End(output=f"o{index}", keep=True),
            Result(f"f[{index}]/t", "f/t", b"", b"r", 1, 1) if index % 2 else None,
        )
        for index in indexes
    ]


Story = Callable[[SqliteStore, list[Claimed]], Awaitable[list[list[Checkpoint]]]]


async def all_at_once(_: SqliteStore, claimed: list[Claimed]) -> list[list[Checkpoint]]:
    return [ends(claimed, range(len(claimed)))]


async def some_then_the_rest(_: SqliteStore, claimed: list[Claimed]) -> list[list[Checkpoint]]:
    return [ends(claimed, range(3, 9)), ends(claimed, (0, 1, 2, 9))]


async def one_twice(_: SqliteStore, claimed: list[Claimed]) -> list[list[Checkpoint]]:
    return [[*ends(claimed, range(6)), *ends(claimed, (4,))], ends(claimed, range(6, 10))]


async def a_stale_one(store: SqliteStore, claimed: list[Claimed]) -> list[list[Checkpoint]]:
    await store.release([claimed[5].fence])
    return [ends(claimed, range(10))]


async def paused(store: SqliteStore, claimed: list[Claimed]) -> list[list[Checkpoint]]:
    await store.request_pause("a")
    return [ends(claimed, range(8))]


async def cancelled(store: SqliteStore, claimed: list[Claimed]) -> list[list[Checkpoint]]:
    await store.request_cancel("a")
    return [ends(claimed, range(8))]


async def among_others(_: SqliteStore, claimed: list[Claimed]) -> list[list[Checkpoint]]:
    move = Checkpoint(claimed[7].fence, Move("f[7]/u", "i"))
    pruned = ends(claimed, (8,))[0]._replace(prune=("f[8]/",))
    return [[*ends(claimed, range(5)), move, *ends(claimed, (5, 6)), pruned, *ends(claimed, (7,))]]


async def rows_after_ends(story: Story, limit: int | None) -> tuple[list[Any], list[Any]]:
    """All that is stored after these ends, and what their holder was told."""
    store = await SqliteStore.open(None, MovedClock())
    answers: list[Any] = []
    try:
        root = (await store.create(new_instance("a"), claim=CLAIM)).claimed
        assert root is not None
        items = tuple(
            NewItem(index=number, path=f"f[{number}]/t", input="i") for number in range(10)
        )
        spawn = Spawn(path="f", input="i", items=items, total=10, limit=limit, keep=10)
        (answer,) = await store.commit([Checkpoint(root.fence, spawn)])
        claimed = list(answer.claimed)
        for batch in await story(store, claimed):
            answers += await store.commit(batch)
        connection = store._writer.connection
        assert connection is not None
        tables = ("instance", "work_item", "task_result")
        rows = [connection.execute(f"select * from {table}").fetchall() for table in tables]
    finally:
        await store.close()
    return rows, answers


def none_together(*_: object) -> int:
    """Each arm goes its own way."""
    return 0


@pytest.mark.parametrize(
    ("story", "limit", "together"),
    [
        (all_at_once, None, [9]),
        (some_then_the_rest, None, [6, 0]),
        (one_twice, None, [0, 0]),
        (a_stale_one, None, [0]),
        (paused, None, [0]),
        (cancelled, None, [0]),
        (among_others, None, [5, 0, 0]),
        (all_at_once, 5, [0]),
    ],
)
def test_ends_together_or_one_by_one(
    story: Story, limit: int | None, together: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last of all, and those of a batch in which one isn't held, have the way of each alone."""
    counted: list[int] = []
    end_arms = ends_of_arms.end_arms

    def noted(*given: Any) -> int:
        counted.append(end_arms(*given))
        return counted[-1]

    monkeypatch.setattr(commit, "end_arms", noted)
    found = asyncio.run(rows_after_ends(story, limit))
    assert counted == together
    monkeypatch.setattr(commit, "end_arms", none_together)
    assert found == asyncio.run(rows_after_ends(story, limit))


def test_of_a_batch_in_which_a_path_has_a_result_already_nothing_is_written() -> None:
    async def main() -> None:
        store = await SqliteStore.open(None, MovedClock())
        root = (await store.create(new_instance("a"), claim=CLAIM)).claimed
        assert root is not None
        (answer,) = await store.commit(
            [Checkpoint(root.fence, arms(ARMS, range(ARMS), elements=False)[0])]
        )
        claimed = list(answer.claimed)
        batch = ends(claimed, range(10))
        batch[3] = batch[3]._replace(result=batch[1].result)
        with pytest.raises(StoreError, match="has a result already"):
            await store.commit(batch)
        assert all(state.held for state in await store.check([each.fence for each in claimed]))
        assert await store.results("a") == []
        await store.close()

    asyncio.run(main())
