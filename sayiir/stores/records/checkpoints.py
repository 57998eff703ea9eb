"""The one write at a task boundary: what a step did, and what the store made of it.

What every step makes are named tuples: stores take them apart at once.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from sayiir.frozen import frozen
from sayiir.stores.records.claims import Claimed, Event
from sayiir.stores.records.items import Fence, ItemKey
from sayiir.stores.records.states import Control

__all__ = [
    "Answer",
    "Await",
    "Checkpoint",
    "Effect",
    "End",
    "Fail",
    "Move",
    "NewItem",
    "Park",
    "Result",
    "Retry",
    "Spawn",
]


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
