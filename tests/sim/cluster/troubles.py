"""What happens to processes, to their lines and to the clock, and to a single call on its way."""

from __future__ import annotations

import asyncio
from contextvars import Context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.sim.cluster.operations import Operation

if TYPE_CHECKING:
    from random import Random

    from sayiir.testing.simulation import SimulatedClock
    from tests.sim.cluster.judge import Judge
    from tests.sim.cluster.process import Process

__all__ = ["LEASE_SECONDS", "Fate", "Line"]

LEASE_SECONDS: Final = 6.0
MOST_OPERATIONS: Final = 12_000


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to one call on its way there and back."""

    refused: bool = False
    lost: bool = False
    dies_before: bool = False
    dies_after: bool = False
    stops_before: bool = False
    stops_after: bool = False


_FINE: Final = Fate()
_FATES: Final = (
    Fate(refused=True),
    Fate(lost=True),
    Fate(lost=True),
    Fate(dies_before=True),
    Fate(dies_after=True),
    Fate(stops_before=True),
    Fate(stops_after=True),
)


class Line:
    """All lines to one store. ``calm``: nothing happens to calls any more.

    Args:
        random: of the seed.
        judge: told of each operation.
        clock: the store's.
        chance: of a fate for a call.
    """

    def __init__(self, random: Random, judge: Judge, clock: SimulatedClock, chance: float) -> None:
        self.random = random
        self.judge = judge
        self.clock = clock
        self.chance = chance
        self.calm = False
        self.over = False
        self.happened: list[tuple[float, str]] = []

    def latency(self) -> float:
        """Seconds that one way takes."""
        return self.random.choice((0.0, 0.001, 0.004, 0.03))

    def fate(self, process: Process) -> Fate:
        """Drawn for each call; people never die."""
        if self.calm or self.random.random() >= self.chance:
            return _FINE
        return self.random.choice(_FATES if process.name[0].isupper() else _FATES[:3])

    def note(self, text: str) -> None:
        """Something happened that a reader of the trace wants to know."""
        self.happened.append((asyncio.get_running_loop().time(), text))

    def kill(self, process: Process) -> None:
        """The process dies."""
        self.note(f"{process.name} is killed")
        process.kill()

    def stop(self, process: Process) -> None:
        """The process stands still for a while, maybe for longer than its leases last."""
        seconds = self.random.uniform(0.1, 2.5) * LEASE_SECONDS
        self.note(f"{process.name} stands still for {seconds:.1f} s")
        process.stop()
        process.loop.call_later(seconds, self._go_on, process, context=Context())

    def _go_on(self, process: Process) -> None:
        if not process.dead:
            self.note(f"{process.name} goes on")
            process.go_on()

    async def perform(self, process: Process, verb: str, store: Any, args: Any, kwargs: Any) -> Any:
        """Do what was asked, in one piece, and have it judged."""
        loop, judge = process.loop, self.judge
        if len(judge.operations) >= MOST_OPERATIONS:
            judge.blame("everything ends", f"no end of calls after {MOST_OPERATIONS}")
        operation = Operation(
            loop.time(), self.clock.now_us(), process.name, verb, tuple(args), kwargs
        )
        try:
            operation.answer = await getattr(store, verb)(*args, **kwargs)
        except Exception as error:  # whatever a broken store raises
            operation.error = error
        judge.see(operation)
        if operation.error is not None:
            raise operation.error
        return operation.answer
