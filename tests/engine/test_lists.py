"""Lists of instances: filters, order and pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sayiir import await_signal, delay, fork, workflow
from tests.engine.corpus import add, double, inc, odd_fails

if TYPE_CHECKING:
    from tests.engine.bench import Bench

pytestmark = pytest.mark.anyio

plain = workflow("w", inc >> double)


async def test_lists_filter_and_page(bench: Bench) -> None:
    client = bench.client
    other = workflow("other", fork(inc, double) >> add)
    for number in range(7):
        await client.submit(plain, f"ready{number}", 1)
    await bench.runner.run(other, "done", 1)
    await bench.runner.run(workflow("f", odd_fails), "failed", 1)
    await bench.runner.run(workflow("s", await_signal("s", int)), "signal", 1)
    await bench.runner.run(workflow("d", delay("1h")), "delay", 1)
    await client.submit(plain, "paused", 1)
    await client.pause("paused")
    await client.submit(plain, "cancelled", 1)
    await client.cancel("cancelled")

    async def ids(**filters: Any) -> list[str]:
        return [entry.instance_id for entry in (await client.list(**filters)).items]

    assert await ids(status="Completed") == ["done"]
    assert await ids(status="Failed") == ["failed"]
    assert await ids(status="AwaitingSignal") == ["signal"]
    assert await ids(status="Waiting") == ["delay"]
    assert await ids(status="Paused") == ["paused"]
    assert await ids(status="Cancelled") == ["cancelled"]
    assert await ids(status="InProgress") == [f"ready{n}" for n in reversed(range(7))]
    assert await ids(workflow=other) == await ids(workflow="other") == ["done"]
    assert await ids(workflow=plain, status="Paused") == ["paused"]
    whole = await ids()
    assert len(whole) == 13
    paged, cursor = [], None
    while True:
        page = await client.list(limit=5, cursor=cursor)
        paged += [entry.instance_id for entry in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    assert paged == whole
    for bad in ({"status": "nope"}, {"limit": 0}, {"limit": 10_000}, {"cursor": "☃"}):
        with pytest.raises(ValueError):  # noqa: PT011
            await client.list(**bad)
    entry = (await client.list(status="Completed")).items[0]
    assert (entry.workflow_name, entry.status, entry.priority) == ("other", "Completed", 3)
    assert entry.finished_at is not None
    assert entry.finished_at.tzinfo is not None
