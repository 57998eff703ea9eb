"""A work item in the hands of this process, and what passes between driver and committer."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from sayiir.engine.refs import ArmOutput
from sayiir.engine.transitions import ENTERED
from sayiir.frozen import frozen
from sayiir.stores.records import Control

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Sequence

    from sayiir.engine.attempt import Attempt
    from sayiir.engine.payloads import Payload
    from sayiir.engine.position import Position
    from sayiir.engine.program import Program
    from sayiir.engine.refs import EventRef, Ref
    from sayiir.engine.transitions import Outcome, Returned, Transition
    from sayiir.errors import FailureInfo
    from sayiir.stores.records import Answer, Fence, Latest

__all__ = [
    "NO_ACT",
    "NO_CONTROL",
    "Committer",
    "Damaged",
    "Heed",
    "Reply",
    "RetryLater",
    "Run",
    "Said",
    "Step",
    "Work",
]


@frozen
class Run:
    """The run that a work item belongs to; ``number`` is the store's own for it."""

    number: int
    run_id: str
    instance_id: str
    traceparent: str | None = None


@frozen
class Damaged:
    """Instead of an outcome: the stored row at ``path`` is no position of the definition."""

    path: str
    message: str


class Heed(IntEnum):
    """How urgent a request is, and from which urgency on an act is cancelled.

    A backoff ends for a PAUSE, user code on the loop for a STOP, user code on a thread, which
    can only be left behind, for the LOSS of the lease. NONE: nothing was asked. NOTHING: no act
    runs, or none that can be cancelled.
    """

    NONE = 0
    PAUSE = 1
    STOP = 2
    LOSS = 3
    NOTHING = 4


Said: TypeAlias = "tuple[Attempt, float | None, str | None]"
"""Which attempt reported, how far it is, and a few words. One object: it is assigned whole."""


# Looked up once: before Python 3.12 a member of an Enum costs ten times what a global name does,
# and these are met at every step.
NO_CONTROL: Final = Control.NONE
NO_ACT: Final = Heed.NOTHING


class Siblings:
    """The arms of one spawn that run in this process, and what those that ended have given.

    Where all of them have ended here, their join is known and need not be read.

    Attributes:
        parent: the item that spawned them.
        path: where it did.
        outer: the siblings of that item itself.
    """

    __slots__ = ("_count", "_outputs", "outer", "parent", "path")

    def __init__(self, parent: Work, path: str, count: int) -> None:
        self.parent = parent.fence.item
        self.path = path
        self.outer = parent.siblings
        self._count = count
        self._outputs: dict[int, Ref] = {}

    def ended(self, index: int, output: Ref) -> None:
        """An arm's end was accepted by the store."""
        self._outputs[index] = output

    def arms(self) -> tuple[ArmOutput, ...] | None:
        """How all arms ended; None where one ended elsewhere, or in a failure."""
        if len(self._outputs) < self._count:
            return None
        return tuple(ArmOutput(index, self._outputs[index]) for index in range(self._count))


class Work:
    """One work item that this process holds, with where it stands and what is asked of it.

    Attributes:
        program: the definition it belongs to.
        run: the run it belongs to.
        fence: the right to write.
        position: where it stands in the store.
        outcome: what to begin with there, or that nothing can be.
        failures: committed failures at that position.
        interruptions: leases lost at that position since its last commit.
        interruptions_ever: leases lost at that position, ever.
        spawned: arms that an unfinished spawn has created already.
        deadline_at: ``time.monotonic()`` of the workflow's deadline, as the claim told it.
        control: what was asked of the instance meanwhile; the driver looks at it.
        lost: the lease is another's now; nothing more may be written.
        task: the asyncio task that drives the item.
        heeds: what stops the act that runs at this moment: the least urgent request that
            cancels its asyncio task.
        cancelled: the act's task was cancelled by a request. Once is enough: a second time
            would cut the cleanup that the first one began.
        said: what the running attempt reported last; written to the store from time to time.
        kept: results that ``result_of`` reads later: node path -> (ordinal, payload).
        siblings: the arms that it is one of, where this process spawned them.
        on_trust: called once it is no suspect any more, where it runs alone as one.
    """

    __slots__ = (
        "cancelled",
        "control",
        "deadline_at",
        "failures",
        "fence",
        "heeds",
        "interruptions",
        "interruptions_ever",
        "kept",
        "lost",
        "on_trust",
        "outcome",
        "position",
        "program",
        "run",
        "said",
        "siblings",
        "spawned",
        "task",
    )

    def __init__(
        self,
        program: Program,
        run: Run,
        fence: Fence,
        position: Position,
        outcome: Outcome | Damaged | None = None,
    ) -> None:
        self.program = program
        self.run = run
        self.fence = fence
        self.position = position
        self.outcome: Outcome | Damaged = outcome or ENTERED
        self.failures = 0
        self.interruptions = 0
        self.interruptions_ever = 0
        self.spawned = 0
        self.deadline_at: float | None = None
        self.control = NO_CONTROL
        self.lost = False
        self.task: asyncio.Task[Any] | None = None
        self.heeds = NO_ACT
        self.cancelled = False
        self.said: Said | None = None
        self.kept: dict[str, tuple[bytes, Payload]] = {}
        self.siblings: Siblings | None = None
        self.on_trust: Callable[[], None] | None = None

    @property
    def fresh(self) -> bool:
        """It arrives, in no haste and for the first time: nothing has to be looked at before."""
        entered = self.outcome is ENTERED
        return entered and self.deadline_at is None and not self.interruptions

    @property
    def stopping(self) -> bool:
        """Nothing more of this item should run here."""
        return self.lost or self.control in (Control.CANCEL, Control.STOP)

    def interrupt(self, control: Control, *, lost: bool = False) -> None:
        """Tell the item what was asked; an act that heeds it is cancelled. In the loop only."""
        self.control = control
        self.lost = self.lost or lost
        if self.task is None or self.cancelled:
            return
        if self._asked() >= self.heeds:
            self.cancelled = True
            self.task.cancel()

    def _asked(self) -> Heed:
        if self.lost:
            return Heed.LOSS
        if self.stopping:
            return Heed.STOP
        return Heed.NONE if self.control is Control.NONE else Heed.PAUSE

    def acted(self) -> bool:
        """The act is over; whether a request has cancelled it, and nobody else has."""
        self.heeds = NO_ACT
        if not self.cancelled or self.task is None:
            return False
        self.cancelled = False
        return self.task.uncancel() == 0

    @property
    def attempt(self) -> int:
        """The number of the attempt that would begin now; every start counts."""
        return self.failures + self.interruptions_ever + 1

    def moved(self, position: Position) -> None:
        """The store has the item at ``position`` now, with fresh counts."""
        self.position = position
        if self.interruptions:
            self.trust()
        self.failures = self.interruptions_ever = self.spawned = 0

    def trust(self) -> None:
        """The store has taken a step of it: the interruptions in a row are over."""
        self.interruptions = 0
        if self.on_trust is not None:
            told, self.on_trust = self.on_trust, None
            told()


