"""Processes that die at a store call, and the world around them; all in one loop, without sleep.

A *life* is one process: a runner with a store that stops answering when the process is to die.
Between lives, and while nothing is due, the world acts: it sends the events that are waited
for, mends what failed, and moves the clock to the next time that something is due.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from sayiir import Completed, Failed
from sayiir.access.snapshots import Programs
from sayiir.client import AsyncWorkflowClient
from sayiir.engine.leases import look_after, told
from sayiir.limits import LEASE_RENEWALS_PER_LEASE
from sayiir.runner import AsyncCheckpointingRunner
from sayiir.stores.records import Fail
from sayiir.testing.clock import MovedClock
from tests.sim.flows import INPUT
from tests.sim.trace import Crash, Trace

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tests.sim.case import Case

__all__ = [
    "INSTANCE",
    "IdleLoop",
    "MortalStore",
    "Outcome",
    "Point",
    "SimulatedClock",
    "World",
    "in_memory",
    "play",
]

INSTANCE = "one"
WRITES = frozenset({"create", "commit", "claim", "renew", "release"})
_MOST_STEPS = 500
_MOST_CALLS = 5_000
_MOST_MOVES = 20_000
"""Of the clock in one life: beyond it nothing but polling goes on."""


@dataclass(frozen=True, slots=True)
class Point:
    """Die at this write of a life, counted from 0: before it, or after it was written.

    Only what changes something counts. ``verb``: what the write is expected to be, since a claim
    or a create can't be known beforehand to change anything.
    """

    write: int
    after: bool
    verb: str = "commit"

    def __str__(self) -> str:
        return f"{'after' if self.after else 'before'} write {self.write}"


class MortalStore:
    """A store as one process sees it; at ``point`` the process dies.

    ``writes``: the verb of each write that changed anything. It also tells the trace what was
    committed, which only the store's side can know when the answer is lost.
    """

    def __init__(self, inner: Any, trace: Trace, point: Point | None = None) -> None:
        self.inner = inner
        self.trace = trace
        self.point = point
        self.writes: list[str] = []
        self.calls: Counter[str] = Counter()
        self.busy = 0
        self.died = False

    def __getattr__(self, verb: str) -> Any:
        method = getattr(self.inner, verb)
        if verb == "watch":
            return method

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await self._call(verb, method, args, kwargs)

        return call

    async def _call(self, verb: str, method: Any, args: Any, kwargs: Any) -> Any:
        if self.died:
            raise Crash
        self.calls[verb] += 1
        assert self.calls[verb] < _MOST_CALLS, "no end of calls"
        if verb in WRITES and self._dies(verb, len(self.writes), after=False):
            self._die()
        self.busy += 1
        try:
            answer = await method(*args, **kwargs)
        finally:
            self.busy -= 1
        if verb in WRITES and _changed(verb, answer):
            self.writes.append(verb)
            self._tell(verb, args, answer)
            if self._dies(verb, len(self.writes) - 1, after=True):
                self._die()
        if self.died:
            raise Crash
        return answer

    def _dies(self, verb: str, write: int, *, after: bool) -> bool:
        point = self.point
        if point is None or (point.write, point.after) != (write, after):
            return False
        return after or verb == point.verb or verb not in ("claim", "create")

    def _die(self) -> None:
        self.died = self.trace.dead = True
        raise Crash

    def _tell(self, verb: str, args: Any, answer: Any) -> None:
        if verb != "commit":
            return
        for checkpoint, reply in zip(args[0], answer, strict=True):
            if not reply.accepted:
                continue
            if checkpoint.result is not None:
                self.trace.stored(checkpoint.result.path)
            effect = checkpoint.effect
            if isinstance(effect, Fail) and effect.scope is not None:
                self.trace.gave_up(f"{effect.scope.spawn_path}[{effect.scope.index}]/")


def _changed(verb: str, answer: Any) -> bool:
    if verb == "create":
        return answer.existing is None
    return verb != "claim" or bool(answer.items)


class IdleLoop(asyncio.SelectorEventLoop):
    """Calls ``on_idle`` when nothing is left to do but to wait: then a moved clock may move."""

    on_idle: Callable[[], None] | None = None

    def _run_once(self) -> None:
        if self.on_idle is not None and not self._ready:  # type: ignore[attr-defined]
            self.on_idle()
        super()._run_once()  # type: ignore[misc]


class SimulatedClock(MovedClock):
    """A moved clock that a loop without anything else to do moves to its next sleeper."""

    def wake_next(self) -> bool:
        """Move to the next sleeper and wake it; False: nobody sleeps."""
        self._drop_cancelled()
        if not self._sleepers:
            return False
        wake_us, _, future = heapq.heappop(self._sleepers)
        self._pass(wake_us)
        future.set_result(None)
        return True


class ClockKeeper:
    """In place of the thread that renews leases: the same, in the loop and by the moved clock."""

    clock: SimulatedClock

    def __init__(self, store: Any, held: set[Any], releaser: Any, lease_us: int, loop: Any) -> None:
        self.store, self.held, self.lease_us, self.loop = store, held, lease_us, loop
        self.task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to keep."""
        self.task = self.loop.create_task(self._keep())

    async def close(self) -> None:
        """End."""
        if self.task is not None:
            self.task.cancel()

    async def _keep(self) -> None:
        while True:
            await self.clock.sleep(self.lease_us / 1e6 / LEASE_RENEWALS_PER_LEASE)
            await look_after(self.store, lambda: tuple(self.held), self.lease_us, told)


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
        ClockKeeper.clock = self.clock
        runner = AsyncCheckpointingRunner(store, clock=self.clock)
        self._watch_for_idleness(store)
        try:
            status = await self._ensure(runner)
        except Crash:
            status = None
        finally:
            await _drop_everything()
            await runner.close()
        if point is not None and status is None:
            assert store.died, "a crash that nobody ordered"
        return Outcome(status, store.writes, store.calls)

    async def _ensure(self, runner: AsyncCheckpointingRunner) -> Any:
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
        main = asyncio.current_task()
        assert main is not None
        _move_when_idle(self.clock, main, lambda: store.busy > 0 or self.outside.busy > 0)


