"""A process of a simulation: its line to the store, its life, and a witness inside its tasks."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sayiir import get_task_context
from sayiir.errors import StoreUnavailable
from sayiir.testing.simulation import PROCESS, Crash, SimulatedLoop
from tests.sim.cluster.worlds import Able

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from random import Random

    from sayiir import TaskContext
    from sayiir.stores.memory.watch import MemoryWatch
    from tests.sim.cluster.judge import Judge
    from tests.sim.cluster.troubles import Line

__all__ = ["Process", "ProcessStore", "Witness"]


@dataclass(slots=True, eq=False)
class Process:
    """A process as the simulation sees it.

    ``troubled_at``: when something last happened to it that may cost it a lease. ``deaf``: no
    wake-up reaches it. ``away``: its line to the store is cut. ``leaving``: it was told to go.
    ``able``: what it has.
    """

    name: str
    loop: SimulatedLoop
    dead: bool = False
    stopped: bool = False
    deaf: bool = False
    away: bool = False
    leaving: bool = False
    able: Able = field(default_factory=Able)
    troubled_at: float = float("-inf")
    watches: list[MemoryWatch] = field(default_factory=list)

    def spawn(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something inside it."""
        context = copy_context()
        context.run(PROCESS.set, self.name)
        return self.loop.create_task(coroutine, context=context)

    def trouble(self) -> None:
        """What it holds may be lost from now on."""
        self.troubled_at = self.loop.time()

    def kill(self) -> None:
        """As SIGKILL: nothing of it runs any more."""
        self.trouble()
        self.dead = True
        self.loop.stop_process(self.name)

    def stop(self) -> None:
        """As SIGSTOP."""
        self.trouble()
        self.stopped = True
        self.loop.stop_process(self.name)

    def go_on(self) -> None:
        """As SIGCONT."""
        if self.stopped and not self.dead:
            self.stopped = False
            self.trouble()
            self.loop.continue_process(self.name)


class ProcessStore:
    """The store at the other end of a line that is slow, gets cut, and loses answers."""

    def __init__(self, inner: Any, process: Process, line: Line) -> None:
        self.inner = inner
        self.process = process
        self.line = line

    def __getattr__(self, verb: str) -> Any:
        async def call(*args: Any, **kwargs: Any) -> Any:
            return await self._call(verb, args, kwargs)

        return call

    def watch(self, run: int | None = None) -> Any:
        """A watch whose wake-ups may be lost."""
        if self.process.away:
            raise StoreUnavailable("the line is cut")
        watch = self.inner.watch(run)
        notice, process = watch.notice, self.process

        def maybe_notice() -> None:
            if not process.deaf:
                notice()

        watch.notice = maybe_notice
        process.watches.append(watch)
        return watch

    async def _call(self, verb: str, args: Any, kwargs: Any) -> Any:
        process, line = self.process, self.line
        if process.dead or line.over:
            raise Crash
        await asyncio.sleep(line.latency())
        fate = line.fate(process)
        if fate.stops_before:
            line.stop(process)
            await asyncio.sleep(0)
        if fate.dies_before:
            await self._die()
        if process.away or fate.refused:
            process.trouble()
            raise StoreUnavailable("the line is cut")
        answer = await line.perform(process, verb, self.inner, args, kwargs)
        if fate.dies_after:
            await self._die()
        if fate.stops_after:
            line.stop(process)
        await asyncio.sleep(line.latency())
        if process.away or fate.lost:
            process.trouble()
            raise StoreUnavailable("the line was cut before the answer came")
        return answer

    async def _die(self) -> None:
        self.line.kill(self.process)
        await asyncio.get_running_loop().create_future()
        raise Crash


class Witness:
    """Inside the tasks: tells the judge that they start, and how long they take."""

    dead = False

    def __init__(self, judge: Judge, random: Random) -> None:
        self.judge = judge
        self.random = random
        self.mended: set[str] = set()

    def started(self, ctx: TaskContext, *values: Any) -> int:
        """A task starts; how many naps it takes."""
        self.judge.started(ctx, values)
        return self.random.choice((0, 0, 1, 3))

    @property
    def turn_seconds(self) -> float:
        """How long a nap is: at worst, three are longer than a lease."""
        return self.random.choice((0.0, 0.05, 0.4, 3.0))

    @property
    def broken(self) -> bool:
        """Whether what somebody has to mend fails still, in the instance that asks."""
        return get_task_context().instance_id not in self.mended
