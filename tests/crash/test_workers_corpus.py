"""Every kind of node, run by several worker processes, one of them killed: the same ends."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Any

import pytest

from sayiir import AsyncWorkflowClient, open_store
from sayiir.status import Completed, Failed
from tests.crash.fleet_worker import QuickClock, Workers, workers
from tests.engine.corpus import CASES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sayiir.stores.protocols import Store

pytestmark = pytest.mark.crash
FACTOR = 20_000.0
"""How fast their clock is: an hour of a delay passes in a fifth of a second."""
OPTIONS = {"lease": "12h", "poll_interval": "2h", "concurrency": 20}


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store that several processes share."""
    if request.param == "postgres":
        found: str = request.getfixturevalue("postgres_url")
        return found
    return f"sqlite:///{tmp_path}/corpus.db"


@pytest.mark.parametrize("processes", [2, 4])
def test_the_corpus_comes_to_the_same_ends_though_one_worker_is_killed(
    processes: int,
    url: str,
    tmp_path: Path,
    repetitions: Callable[[int, int], int],
    report_figure: Callable[[str], None],
) -> None:
    """As the embedded runner, which ``tests/engine/test_same_everywhere.py`` holds to the same."""
    rounds, copies = repetitions(1, 10), 5
    for seed in range(rounds):
        drawn = random.Random(seed)
        clock = (FACTOR, time.time())
        with workers(url, tmp_path) as fleet:
            wrong = asyncio.run(_round(url, fleet, processes, clock, f"{seed}", copies, drawn))
        assert not wrong, (seed, wrong[:5])
    report_figure(
        f"{rounds * copies * len(CASES):,} instances of {len(CASES)} graphs on {processes} "
        "processes, one killed: 0 differ"
    )


async def _round(
    url: str,
    fleet: Workers,
    processes: int,
    clock: tuple[float, float],
    name: str,
    copies: int,
    drawn: random.Random,
) -> list[Any]:
    """Begin all, kill one worker in the midst of it, and say what differs at the end."""
    store = await open_store(url, clock=QuickClock(*clock))
    try:
        client = AsyncWorkflowClient(store)
        flows = [case.workflow() for case in CASES]
        for copy in range(copies):
            for case, flow in zip(CASES, flows, strict=True):
                await client.submit(flow, f"{name}-{copy}-{case.name}", case.value)
        started = [fleet.start("corpus", clock=clock, **OPTIONS) for _ in range(processes)]
        await _any_ended(store, f"{name}-0-")
        for copy in range(copies):
            for case in CASES:
                for signal_name, payloads in case.events.items():
                    for payload in payloads:
                        await client.send_event(f"{name}-{copy}-{case.name}", signal_name, payload)
        await asyncio.sleep(drawn.uniform(0, 0.5))
        drawn.choice(started).kill()
        wrong = []
        for copy in range(copies):
            for case, flow in zip(CASES, flows, strict=True):
                instance = f"{name}-{copy}-{case.name}"
                outcome = await _outcome(client, flow, instance)
                if outcome != case.outcome:
                    wrong.append((instance, outcome, case.outcome))
        return wrong
    finally:
        await store.close()


async def _any_ended(store: Store, prefix: str) -> None:
    """Until the first of them has ended: some worker works."""
    async with asyncio.timeout(30):
        while True:
            for case in CASES:
                record = await store.describe(f"{prefix}{case.name}")
                if record is not None and record.finished_at_us is not None:
                    return
            await asyncio.sleep(0.02)


async def _outcome(client: AsyncWorkflowClient, flow: Any, instance: str) -> Any:
    async with asyncio.timeout(60):
        while True:
            match await client.status(instance, flow):
                case Completed(output=output):
                    return output
                case Failed(error=error):
                    return error.kind
                case _:
                    await asyncio.sleep(0.02)
