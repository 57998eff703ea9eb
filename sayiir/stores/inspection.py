"""The rows that people look at and sweep by: an instance with all that is open, what is old.

Beside ``records``, for nothing of this stands in the way of a step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sayiir.stores.records import Fence, InstanceRecord, InstanceState, ItemKey, Phase

__all__ = [
    "EventRecord",
    "Inspection",
    "ItemRecord",
    "ProgressRecord",
    "ProgressReport",
    "Retention",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressReport:
    """What a running task says of itself.

    ``at`` and ``failures``: the stored position and the failures there when the attempt began.
    A report that comes after the attempt's checkpoint doesn't fit the item any more.
    ``path``, ``attempt``: the task's own, which may stand beyond the stored position (after a
    timer, an event or a join). ``fraction`` None: it lives, no more was said.
    """

    fence: Fence
    at: str
    failures: int
    path: str
    attempt: int
    fraction: float | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressRecord:
    """The last report of the attempt that an item is at."""

    path: str
    attempt: int
    fraction: float | None
    message: str | None
    at_us: int
    """When the store got it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRecord:
    """An open work item as it stands.

    ``wake_at_us``: the end of its timer, backoff, wait or wait after interruptions, None where
    it isn't held up by a time. ``signal_name``: while it waits for an event; one that has been
    given its event, and is not claimed yet, has neither a name nor a time. ``holder`` and
    ``lease_until_at_us``: while a lease runs.
    """

    item: ItemKey
    path: str
    phase: Phase
    failures: int
    interruptions_ever: int
    error: bytes | None
    error_at_us: int | None
    wake_at_us: int | None
    signal_name: str | None
    holder: str | None
    lease_until_at_us: int | None
    progress: ProgressRecord | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """An event that no wait has had yet. ``path``: the wait it was addressed to."""

    event_id: int
    signal_name: str
    path: str | None
    sent_at_us: int | None
    """None: stored by a version that kept no time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """All that people want to see of one instance, as of one moment.

    ``items``: those leased first, those held last, else by key. ``events``: in the order of
    acceptance. At most 1,000 of each; the counts are of all.
    """

    at_us: int
    record: InstanceRecord
    input: bytes
    items: tuple[ItemRecord, ...]
    open_items: int
    events: tuple[EventRecord, ...]
    kept_events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Which finished instances to remove: those that ended at least ``older_than_us`` ago.

    The longest ended first, at most ``limit`` of them.
    """

    older_than_us: int
    limit: int
    workflow_name: str | None = None
    state: InstanceState | None = None
