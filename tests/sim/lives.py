"""Processes that die at a store call, and the world around them; all in one loop, without sleep.

A *life* is one process: a runner with a store that stops answering when the process is to die.
Between lives, and while nothing is due, the world acts: it sends the events that are waited
for, mends what failed, and moves the clock to the next time that something is due.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from sayiir import Completed, Failed
from sayiir.client import AsyncWorkflowClient
from sayiir.testing.simulation import (
    Crash,
    MortalStore,
    Point,
    SimulatedClock,
    SimulatedLoop,
    SimulatedRunner,
    drop_everything,
)
from sayiir.testing.skipping import SkippingClock
from tests.sim.flows import INPUT
from tests.sim.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tests.sim.case import Case

__all__ = [
    "INSTANCE",
    "MortalStore",
    "Outcome",
    "Point",
    "SimulatedClock",
    "World",
    "in_memory",
    "play",
]

INSTANCE = "one"
_MOST_STEPS = 500


@dataclass(slots=True)
class Outcome:
    """How a life ended: with a final status, or (None) with its death.

    ``writes``: verb of each write that changed anything.
    """

    status: Any
    writes: list[str]
    calls: Counter[str]


@dataclass(slots=True)
class World:
    """What outlives processes: the store, the clock, the sender of events, the mender."""

    case: Case
    store: Any
    clock: SimulatedClock
    sent: Counter[str] = field(default_factory=Counter)
    outside: MortalStore = field(init=False)

    async def prepare(self) -> None:
        """Send what is sent before anybody waits; then the instance is submitted first."""
        plans = self.case.plans
        if not any(plan.buffered for plan in plans.values()):
            return
        client = self._client()
        await client.submit(self.case.workflow, INSTANCE, INPUT)
        for name, plan in plans.items():
            for _ in range(plan.buffered):
                await self._send(client, name)

    async def live(self, point: Point | None = None) -> Outcome:
        """One process: ``ensure`` until the instance has ended, or until the process dies."""
        trace = self.case.trace
        store = self.outside = MortalStore(self.store, trace, point)
        runner = SimulatedRunner(store, clock=self.clock)
        self._watch_for_idleness(store)
        try:
            status = await self._ensure(runner)
        except Crash:
            status = None
        finally:
            await drop_everything()
            _in_real_time()
            await runner.close()
        if point is not None and status is None:
            assert store.died, "a crash that nobody ordered"
        return Outcome(status, store.writes, store.calls)

    async def _ensure(self, runner: SimulatedRunner) -> Any:
        for _ in range(_MOST_STEPS):
            status = await runner.ensure(self.case.workflow, INSTANCE, INPUT)
            if isinstance(status, Completed) or not await self.act(status):
                return status
        raise AssertionError(f"no end after {_MOST_STEPS} steps: {status}")

    async def act(self, status: Any) -> bool:
        """Do what an instance at rest needs to go on; False: nothing would help."""
        client, trace = self._client(), self.case.trace
        if isinstance(status, Failed):
            if not (self.case.fails and trace.broken):
                return False
            trace.mended()
            await client.retry(INSTANCE)
            return True
        parked = getattr(status, "parked", ())
        waits = [each for each in parked if self._serves(each.signal_name)]
        for each in waits:
            await self._send(client, each.signal_name)
        wakes = [each.wake_at for each in parked if each.wake_at is not None]
        if not waits and wakes:
            wake_us = round(min(wakes).timestamp() * 1e6)
            self.clock.shift(max(wake_us - self.clock.now_us(), 0) / 1e6)
        return bool(waits or wakes)

    def _serves(self, name: str | None) -> bool:
        return name is not None and self.case.plans[name].first is not None

    async def _send(self, client: AsyncWorkflowClient, name: str) -> None:
        payload = self.case.plans[name].payload(self.sent[name])
        self.sent[name] += 1
        await client.send_event(INSTANCE, name, payload, workflow=self.case.workflow)

    def _client(self) -> AsyncWorkflowClient:
        self.outside = MortalStore(self.store, Trace())
        return AsyncWorkflowClient(self.outside)

    def _watch_for_idleness(self, store: MortalStore) -> None:
        _end_when_stuck(lambda: store.busy > 0 or self.outside.busy > 0)


def _end_when_stuck(busy: Callable[[], bool]) -> None:
    loop, main = asyncio.get_running_loop(), asyncio.current_task()
    assert isinstance(loop, SimulatedLoop)
    assert main is not None
    loop.busy, loop.moves = busy, 0
    loop.on_stuck = lambda: main.cancel("nothing is left that could go on")


def _in_real_time() -> None:
    """Between lives a file's own threads are what is waited for."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimulatedLoop)
    loop.busy = lambda: True


async def in_memory(case: Case) -> Any:
    """The output of an in-memory run, on a clock of its own."""
    try:
        return await case.workflow.arun(INPUT, clock=SkippingClock(), events=case.events())
    finally:
        await drop_everything()
        _in_real_time()


def play(scene: Coroutine[Any, Any, Any]) -> Any:
    """Run a scene in a loop that tells when it is idle.

    To spare time tracebacks aren't written out.
    """
    with (
        patch("sayiir.engine.failures._formatted", lambda _: ""),
        asyncio.Runner(loop_factory=SimulatedLoop) as runner,
    ):
        runner.get_loop().busy = lambda: True  # type: ignore[attr-defined]
        return runner.run(scene)
