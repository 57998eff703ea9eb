"""One instance in each phase that an unclaimed item can be in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sayiir.stores.records import Park, Retry
from sayiir.testing.contract.bench import SECOND_US, Bench

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["PHASES", "instances", "stand"]

PHASES = ("ready", "delay", "backoff", "signal", "event", "join", "held")


async def stand(bench: Bench, phase: str) -> None:
    """Make an instance, named like the phase, whose unclaimed items stand in it.

    All fall due within ten seconds, but for "signal" and "held", which wait on.
    """
    got = await bench.start(phase)
    match phase:
        case "ready":
            await bench.store.release([got.fence])
        case "delay":
            await bench.commit(got, Park(path="d", input="", wait_us=10 * SECOND_US))
        case "backoff":
            retry = Retry(error=b"e", wait_us=10 * SECOND_US, in_place=False)
            await bench.commit(got, retry)
        case "signal" | "event":
            await bench.wait_for(got)
            if phase == "event":
                await bench.store.send_event(phase, "go", b"1")
        case "join":
            await bench.spawn(got, 0)
            await bench.store.release([got.fence])
        case _:
            await bench.spawn(got, 2, limit=1)


async def instances(bench: Bench) -> AsyncIterator[str]:
    """One instance in each phase, one after the other."""
    for phase in PHASES:
        await stand(bench, phase)
        yield phase
