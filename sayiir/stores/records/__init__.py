"""The rows that cross the store protocols: bytes, ids and times, never user code.

Times are whole microseconds since the Unix epoch by the *store's* clock (``_at_us``) or spans
of microseconds (``_us``). ``path`` and ``input`` are text that only the engine reads: the
position of a work item and the reference to its input.
"""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from typing import NamedTuple, TypeAlias

from sayiir.frozen import frozen
from sayiir.limits import (
    DEFAULT_PRIORITY,
    INTERRUPTIONS_BEFORE_ISOLATION,
    MAX_INTERRUPTION_WAIT_SECONDS,
)

__all__ = [
    "Answer",
    "ArmEnd",
    "Await",
    "Checkpoint",
    "ClaimAnswer",
    "ClaimRequest",
    "Claimed",
    "Control",
    "CreateAnswer",
    "Effect",
    "End",
    "Event",
    "Fail",
    "Fence",
    "InstanceQuery",
    "InstanceRecord",
    "InstanceState",
    "ItemKey",
    "Latest",
    "LeaseState",
    "Loaded",
    "Move",
    "NewInstance",
    "NewItem",
    "Page",
    "Park",
    "ParkedItem",
    "Phase",
    "Result",
    "ResultRecord",
    "Retry",
    "Spawn",
    "StatusName",
    "Wanted",
    "interruption_wait_us",
]


# -- what things are ----------------------------------------------------------------------


class InstanceState(Enum):
    """How an instance stands. The last three are ends."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class StatusName(Enum):
    """The statuses that users filter by; the last four are finer kinds of RUNNING."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    IN_PROGRESS = "in_progress"
    PAUSED = "paused"
    WAITING = "waiting"
    AWAITING_SIGNAL = "awaiting_signal"


class Control(Enum):
    """What somebody asked of a running instance. STOP: it has ended, so stop what runs."""

    NONE = "none"
    PAUSE = "pause"
    CANCEL = "cancel"
    STOP = "stop"


class Phase(Enum):
    """What a work item does next, once nobody holds it back.

    READY: execute at its path. DELAY: a durable timer. BACKOFF: wait, then try again. SIGNAL:
    wait for an event or its timeout. JOIN: wait for its arms. HELD: a map item that waits for
    one of its siblings (``max_concurrency``). ENDED: nothing; the row is kept for the join.
    """

    READY = "ready"
    DELAY = "delay"
    BACKOFF = "backoff"
    SIGNAL = "signal"
    JOIN = "join"
    HELD = "held"
    ENDED = "ended"


@frozen(order=True)
class ItemKey:
    """A work item within its run: the path of the node that spawned it, and its index there.

    The root is ``ItemKey("", 0)``; the second arm of ``fork`` is ``ItemKey("fork", 1)``. All
    items below an item have a ``spawn_path`` that begins with that item's strand and ``/``.
    """

    spawn_path: str = ""
    index: int = 0


ROOT = ItemKey()


@frozen
class Fence:
    """The right to write: this run, this item, this lease. Epochs of an item only grow.

    ``run`` is the store's own number for a run (one creation of an instance), never reused.
    """

    run: int
    item: ItemKey
    epoch: int


# -- creating -----------------------------------------------------------------------------


@frozen(kw_only=True)
class NewInstance:
    """An instance to create, with the position of its root item."""

    instance_id: str
    run_id: str
    workflow_name: str
    workflow_version: str
    definition_hash: str
    definition: bytes
    """The portable definition, kept once under its hash."""
    input: bytes
    root_path: str
    root_input: str
    priority: int = DEFAULT_PRIORITY
    root_priority: int | None = None
    """The priority of the root's first task, where it has its own."""
    root_tags: tuple[str, ...] = ()
    """What the root's first task asks of a worker; see ``Move.tags``."""
    timeout_us: int | None = None
    labels: tuple[tuple[str, str], ...] = ()
    traceparent: str | None = None


@frozen(kw_only=True)
class CreateAnswer:
    """What ``create`` did: ``existing`` None means that it was created.

    ``claimed``: the root, if that was asked.
    """

    existing: InstanceRecord | None = None
    claimed: Claimed | None = None


# -- checkpoints --------------------------------------------------------------------------
#
# What every step makes are named tuples: stores take them apart at once.


