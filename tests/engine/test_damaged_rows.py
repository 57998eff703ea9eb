"""Rows that are no position of their definition: one instance fails, its neighbours go on."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import PayloadError, await_signal, workflow
from sayiir.status import Completed, Failed
from sayiir.stores.records import Checkpoint, ClaimRequest, End, Move
from tests.engine.corpus import add_all, inc, upto

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.stores.protocols import Store
    from sayiir.stores.records import Answer
    from tests.engine.bench import Bench

pytestmark = pytest.mark.anyio

simple = workflow("w", inc >> inc)


async def _write_position(store: Store, name: str, path: str, text: str) -> None:
    """Let the instance's root stand there, whatever the definition says."""
    request = ClaimRequest(holder="editor", lease_us=1_000_000, instance_id=name)
    [claimed] = (await store.claim(request)).items
    await store.commit([Checkpoint(fence=claimed.fence, effect=Move(path, text))])
    await store.release([claimed.fence])


@pytest.mark.parametrize("path", ["nope", "inc/inc", "inc[", ""])
async def test_a_damaged_row_fails_its_instance_alone(bench: Bench, path: str) -> None:
    for name in "abc":
        await bench.client.submit(simple, name, 1)
    await _write_position(bench.store, "b", path, "i")
    assert await bench.runner.resume_all([simple]) == 3
    for name in "ac":
        assert await bench.client.status(name, simple) == Completed(3)
    status = await bench.client.status("b", simple)
    assert isinstance(status, Failed)
    assert (status.error.kind, status.error.path) == ("PayloadError", path)
    assert "damaged" in status.error.message
    with pytest.raises(PayloadError, match="damaged"):
        await bench.client.result("b", simple)


async def test_a_mended_row_goes_on_after_retry(bench: Bench) -> None:
    await bench.client.submit(simple, "i", 1)
    await _write_position(bench.store, "i", "inc", "no reference")
    assert isinstance(await bench.runner.resume(simple, "i"), Failed)
    await bench.client.retry("i")
    await _write_position(bench.store, "i", "inc", "i")
    assert await bench.runner.resume(simple, "i") == Completed(3)


class DamagingStore:
    """Damages what the end of a map's item brings: the next one that was held."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, checkpoints: Sequence[Checkpoint]) -> list[Answer]:
        """Bring it at a place that isn't there."""
        answers = await self._store.commit(checkpoints)
        return [
            replace(answer, claimed=tuple(replace(each, path="nope") for each in answer.claimed))
            if isinstance(checkpoint.effect, End)
            else answer
            for checkpoint, answer in zip(checkpoints, answers, strict=True)
        ]


async def test_a_damaged_row_that_an_answer_brings_is_no_error_of_the_call(bench: Bench) -> None:
    flow = workflow("w", upto >> inc.map(max_concurrency=2) >> add_all)
    status = await asyncio.wait_for(
        bench.new_runner(DamagingStore(bench.store)).run(flow, "i", 5), 10
    )
    assert isinstance(status, Failed)
    assert (status.error.kind, status.error.path) == ("PayloadError", "nope")
    record = await bench.store.describe("i")
    assert record is not None
    assert record.leased == 0


async def test_a_join_that_refers_to_itself_fails_its_instance(bench: Bench) -> None:
    """Read naively, it would be read for ever, and take all memory."""
    flow = workflow("w", upto >> await_signal("go", int).map().named("each") >> add_all)
    await bench.client.submit(flow, "i", 2)
    await bench.runner.resume(flow, "i")
    for _ in range(2):
        await bench.client.send_event("i", "go", 1)
    request = ClaimRequest(holder="editor", lease_us=1_000_000, limit=2)
    items = (await bench.store.claim(request)).items
    assert len(items) == 2
    of_itself = End(output='["join","each","each"]')
    answers = await bench.store.commit(
        [Checkpoint(fence=each.fence, effect=of_itself) for each in items]
    )
    await bench.store.release([each.fence for answer in answers for each in answer.claimed])
    status = await asyncio.wait_for(bench.runner.resume(flow, "i"), 10)
    assert isinstance(status, Failed)
    assert "refers to itself" in status.error.message
