"""From a claimed record to work: located in its program, with the outcome to begin with."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from sayiir.engine.payloads import Payload
from sayiir.engine.refs import EventRef, InputRef
from sayiir.engine.transitions import ENTERED, Elapsed, Joined, Received, TimedOut
from sayiir.engine.work import Damaged, Run, Work
from sayiir.errors import SayiirError, StoreError, StoreUnavailable
from sayiir.stores.records import Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Iterable

    from sayiir.engine.position import Position
    from sayiir.engine.program import Program
    from sayiir.engine.transitions import Outcome
    from sayiir.stores.protocols import Store
    from sayiir.stores.records import Claimed, Fence

__all__ = ["Releaser", "claiming", "deadline_of", "work_of"]

logger = logging.getLogger("sayiir.engine")

T = TypeVar("T")


class Releaser:
    """Gives leases back, and keeps in mind those that the store couldn't take at the moment.

    A lease that a living process holds for nobody would keep its item from everybody until it
    ends, and count as an interruption then. So what couldn't be given back is tried again, by
    the keeper of the leases and before anything is claimed.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._owed: set[Fence] = set()

    async def release(self, fences: Collection[Fence]) -> None:
        """Give the leases back; the items are due at once. Whatever the store says to that."""
        if not fences:
            return
        try:
            await self._store.release(tuple(fences))
        except StoreUnavailable:
            self._owed.update(fences)
        except Exception:  # the store of a third party: what led here is the error to tell
            logger.warning("leases could not be given back, and end by themselves", exc_info=True)

    async def catch_up(self) -> None:
        """Give back what could not be before.

        Raises:
            StoreUnavailable: it still can't.
        """
        while self._owed:
            fences = tuple(self._owed)
            self._owed.difference_update(fences)
            try:
                await self.release(fences)
            except asyncio.CancelledError:
                self._owed.update(fences)  # twice is once: a fence that was given back is stale
                raise
            if self._owed.issuperset(fences):
                raise StoreUnavailable("the store can't take back leases at the moment")


async def claiming(
    releaser: Releaser,
    call: Coroutine[Any, Any, T] | asyncio.Future[T],
    brought: Callable[[T], Iterable[Claimed]],
) -> T:
    """The answer of a call that may bring leases; the whole of it, or none of the leases.

    Whoever is cancelled while such a call is on its way never sees the answer. What it brought
    would belong to a living process, and wait for nobody until the leases end.

    Args:
        releaser: gives leases back.
        call: the call.
        brought: what was claimed, by its answer.
    """
    calling = asyncio.ensure_future(call)
    try:
        return await asyncio.shield(calling)
    except asyncio.CancelledError:
        if not calling.cancelled():
            # Where the store is lost too, it has claimed nothing.
            with suppress(StoreError):
                await releaser.release([claimed.fence for claimed in brought(await calling)])
        raise


def work_of(
    program: Program, claimed: Claimed, position: Position | None = None, run: Run | None = None
) -> Work:
    """The claimed item as work.

    One whose row is damaged is work too, which ends in a recorded failure: whoever claimed it
    among others goes on with those.

    ``position``: where it stands, if the caller knows it with payloads; else it is located.
    ``run``: its run, if the caller has it.
    """
    outcome: Outcome | Damaged
    try:
        position = position or _located(program, claimed)
        outcome = _outcome(program, claimed, position)
    except SayiirError as error:
        position, outcome = program.start(), Damaged(claimed.path, str(error))
    if run is None:
        run = Run(claimed.fence.run, claimed.run_id, claimed.instance_id, claimed.traceparent)
    work = Work(program, run, claimed.fence, position, outcome)
    work.failures = claimed.failures
    work.interruptions = claimed.interruptions
    work.interruptions_ever = claimed.interruptions_ever
    work.spawned = claimed.spawned
    work.deadline_at = deadline_of(claimed)
    return work


def deadline_of(claimed: Claimed) -> float | None:
    """``time.monotonic()`` of the deadline of what was claimed, if it has one."""
    if claimed.deadline_in_us is None:
        return None
    return time.monotonic() + claimed.deadline_in_us / 1e6


def _located(program: Program, claimed: Claimed) -> Position:
    start, data = program.beginning, claimed.input_data
    at_start = claimed.path == start.path and claimed.input == start.input
    if at_start and not claimed.fence.item.spawn_path:
        payload = None if data is None else Payload(data, program.input_plan)
        return program.start(InputRef(payload))
    position = program.locate(claimed.path, claimed.input)
    if position.frame.strand_key() != claimed.fence.item:
        # It would write what is another item's to write.
        raise StoreError(
            f"workflow {program.definition.name!r} has no position {claimed.path!r} in work item "
            f"{claimed.fence.item}: the stored row is damaged"
        )
    return position


def _outcome(program: Program, claimed: Claimed, position: Position) -> Outcome:
    match claimed.phase:
        case Phase.READY | Phase.BACKOFF:
            return ENTERED
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
