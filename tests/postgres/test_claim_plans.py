"""What is parked is never read by a claim, however much of it there is; nor by a step."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg

from sayiir.clock import SystemClock
from sayiir.stores.postgres import claim, commit, leases
from sayiir.stores.postgres.database import Database
from sayiir.stores.postgres.migrations import prepared
from sayiir.stores.postgres.url import parse_url
from sayiir.stores.postgres.work import Work
from sayiir.stores.records import Checkpoint, ClaimRequest, End, Move, Result
from tests.postgres.filling import fill
from tests.postgres.plans import Explained, nodes, rows_read
from tests.postgres.racing import SECOND_US

if TYPE_CHECKING:
    from collections.abc import Callable


def test_claims_and_steps_read_what_they_take(
    postgres_url: str,
    repetitions: Callable[[int, int], int],
    report_figure: Callable[[str], None],
) -> None:
    """Of a store of many instances, most of them parked, only by indexes."""
    count = repetitions(20_000, 1_000_000)

    async def run() -> None:
        url = parse_url(postgres_url)
        (await prepared(url)).terminate()
        connection = await asyncpg.connect(url.dsn)
        filler = Database(url, SystemClock())
        await fill(filler, count, SystemClock().now_us())
        await filler.close()
        database = Explained(connection, url, SystemClock())
        try:
            await _claim_and_step(Work(database))
            for text, plan in database.plans:
                # Of tables that hold nothing, or next to nothing, whatever there is.
                scans = [
                    node["Relation Name"]
                    for node in nodes(plan)
                    if node["Node Type"] == "Seq Scan"
                    and node["Actual Rows"] + node.get("Rows Removed by Filter", 0) > 20
                ]
                assert not scans, (text, scans)
                assert rows_read(plan) < 3_000, (rows_read(plan), text)
            read = max(rows_read(plan) for _, plan in database.plans)
            report_figure(f"rows read by a claim or a step among {count:,} instances: {read:,}")
        finally:
            await connection.close()
            await database.close()

    asyncio.run(run())


async def _claim_and_step(work: Work) -> None:
    request = ClaimRequest(holder="w", lease_us=30 * SECOND_US, limit=50)
    found = (await claim.claim(work, request)).items
    assert len(found) == 50
    steps = [
        Checkpoint(
            fence=each.fence,
            effect=Move("next", "r:x"),
            result=Result(path="x", node_path="x", ordinal=b"", output=b"1"),
            prune=("l[0]/",) if at % 2 else (),
        )
        for at, each in enumerate(found)
    ]
    assert all(each.accepted for each in await commit.commit(work, steps))
    await leases.renew(work, [each.fence for each in found], SECOND_US)
    ends = [Checkpoint(fence=each.fence, effect=End(output="r")) for each in found]
    assert all(each.accepted for each in await commit.commit(work, ends))