def _move_when_idle(
    clock: SimulatedClock, main: asyncio.Task[Any] | None, busy: Callable[[], bool] = lambda: False
) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, IdleLoop)

    moves = 0

    def move() -> None:
        nonlocal moves
        if busy():
            return
        moves += 1
        if (moves > _MOST_MOVES or not clock.wake_next()) and main is not None:
            main.cancel("nothing is left that could go on")

    loop.on_idle = move


async def _drop_everything() -> None:
    """End all tasks of the process; its store answers nothing they still ask."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, IdleLoop)
    loop.on_idle = None
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others)
        for task in others:
            if not task.cancelled():
                task.exception()  # it was looked at: nobody else will


async def in_memory(case: Case) -> Any:
    """The output of an in-memory run, on a clock of its own."""
    clock = SimulatedClock()
    main = asyncio.current_task()
    assert main is not None
    # A task on a thread may be what everybody waits for: then there is nobody to wake.
    _move_when_idle(clock, None if case.threads else main)
    try:
        return await case.workflow.arun(INPUT, clock=clock, events=case.events())
    finally:
        await _drop_everything()


def play(scene: Coroutine[Any, Any, Any]) -> Any:
    """Run a scene in a loop that tells when it is idle.

    Leases are kept by the moved clock there. To spare time, thousands of lives share what a
    workflow is compiled to, which is pure, and tracebacks aren't written out.
    """
    with (
        patch("sayiir.access.host.LeaseKeeper", ClockKeeper),
        patch.object(Programs, "of", lambda _, workflow: workflow._program()),
        patch("sayiir.engine.failures._formatted", lambda _: ""),
        asyncio.Runner(loop_factory=IdleLoop) as runner,
    ):
        return runner.run(scene)
