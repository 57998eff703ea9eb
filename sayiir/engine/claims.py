"""From a claimed record to work: located in its program, with the outcome to begin with."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from sayiir.engine.payloads import Payload
from sayiir.engine.refs import EventRef
from sayiir.engine.transitions import Elapsed, Entered, Joined, Received, TimedOut
from sayiir.engine.work import Damaged, Run, Work
from sayiir.errors import SayiirError, StoreError
from sayiir.stores.records import Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from sayiir.engine.position import Position
    from sayiir.engine.program import Program
    from sayiir.engine.transitions import Outcome
    from sayiir.stores.protocols import Store
    from sayiir.stores.records import Claimed

__all__ = ["claiming", "work_of"]

T = TypeVar("T")


async def claiming(
    store: Store,
    call: Coroutine[Any, Any, T] | asyncio.Future[T],
    brought: Callable[[T], Iterable[Claimed]],
) -> T:
    """The answer of a call that may bring leases; the whole of it, or none of the leases.

    Whoever is cancelled while such a call is on its way never sees the answer. What it brought
    would belong to a living process, and wait for nobody until the leases end.

    Args:
        store: where leases are given back.
        call: the call.
        brought: what was claimed, by its answer.
    """
    calling = asyncio.ensure_future(call)
    try:
        return await asyncio.shield(calling)
    except asyncio.CancelledError:
        if not calling.cancelled():
            # Where the store is lost too, the leases end by themselves.
            with suppress(StoreError):
                fences = [claimed.fence for claimed in brought(await calling)]
                if fences:
                    await store.release(fences)
        raise


def work_of(program: Program, claimed: Claimed, position: Position | None = None) -> Work:
    """The claimed item as work.

    One whose row is damaged is work too, which ends in a recorded failure: whoever claimed it
    among others goes on with those.

    ``position``: where it stands, if the caller knows it with payloads; else it is located.
    """
    outcome: Outcome | Damaged
    try:
        position = position or program.locate(claimed.path, claimed.input)
        outcome = _outcome(program, claimed, position)
    except SayiirError as error:
        position, outcome = program.start(), Damaged(claimed.path, str(error))
    run = Run(claimed.fence.run, claimed.run_id, claimed.instance_id, claimed.traceparent)
    work = Work(program, run, claimed.fence, position, outcome)
    work.failures = claimed.failures
    work.interruptions = claimed.interruptions
    work.interruptions_ever = claimed.interruptions_ever
    work.spawned = claimed.spawned
    if claimed.deadline_in_us is not None:
        work.deadline_at = time.monotonic() + claimed.deadline_in_us / 1e6
    return work


def _outcome(program: Program, claimed: Claimed, position: Position) -> Outcome:
    match claimed.phase:
        case Phase.READY | Phase.BACKOFF:
            return Entered()
        case Phase.DELAY:
            return Elapsed()
        case Phase.JOIN:
            return Joined()
        case Phase.SIGNAL if claimed.event is not None:
            node_path = position.place.node_path
            payload = Payload(claimed.event.payload, program.plan(node_path))
            return Received(EventRef(claimed.event.event_id, node_path, "", payload))
        case Phase.SIGNAL:
            return TimedOut()
        case _:
            raise StoreError(f"the store gave out an item in phase {claimed.phase.value}")