class Result(NamedTuple):
    """The outcome of one executed node. Insert-only: a path is written once a run."""

    path: str
    node_path: str
    ordinal: bytes
    """The loop and map numbers of the path, outermost first, four big-endian bytes each."""
    output: bytes
    attempts: int = 1
    duration_us: int = 0


class Move(NamedTuple):
    """Go on at ``path``; the lease is kept, unless it is handed over.

    ``hand_over``: the holder can't run what follows, so the lease is given up in the same write
    and the item is ready for others. It has no meaning where a Move stands inside a Retry or Fail.
    """

    path: str
    input: str
    priority: int | None = None
    """The next task's own priority; used when the item must be claimed again."""
    tags: tuple[str, ...] = ()
    """What the next task asks of a worker, sorted; used when the item must be claimed again."""
    hand_over: bool = False


@frozen(kw_only=True)
class Park:
    """A durable timer: for ``wait_us`` from now, or until ``at_us``; exactly one is given."""

    path: str
    input: str
    wait_us: int | None = None
    at_us: int | None = None
    priority: int | None = None
    """The own priority of the task that follows; as with a Move."""
    tags: tuple[str, ...] = ()


@frozen(kw_only=True)
class Await:
    """Wait for an event at ``path``. A kept event is given at once and the lease stays."""

    path: str
    input: str
    signal_name: str
    timeout_us: int | None = None
    priority: int | None = None
    tags: tuple[str, ...] = ()


@frozen(kw_only=True)
class Retry:
    """An attempt failed, and another follows.

    ``in_place``: the holder sleeps ``wait_us`` itself and keeps the lease; else the item parks.
    Either way its phase is BACKOFF: who takes it over waits for what remains of the time.
    ``at``: the attempt's position, where it isn't the stored one (the item went on from a
    timer, an event or a join without a write); its counts go along.
    """

    error: bytes
    wait_us: int
    in_place: bool
    at: Move | None = None


@frozen(kw_only=True)
class NewItem:
    """An arm or a map item. ``element`` is the map's element, for map items only."""

    index: int
    path: str
    input: str
    element: bytes | None = None
    priority: int | None = None
    tags: tuple[str, ...] = ()


@frozen(kw_only=True)
class Spawn:
    """Create arms below the item, which waits at ``path`` until all have ended.

    A map comes in several of these, in order of ``index``: the item keeps its lease, phase
    READY and the number created so far, until ``total`` are created. Items from ``limit`` on
    are held. ``keep``: at most this many of them are claimed for the caller in the answer.
    """

    path: str
    input: str
    items: tuple[NewItem, ...]
    total: int
    limit: int | None = None
    keep: int = 0
    priority: int | None = None
    """Of the task that follows the join."""
    tags: tuple[str, ...] = ()
    """Of the task that follows the join."""


@frozen(kw_only=True)
class End:
    """The strand ends with ``output``. The root's end completes the instance.

    Ending the last open arm claims the waiting parent for the caller (in the answer). Ending
    a map item readies the next one held, and claims it for the caller if ``keep`` is set.
    """

    output: str
    keep: bool = False


@frozen(kw_only=True)
class Fail:
    """A failure that is not retried.

    ``scope``: the enclosing map item that collects it (it ends with ``error`` as its output,
    and everything below it is removed); None: the instance fails, and its open items stop.
    ``at``: where ``retry`` goes on; None: where the item is, in the phase it was claimed in.
    What is executed there must have no result yet: a checkpoint with a result that fails the
    instance says ``at``.
    """

    error: bytes
    scope: ItemKey | None = None
    at: Move | None = None
    keep: bool = False


Effect: TypeAlias = Move | Park | Await | Retry | Spawn | End | Fail


class Checkpoint(NamedTuple):
    """One atomic write at a task boundary. A stale fence refuses it whole.

    ``prune``: path prefixes (each ends in ``/``) whose results, ended items and consumed
    events go: earlier iterations of a loop.
    """

    fence: Fence
    effect: Effect
    result: Result | None = None
    prune: tuple[str, ...] = ()


@frozen
class Event:
    """One message that was sent to a signal."""

    event_id: int
    payload: bytes


