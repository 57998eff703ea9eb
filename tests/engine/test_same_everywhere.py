"""One interpreter: memory, stores, and any number of crashes come to the same end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from sayiir.errors import PayloadError, StoreUnavailable, WorkflowFailed
from sayiir.status import Completed, Failed
from sayiir.testing.clock import MovedClock
from tests.engine.bench import LEASE_OVER_SECONDS, Bench, CrashingStore
from tests.engine.corpus import CASES, Case

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.anyio

cases = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


async def _in_memory(case: Case, clock: MovedClock) -> Any:
    running = asyncio.ensure_future(
        case.workflow().arun(case.value, clock=clock, events=dict(case.events))
    )
    while not running.done():
        await clock.advance("10m" if clock.sleepers else 0)
        await asyncio.sleep(0)
    try:
        return running.result()
    except (WorkflowFailed, PayloadError) as error:
        return type(error).__name__


def _outcome(status: Any) -> Any:
    match status:
        case Completed(output=output):
            return output
        case Failed(error=error):
            return error.kind
        case _:
            return status


@cases
async def test_in_memory(case: Case, clock: MovedClock) -> None:
    assert await _in_memory(case, clock) == case.outcome


@cases
async def test_on_a_store(case: Case, bench: Bench) -> None:
    flow = case.workflow()
    await bench.client.submit(flow, "i", case.value)
    await _send_all(bench, case)
    status = await bench.to_end(flow, await bench.runner.resume(flow, "i"))
    assert _outcome(status) == case.outcome
    # Asked again, from the store alone.
    assert _outcome(await bench.client.status("i", flow)) == case.outcome
    assert _outcome(await bench.runner.resume(flow, "i")) == case.outcome


@cases
@pytest.mark.parametrize("written", [False, True], ids=["before", "after"])
async def test_crashing_at_every_write(case: Case, written: bool, clock: MovedClock) -> None:
    """Each write in turn is the process's last one; another process goes on."""
    from sayiir.stores.memory import MemoryStore

    at = 0
    while True:
        at += 1
        bench = Bench(MemoryStore(clock), clock)
        flow = case.workflow()
        await bench.client.submit(flow, "i", case.value)
        await _send_all(bench, case)
        crashing = CrashingStore(bench.store, at, written=written)
        doomed = bench.new_runner(crashing)
        try:
            status = await doomed.resume(flow, "i")
            status = await _onward(bench, doomed, flow, status)
        except StoreUnavailable:
            clock.shift(LEASE_OVER_SECONDS)
            before = await bench.store.results("i")
            status = await bench.to_end(flow, await bench.runner.resume(flow, "i"))
            assert _outcome(status) == case.outcome, f"after a crash at write {at}"
            await _expect_kept(bench, before)
        await bench.close()
        if not crashing.dead:
            assert _outcome(status) == case.outcome
            return


async def _onward(bench: Bench, runner: Any, flow: Any, status: Any) -> Any:
    """To the end with this runner (the one of the bench would not crash)."""
    whole, bench.runner = bench.runner, runner
    try:
        return await bench.to_end(flow, status)
    finally:
        bench.runner = whole


async def _expect_kept(bench: Bench, before: list[Any]) -> None:
    """What was committed before the crash wasn't written again."""
    after = {entry.path: entry for entry in await bench.store.results("i")}
    for entry in before:
        if entry.output is not None and entry.path in after:
            assert after[entry.path].finished_at_us == entry.finished_at_us, entry.path


async def _send_all(bench: Bench, case: Case) -> None:
    for name, payloads in case.events.items():
        for payload in payloads:
            await bench.client.send_event("i", name, payload)
