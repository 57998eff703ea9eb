"""The numbers of queues that a writer remembers are those that the file has."""

from __future__ import annotations

import asyncio

import pytest

from sayiir.errors import StoreError
from sayiir.stores.records import Checkpoint, Claimed, ClaimRequest, Move
from sayiir.stores.sqlite import SqliteStore
from sayiir.stores.sqlite.commit import commit
from sayiir.stores.sqlite.worker import AnyJob, Job
from tests.stores.sqlite_child import new_instance, result

CLAIM = ClaimRequest(holder="w", lease_us=10**9)


async def started(store: SqliteStore, name: str) -> Claimed:
    answer = await store.create(new_instance(name), claim=CLAIM)
    assert answer.claimed is not None
    return answer.claimed


def move(by: Claimed, tag: str) -> Checkpoint:
    effect = Move("b", "", tags=(tag,), hand_over=True)
    return Checkpoint(fence=by.fence, effect=effect, result=result("a"))


@pytest.mark.parametrize("together", [1, 3])
def test_a_queue_whose_making_was_undone_is_forgotten(together: int) -> None:
    """Else its number, which the next queue is given, would stand for both."""

    async def main() -> None:
        store = await SqliteStore.open(None)
        first, second, third = [await started(store, name) for name in ("1", "2", "3")]

        # Two results at one path: nothing of it is written.
        bad = [
            Checkpoint(fence=each.fence, effect=Move("b", "", tags=("gpu",)), result=result("a"))
            for each in (first, first)
        ]
        jobs: list[AnyJob] = [Job(lambda tx: tx.find_run(1)) for _ in range(together - 1)]
        jobs.append(Job(lambda tx: commit(tx, bad)))
        store._writer.run(jobs)
        assert isinstance(jobs[-1].error, StoreError)
        await store.commit([move(second, "eu")])
        await store.commit([move(third, "gpu")])
        able = ClaimRequest(holder="w", lease_us=10**9, limit=5, tags=frozenset({"gpu"}))
        assert [item.instance_id for item in (await store.claim(able)).items] == ["3"]
        await store.close()

    asyncio.run(main())