@frozen(kw_only=True)
class Answer:
    """What a checkpoint did.

    ``accepted`` False: the fence was stale, nothing was written. ``control`` other than NONE:
    written, and the item's lease is given up (or the item has ended). ``event``: an Await was
    served at once. ``claimed``: items that the caller holds now: kept arms, the joined parent,
    the next map item. ``joined``: a Spawn whose arms have all ended already, or had none: the
    caller, who keeps the lease, goes on from the join.
    """

    accepted: bool = True
    control: Control = Control.NONE
    event: Event | None = None
    claimed: tuple[Claimed, ...] = ()
    joined: bool = False


# -- claiming -----------------------------------------------------------------------------


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


# -- reading ------------------------------------------------------------------------------


@frozen
class Latest:
    """The result with the highest ordinal among these node paths whose ordinal begins so."""

    node_paths: tuple[str, ...]
    ordinal_prefix: bytes = b""


@frozen
class ArmEnd:
    """How one arm ended: its output reference, or its failure if it was collected."""

    index: int
    output: str | None
    error: bytes | None


@frozen(kw_only=True)
class Wanted:
    """What must be read of one run. ``joins`` are spawn paths, ``elements`` item keys."""

    run: int
    results: tuple[str, ...] = ()
    latest: tuple[Latest, ...] = ()
    joins: tuple[str, ...] = ()
    elements: tuple[ItemKey, ...] = ()
    events: tuple[int, ...] = ()
    input: bool = False


@frozen(kw_only=True)
class Loaded:
    """What was found of it; what isn't there is left out."""

    results: dict[str, bytes] = field(default_factory=dict[str, bytes])
    latest: dict[Latest, tuple[str, bytes]] = field(default_factory=dict[Latest, tuple[str, bytes]])
    """The path that was found, and its output."""
    joins: dict[str, tuple[ArmEnd, ...]] = field(default_factory=dict[str, tuple[ArmEnd, ...]])
    elements: dict[ItemKey, bytes] = field(default_factory=dict[ItemKey, bytes])
    events: dict[int, bytes] = field(default_factory=dict[int, bytes])
    input: bytes | None = None


@frozen
class ParkedItem:
    """An open work item that waits: for a time, a signal, or both.

    ``path`` is the node's; ``signal_name`` None: a timer or a backoff.
    """

    path: str
    wake_at_us: int | None
    signal_name: str | None


@frozen(kw_only=True)
class InstanceRecord:
    """An instance as it stands."""

    run: int
    run_id: str
    instance_id: str
    workflow_name: str
    workflow_version: str
    definition_hash: str
    state: InstanceState
    control: Control
    reason: str | None
    requested_by: str | None
    priority: int
    labels: tuple[tuple[str, str], ...]
    traceparent: str | None
    created_at_us: int
    finished_at_us: int | None
    deadline_at_us: int | None
    output: str | None
    error: bytes | None
    ready: int
    """Open items that could be claimed at this moment, if the instance isn't paused."""
    leased: int
    parked: tuple[ParkedItem, ...]
    """The earliest first; at most 100."""

    @property
    def status(self) -> StatusName:
        """The status that users know the instance by."""
        if self.state is not InstanceState.RUNNING:
            return StatusName(self.state.value)
        if self.control is Control.PAUSE and self.leased == 0:
            return StatusName.PAUSED
        if self.ready or self.leased or not self.parked:
            return StatusName.IN_PROGRESS
        if self.parked[0].signal_name is None:
            return StatusName.WAITING
        return StatusName.AWAITING_SIGNAL


@frozen(kw_only=True)
class ResultRecord:
    """One line of an instance's history: a stored result, or the error an open item met last."""

    path: str
    node_path: str
    output: bytes | None
    error: bytes | None
    attempts: int
    started_at_us: int
    finished_at_us: int


@frozen(kw_only=True)
class InstanceQuery:
    """Which instances to list, newest first. ``cursor`` comes from the page before."""

    workflow_name: str | None = None
    status: StatusName | None = None
    labels: tuple[tuple[str, str], ...] = ()
    """All of them must be the instance's; in any order."""
    limit: int = 50
    cursor: str | None = None


@frozen
class Page:
    """One page of instances, and the cursor of the next (None: this was the last)."""

    records: tuple[InstanceRecord, ...]
    cursor: str | None
