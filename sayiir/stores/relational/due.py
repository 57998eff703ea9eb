"""When an item has to be looked at, and in which order. Nothing else decides that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sayiir.limits import RANK_SECONDS_PER_PRIORITY
from sayiir.stores.records import Control
from sayiir.stores.relational.codes import (
    BACKOFF,
    CONTROL_CODES,
    DELAY,
    ENDED,
    READY,
    RUNNING,
    SIGNAL,
)

if TYPE_CHECKING:
    from sayiir.stores.relational.rows import Item, Run

__all__ = ["SECOND_US", "is_ready", "rank_of", "schedule"]

SECOND_US: Final = 1_000_000
PAUSE: Final = CONTROL_CODES[Control.PAUSE]


def rank_of(time_us: int, prio: int) -> int:
    """The place in the queue of what became ready then: five minutes' start a priority."""
    return time_us + (prio - 1) * RANK_SECONDS_PER_PRIORITY * SECOND_US


def schedule(run: Run, item: Item) -> None:
    """Set ``rank`` where it can be claimed now, ``due`` where a time must come first.

    What is ready stays so if the clock goes backwards; what waits for a time is compared with
    the clock at each claim, so it can't be early.
    """
    item.rank = item.due = None
    if run.state != RUNNING or run.control == PAUSE:
        return
    if item.holder is not None:
        item.due = item.lease_until
        return
    ready = is_ready(item)
    times: list[int] = []
    if item.wait_until is not None and (ready or _timed(item)):
        times.append(item.wait_until)
    elif ready:
        item.rank = rank_of(item.ready_at, item.prio)
        return
    elif item.wake_at is not None and _timed(item):
        times.append(item.wake_at)
    if run.deadline_at is not None and item.parent_spawn_path is None and item.phase != ENDED:
        times.append(run.deadline_at)
    item.due = min(times, default=None)


def is_ready(item: Item) -> bool:
    """Whether the item's phase alone lets it be claimed now."""
    if item.phase == SIGNAL:
        return item.event_id is not None
    return item.phase == READY or item.joined


def _timed(item: Item) -> bool:
    return item.phase in (DELAY, BACKOFF, SIGNAL) and item.wake_at is not None
