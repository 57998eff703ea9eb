"""Claims while very many instances lie parked, alone and with others that claim and renew."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Final

from sayiir.stores.postgres.store import PostgresStore
from sayiir.stores.records import ClaimRequest, Fence

__all__ = ["claim_seconds", "fill"]

READY: Final = 2_000
BATCH: Final = 100
_HOUR_US: Final = 3_600_000_000
_AT_ONCE: Final = 20_000

_DEFINITION: Final = (
    "insert into @definition (hash, body) values ('flow', 'body')",
    "insert into @queue (definition, tags) select id, '{}' from @definition",
)
_INSTANCES: Final = """
insert into @instance (instance_id, run_id, definition, workflow_name, workflow_version, priority,
    created_at, labels)
select $3 || n, $3 || n, 1, 'flow', '1', 3, @now, '[]'
from generate_series($1::integer, $2::integer) n
"""
# Half of them on a timer, half on a signal with a timeout; or ready, where $4 says so.
_ROOTS: Final = f"""
insert into @work_item (run, spawn_path, idx, queue, path, input, prio, own_prio, phase, ready_at,
    rank, due, wake_at, epoch, signal_name, parked_as)
select i.run, '', 0, 1, 'step', 'i', 3, 3,
    case when $4 then 0 when n % 2 = 0 then 1 else 3 end, @now, case when $4 then @now end,
    case when not $4 then @now + {_HOUR_US}::bigint + n end,
    case when not $4 then @now + {_HOUR_US}::bigint + n end, 1,
    case when not $4 and n % 2 = 1 then 'go' end, 1
from generate_series($1::integer, $2::integer) n join @instance i on i.instance_id = $3 || n
"""


async def fill(store: PostgresStore, parked: int) -> None:
    """So many parked instances, and 2,000 ready ones."""
    database = store._database
    for statement in _DEFINITION:
        await database.execute(statement)
    for name, count, ready in (("parked-", parked, False), ("ready-", READY, True)):
        for first in range(1, count + 1, _AT_ONCE):
            last = min(first + _AT_ONCE - 1, count)
            await database.execute(_INSTANCES, first, last, name)
            await database.execute("analyze @instance")
            await database.execute(_ROOTS, first, last, name, ready)
    for table in ("instance", "work_item"):
        await database.execute(f"vacuum (analyze) @{table}")


async def claim_seconds(store: PostgresStore, *, others: int = 0, times: int = 20) -> float:
    """Median seconds of a claim of 100.

    ``others``: so many claim and give back beside it, and as many renew 100 leases over and over.
    """
    stop = asyncio.Event()
    beside = [asyncio.create_task(_claiming(store, f"c{n}", stop)) for n in range(others)]
    beside += [asyncio.create_task(_renewing(store, f"r{n}", stop)) for n in range(others)]
    found: list[float] = []
    try:
        for number in range(times + 3):
            began = time.perf_counter()
            fences = await _claimed(store, "measured")
            seconds = time.perf_counter() - began
            assert len(fences) == BATCH
            await store.release(fences)
            if number >= 3:
                found.append(seconds)
    finally:
        stop.set()
        await asyncio.gather(*beside)
    return statistics.median(found)


async def _claimed(store: PostgresStore, holder: str) -> list[Fence]:
    request = ClaimRequest(
        holder=holder, lease_us=30_000_000, limit=BATCH, definitions=frozenset({"flow"})
    )
    return [each.fence for each in (await store.claim(request)).items]


async def _claiming(store: PostgresStore, holder: str, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await store.release(await _claimed(store, holder))


async def _renewing(store: PostgresStore, holder: str, stop: asyncio.Event) -> None:
    fences = await _claimed(store, holder)
    while not stop.is_set():
        await store.renew(fences, 30_000_000)
        await asyncio.sleep(0.01)
    await store.release(fences)
