"""What the pure half is told (outcomes) and what it answers (transitions).

An outcome says how the thing at a position went; a transition says what follows. A *position*
as a transition says: act there. That needs user code or a value (a task is called, a branch's key
or a delay's moment is asked, a map's sequence is read) and comes back as an outcome. The other
transitions are stored and done.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Final, TypeAlias, final

from sayiir.frozen import frozen

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sayiir.engine.payloads import Payload
    from sayiir.engine.position import Position
    from sayiir.engine.refs import ArmOutput, Ref, ResultRef
    from sayiir.stores.records import ItemKey

__all__ = [
    "ENTERED",
    "AwaitEvent",
    "Elapsed",
    "EndStrand",
    "Entered",
    "Expanded",
    "FailStrand",
    "Failed",
    "Joined",
    "KeyChosen",
    "Outcome",
    "ParkUntil",
    "Received",
    "Returned",
    "SpawnArms",
    "TimedOut",
    "Transition",
    "UntilKnown",
]


# -- outcomes -----------------------------------------------------------------------------


@frozen
class Entered:
    """The strand arrived here, for the first time or again after a crash."""


ENTERED: Final = Entered()


@final
class Returned:
    """The task (or the branch's key) at the position gave a result.

    ``advance`` looks at ``ref`` alone; the rest is what a store keeps beside the result.

    Attributes:
        ref: where the result is stored, with its payload.
        position: where it was executed.
        attempts: the number of the attempt that gave it.
        duration_us: how long that took.
        kept: another strand may read it later.
    """

    __slots__ = ("attempts", "duration_us", "kept", "position", "ref")

    def __init__(
        self, ref: ResultRef, position: Position, attempts: int, duration_us: int, kept: bool
    ) -> None:
        self.ref = ref
        self.position = position
        self.attempts = attempts
        self.duration_us = duration_us
        self.kept = kept

    @property
    def payload(self) -> Payload:
        """The result itself."""
        payload = self.ref.payload
        if payload is None:
            raise TypeError("a fresh result has its payload")
        return payload


@frozen
class KeyChosen:
    """The branch's key answered; ``key`` is the answer as text, ``ref`` where it is stored."""

    key: str
    ref: ResultRef


@frozen
class UntilKnown:
    """The delay's callable answered with an aware datetime."""

    at: datetime


@frozen
class Expanded:
    """The map's input has this many elements."""

    count: int


@frozen
class Elapsed:
    """The delay is over."""


@frozen
class Received:
    """An event came for the wait."""

    ref: Ref


@frozen
class TimedOut:
    """The wait's timeout passed first."""


@frozen
class Joined:
    """All arms have ended. ``arms``: how, where all of it is known; else it is read."""

    arms: tuple[ArmOutput, ...] | None = None


@frozen
class Failed:
    """It failed for good. ``kind``: name of the error class that records it."""

    kind: str


Outcome: TypeAlias = (
    Entered
    | Returned
    | KeyChosen
    | UntilKnown
    | Expanded
    | Elapsed
    | Received
    | TimedOut
    | Joined
    | Failed
)


# -- transitions --------------------------------------------------------------------------
# A Position is one of them: act there. ``prune``: paths of loop iterations that are no longer
# needed, each ending in "/".


@frozen
class ParkUntil:
    """Park: for so many seconds, or until a moment."""

    position: Position
    seconds: float | None = None
    at: datetime | None = None
    prune: tuple[str, ...] = ()


@frozen
class AwaitEvent:
    """Park until an event comes."""

    position: Position
    signal_name: str
    timeout_seconds: float | None
    prune: tuple[str, ...] = ()


@frozen
class SpawnArms:
    """Create ``count`` arms and wait for all; ``arm(i)`` is where arm i begins."""

    position: Position
    count: int
    arm: Callable[[int], Position]
    limit: int | None = None
    prune: tuple[str, ...] = ()


@frozen
class EndStrand:
    """The strand ends; the root's end ends the instance."""

    output: Ref
    prune: tuple[str, ...] = ()


@frozen
class FailStrand:
    """A failure ends the instance, or the collecting map item ``scope``.

    ``at``: where a retry goes on; None: where the item is. ``kind`` names the error class;
    ``message`` and ``details`` tell the rest where the pure half itself found the failure.
    """

    position: Position
    kind: str
    message: str = ""
    details: tuple[tuple[str, str], ...] = ()
    scope: ItemKey | None = None
    at: Position | None = None
    prune: tuple[str, ...] = field(default=())


Transition: TypeAlias = "Position | ParkUntil | AwaitEvent | SpawnArms | EndStrand | FailStrand"