@frozen
class RetryLater:
    """An attempt failed and another follows: in place after a short wait, or parked."""

    position: Position
    failure: FailureInfo
    wait_seconds: float
    in_place: bool


Following: TypeAlias = "Transition | RetryLater"


class Step:
    """One checkpoint that is more than a move: what was computed, what follows, what that needs.

    Attributes:
        following: the transition to store.
        computed: the result to store with it.
        failure: for FailStrand: the record.
        error: the exception behind it, which in-memory callers get as ``__cause__``.
        elements: for the arms of a map: the payloads of all its elements.
        first: for SpawnArms: the first of those that this checkpoint creates.
        starts: where each of these begins.
        keep: how many new items the caller has room for.
        prune: paths of loop iterations that are no longer needed.
    """

    __slots__ = (
        "computed",
        "elements",
        "error",
        "failure",
        "first",
        "following",
        "keep",
        "prune",
        "starts",
    )

    def __init__(
        self,
        following: Following,
        computed: Returned | None = None,
        *,
        failure: FailureInfo | None = None,
        error: BaseException | None = None,
        elements: Sequence[Payload] | None = None,
        first: int = 0,
        starts: Sequence[Position] = (),
        keep: int = 0,
        prune: tuple[str, ...] = (),
    ) -> None:
        self.following = following
        self.computed = computed
        self.failure = failure
        self.error = error
        self.elements = elements
        self.first = first
        self.starts = starts
        self.keep = keep
        self.prune = prune


@frozen
class Reply:
    """What became of a step: as ``records.Answer``, in the engine's own terms.

    ``event``: the event that a wait was given, its payload known, its marks not yet.
    """

    accepted: bool = True
    control: Control = Control.NONE
    event: EventRef | None = None
    claimed: tuple[Work, ...] = ()
    joined: bool = False


class Committer(Protocol):
    """Where steps go: to a store, or nowhere but on with the run (in memory).

    Attributes:
        durable: every step is told. False: a plain move to the next task is not, unless its
            result is read by another strand later.
    """

    durable: bool

    def move(
        self,
        work: Work,
        position: Position,
        computed: Returned | None,
        prune: tuple[str, ...],
        hand_over: bool,
    ) -> Awaitable[Reply | Answer]:
        """Make durable what was computed and that the strand goes on there; awaited until it is.

        Args:
            work: the item.
            position: what acts next.
            computed: the result to store with it.
            prune: paths of loop iterations that are no longer needed.
            hand_over: it doesn't act here, so the lease is given up with the write.
        """
        ...

    async def commit(self, work: Work, step: Step) -> Reply:
        """Make any other step durable; returns when it is."""
        ...

    async def fill(self, work: Work, refs: Sequence[Ref]) -> None:
        """Give the leaves of the references their payloads."""
        ...

    async def latest(self, work: Work, latest: Latest) -> Payload | None:
        """The newest result among some node paths, or None."""
        ...

    async def release(self, work: Work) -> None:
        """Give the item back undone."""
        ...
