"""What a step writes to PostgreSQL's log."""

from __future__ import annotations

from sayiir.stores.postgres.store import PostgresStore
from sayiir.stores.records import Checkpoint, ClaimRequest, Fence, Move, NewInstance, Result

__all__ = ["step_bytes"]

BATCH = 100
_NOW = "select pg_current_wal_insert_lsn()::text"
_SINCE = "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1::text::pg_lsn)::bigint"


async def step_bytes(url: str, rounds: int = 40) -> list[float]:
    """Bytes a step of each round, by checkpoints of 100 instances at once.

    The rounds of the first half aren't told: pages are written whole when they are first touched.
    """
    store = await PostgresStore.open(url)
    try:
        fences = [await _started(store, number) for number in range(BATCH)]
        found: list[float] = []
        for number in range(rounds):
            before = await store._database.fetchrow(_NOW)
            assert before is not None
            batch = [_step(fence, number) for fence in fences]
            assert all(answer.accepted for answer in await store.commit(batch))
            written = await store._database.fetchrow(_SINCE, before[0])
            assert written is not None
            found.append(written[0] / BATCH)
        return found[rounds // 2 :]
    finally:
        await store.close()


async def _started(store: PostgresStore, number: int) -> Fence:
    new = NewInstance(
        instance_id=f"i-{number}",
        run_id=f"r-{number}",
        workflow_name="flow",
        workflow_version="1",
        definition_hash="hash",
        definition=b"definition",
        input=b"1",
        root_path="step0",
        root_input="i",
        priority=3,
    )
    request = ClaimRequest(holder="w", lease_us=600_000_000, limit=1)
    answer = await store.create(new, claim=request)
    assert answer.claimed is not None
    return answer.claimed.fence


def _step(fence: Fence, number: int) -> Checkpoint:
    path = f"step{number}"
    result = Result(path=path, node_path=path, ordinal=b"", output=b'"the output of a step"')
    return Checkpoint(fence=fence, effect=Move(f"step{number + 1}", f"r:{path}"), result=result)
