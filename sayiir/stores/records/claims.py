"""Work items that are handed out: to whom, how long, and as they stood."""

from __future__ import annotations

from dataclasses import field

from sayiir.frozen import frozen
from sayiir.limits import INTERRUPTIONS_BEFORE_ISOLATION, MAX_INTERRUPTION_WAIT_SECONDS
from sayiir.stores.records.items import Fence
from sayiir.stores.records.states import Control, Phase

__all__ = ["ClaimAnswer", "ClaimRequest", "Claimed", "Event", "LeaseState", "interruption_wait_us"]


@frozen(kw_only=True)
class ClaimRequest:
    """Which work items to claim, for whom and how long.

    ``definitions`` None: of any definition. ``tags``: items that ask for none but these; None:
    whatever they ask for. ``instance_id``: of this instance only.
    ``skip_interruption_waits``: a person asked, so an item that lost its worker before does
    not wait first.
    """

    holder: str
    lease_us: int
    limit: int = 1
    definitions: frozenset[str] | None = None
    tags: frozenset[str] | None = None
    instance_id: str | None = None
    skip_interruption_waits: bool = False


def interruption_wait_us(interruptions: int) -> int:
    """How long an item waits that has lost so many workers in a row, in every store.

    The second is the first that makes it wait; each further one doubles that, up to five minutes.

    >>> [interruption_wait_us(interruptions) // 1_000_000 for interruptions in (1, 2, 3, 4, 100)]
    [0, 2, 4, 8, 300]
    """
    if interruptions < INTERRUPTIONS_BEFORE_ISOLATION:
        return 0
    return round(min(2.0 ** min(interruptions - 1, 60), MAX_INTERRUPTION_WAIT_SECONDS) * 1e6)


@frozen
class Event:
    """One message that was sent to a signal."""

    event_id: int
    payload: bytes


@frozen(kw_only=True)
class Claimed:
    """A work item that the caller holds now, as it stood."""

    fence: Fence
    run_id: str
    instance_id: str
    definition_hash: str
    phase: Phase
    path: str
    input: str
    lease_until_at_us: int
    failures: int = 0
    """Committed failures at this position."""
    interruptions: int = 0
    """Leases lost at this position since its last commit."""
    interruptions_ever: int = 0
    """Leases lost at this position, ever."""
    spawned: int = 0
    """How many arms of an unfinished Spawn exist."""
    spawn_total: int | None = None
    event: Event | None = None
    deadline_in_us: int | None = None
    """Time until the workflow's deadline; 0 or less: it has passed."""
    traceparent: str | None = None
    input_data: bytes | None = field(default=None, compare=False)
    """The instance's input, which its holder most likely reads next, where the store brings it."""


@frozen(kw_only=True)
class ClaimAnswer:
    """What was claimed, and in how long something more falls due (None: nothing known).

    That is never too long. A store that would have to look for it may say 0, and is asked again.
    """

    items: tuple[Claimed, ...] = ()
    next_due_in_us: int | None = None


@frozen
class LeaseState:
    """Whether a lease is still held, and what was asked of its instance."""

    held: bool
    control: Control = Control.NONE
