"""From a claimed record to work: located in its program, with the outcome to begin with."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sayiir.engine.payloads import Payload
from sayiir.engine.refs import EventRef
from sayiir.engine.transitions import Elapsed, Entered, Joined, Received, TimedOut
from sayiir.engine.work import Run, Work
from sayiir.errors import StoreError
from sayiir.stores.records import Phase

if TYPE_CHECKING:
    from sayiir.engine.position import Position
    from sayiir.engine.program import Program
    from sayiir.engine.transitions import Outcome
    from sayiir.stores.records import Claimed

__all__ = ["work_of"]


def work_of(program: Program, claimed: Claimed, position: Position | None = None) -> Work:
    """The claimed item as work.

    ``position``: where it stands, if the caller knows it with payloads; else it is located.

    Raises:
        StoreError: the stored position is damaged.
    """
    position = position or program.locate(claimed.path, claimed.input)
    run = Run(claimed.fence.run, claimed.run_id, claimed.instance_id, claimed.traceparent)
    work = Work(program, run, claimed.fence, position, _outcome(program, claimed, position))
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
