"""What the pure half is told (outcomes) and what it answers (transitions).

An outcome says how the thing at a position went; a transition says what follows. Those that
*act* (Call, AskKey, AskUntil, Expand) need user code or a value, and come back as an outcome;
the others are stored and done.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sayiir.dsl.spec import TaskSpec
    from sayiir.engine.position import Position
    from sayiir.engine.refs import ArmOutput, Ref, ResultRef
    from sayiir.stores.records import ItemKey

__all__ = [
    "ACTING",
    "Acting",
    "AskKey",
    "AskUntil",
    "AwaitEvent",
    "Call",
    "Elapsed",
    "EndStrand",
    "Entered",
    "Expand",
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


@dataclass(frozen=True, slots=True)
class Entered:
    """The strand arrived here, for the first time or again after a crash."""


class Returned:
    """The task at the position gave a result."""

    __slots__ = ("ref",)

    def __init__(self, ref: ResultRef) -> None:
        self.ref = ref


@dataclass(frozen=True, slots=True)
class KeyChosen:
    """The branch's key answered; ``key`` is the answer as text, ``ref`` where it is stored."""

    key: str
    ref: ResultRef


@dataclass(frozen=True, slots=True)
class UntilKnown:
    """The delay's callable answered with an aware datetime."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Expanded:
    """The map's input has this many elements."""

    count: int


@dataclass(frozen=True, slots=True)
class Elapsed:
    """The delay is over."""


@dataclass(frozen=True, slots=True)
class Received:
    """An event came for the wait."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The wait's timeout passed first."""


@dataclass(frozen=True, slots=True)
class Joined:
    """All arms have ended. ``arms``: how, where all of it is known; else it is read."""

    arms: tuple[ArmOutput, ...] | None = None


@dataclass(frozen=True, slots=True)
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
# ``prune``: paths of loop iterations that are no longer needed, each ending in "/".


class Call:
    """Call the task at the position."""

    __slots__ = ("position", "prune", "task")

    def __init__(self, position: Position, task: TaskSpec, prune: tuple[str, ...] = ()) -> None:
        self.position = position
        self.task = task
        self.prune = prune


@dataclass(frozen=True, slots=True)
class AskKey:
    """Call the branch's key task at the position."""

    position: Position
    task: TaskSpec
    prune: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AskUntil:
    """Call the delay's callable with the flowing value."""

    position: Position
    until: Callable[..., datetime]
    prune: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Expand:
    """Read the sequence that flows into the map, count and encode its elements."""

    position: Position
    prune: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ParkUntil:
    """Park: for so many seconds, or until a moment."""

    position: Position
    seconds: float | None = None
    at: datetime | None = None
    prune: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AwaitEvent:
    """Park until an event comes."""

    position: Position
    signal_name: str
    timeout_seconds: float | None
    prune: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SpawnArms:
    """Create ``count`` arms and wait for all; ``arm(i)`` is where arm i begins."""

    position: Position
    count: int
    arm: Callable[[int], Position]
    limit: int | None = None
    prune: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EndStrand:
    """The strand ends; the root's end ends the instance."""

    output: Ref
    prune: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
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


Acting: TypeAlias = Call | AskKey | AskUntil | Expand
ACTING: Final = (Call, AskKey, AskUntil, Expand)
"""Those that need user code or a value, and come back as an outcome."""
Transition: TypeAlias = Acting | ParkUntil | AwaitEvent | SpawnArms | EndStrand | FailStrand
