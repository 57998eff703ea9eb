"""The pure half of the interpreter: ``advance(position, outcome) -> transition``.

No I/O, no await, no clock, and total over the eight node kinds. A strand's position never
leaves its arm: at a sequence's end, branch, loop and child are left one by one until a node
calls, parks or spawns, or the strand ends.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from sayiir.dsl.nodes import (
    AwaitSignal,
    Branch,
    ChildWorkflow,
    Delay,
    Fork,
    Loop,
    Map,
)
from sayiir.engine.earlier import Side
from sayiir.engine.position import Frame, Position
from sayiir.engine.refs import (
    DefaultRef,
    ElementRef,
    Envelope,
    JoinRef,
    Pair,
    ResultRef,
    Unwrapped,
    leaves,
    marks_of,
)
from sayiir.engine.transitions import (
    AwaitEvent,
    Elapsed,
    EndStrand,
    Entered,
    Expanded,
    Failed,
    FailStrand,
    Joined,
    KeyChosen,
    ParkUntil,
    Received,
    Returned,
    SpawnArms,
    TimedOut,
    UntilKnown,
)
from sayiir.errors import BranchKeyNotFound, LoopExhausted, PayloadError, SignalTimedOut
from sayiir.stores.records import ItemKey
from sayiir.values import loop_marks

if TYPE_CHECKING:
    from sayiir.engine.position import Place
    from sayiir.engine.refs import Ref
    from sayiir.engine.transitions import Outcome, Transition

__all__ = ["advance", "collecting_item"]

_NO_PRUNE: tuple[str, ...] = ()


def advance(position: Position, outcome: Outcome) -> Transition:
    """What follows at ``position``, where things went as ``outcome`` says.

    Raises:
        TypeError: the outcome can't belong to the kind of node at the position.
    """
    if type(outcome) is Returned:
        following = position.place.following
        if following is not None and following.acts:  # most steps by far
            return Position(following, position.frame, outcome.ref)
        return _leave(position.place, position.frame, outcome.ref, _NO_PRUNE)
    match outcome:
        case Entered():
            if position.place.acts and position.frame.strand:  # the start of an arm, most often
                return position
            return _exhausted(position) or _enter(position)
        case Elapsed():
            return _leave(position.place, position.frame, position.input, _NO_PRUNE)
        case Joined(arms=arms):
            joined = JoinRef(position.path, position.place.node_path, arms)
            return _leave(position.place, position.frame, joined, _NO_PRUNE)
        case KeyChosen(key=key, ref=ref):
            return _choose(position, key, ref)
        case Expanded(count=count):
            return _expand(position, count)
        case UntilKnown(at=at):
            return ParkUntil(position, at=at)
        case Received(ref=ref):
            return _received(position, ref)
        case TimedOut():
            return _timed_out(position)
        case Failed(kind=kind):
            return FailStrand(position, kind, scope=collecting_item(position.frame))
    raise TypeError(f"{outcome!r} is no outcome")


# -- into a node --------------------------------------------------------------------------


def _enter(position: Position) -> Transition:
    """The transition for a strand that arrives at a node; loops and children are gone into."""
    prune = position.prune
    while not position.place.acts:
        place, frame = position.place, position.frame
        match place.node:
            case Loop():
                earlier = frame.earlier
                first = 0 if earlier is None else earlier.first_iteration(position.path)
                inner = frame.iteration(place, first)
                position = Position(place.inner[""], inner, position.input, prune)
            case ChildWorkflow():
                inner = frame.child(place, position.input)
                position = Position(place.inner[""], inner, position.input, prune)
            case Fork(arms=arms):
                return SpawnArms(position, len(arms), partial(_arm, position), prune=prune)
            case Delay() if _is_kept(position):  # nobody waits twice
                return ParkUntil(position, seconds=0.0, prune=prune)
            case Delay(until=None, seconds=seconds):
                return ParkUntil(position, seconds=seconds, prune=prune)
            case Delay(until=datetime() as at):
                return ParkUntil(position, at=at, prune=prune)
            case AwaitSignal(signal_name=name, timeout_seconds=timeout):
                return AwaitEvent(position, name, 0.0 if _is_kept(position) else timeout, prune)
            case _:
                raise TypeError(f"{place.node!r} is no node")
    return position


def _is_kept(position: Position) -> bool:
    """Whether an earlier run has done what is at the position."""
    earlier = position.frame.earlier
    return earlier is not None and earlier.side(position) is Side.KEPT


def _arm(position: Position, index: int) -> Position:
    """Where the arm of a fork begins: with the same input as its siblings."""
    place = position.place
    selector = place.selectors[index]
    frame = position.frame.arm(place, selector, index, strand=True)
    return Position(place.inner[selector], frame, position.input)


def _item(position: Position, index: int) -> Position:
    """Where a map's item begins: with its element."""
    frame = position.frame.item(position.place, index)
    element = ElementRef(ItemKey(position.path, index))
    return Position(position.place.inner[""], frame, element)


def _expand(position: Position, count: int) -> Transition:
    if count == 0:
        return advance(position, Joined())
    node = position.place.node
    limit = node.max_concurrency if isinstance(node, Map) else None
    return SpawnArms(position, count, partial(_item, position), limit)


def _choose(position: Position, key: str, ref: ResultRef) -> Transition:
    place, frame = position.place, position.frame
    if key in place.inner and key != "*":
        selector = key
    elif "*" in place.inner and isinstance(place.node, Branch) and place.node.default is not None:
        selector = "*"
    else:
        keys = ", ".join(map(repr, place.inner))
        return FailStrand(
            position,
            BranchKeyNotFound.__name__,
            f"the key is {key!r}; the branch has {keys} and no default",
            (("key", key),),
            collecting_item(frame),
        )
    inner = frame.arm(place, selector, 0, strand=False)
    inner.key = ref
    return _enter(Position(place.inner[selector], inner, position.input))


# -- out of a node ------------------------------------------------------------------------


def _leave(place: Place, frame: Frame, ref: Ref, prune: tuple[str, ...]) -> Transition:
    """The transition for a node that is done with output ``ref``."""
    while place.following is None:
        entered = frame.place
        if entered is None or frame.above is None or frame.strand:
            return EndStrand(ref, prune)
        node = entered.node
        if isinstance(node, Loop):
            again, ref, prune = _end_of_iteration(node, frame, ref, prune)
            if again is not None:
                return again
        elif isinstance(node, Branch) and not node.merged:
            ref = Envelope(frame.key or ResultRef(frame.above.prefix + node.id), ref)
        place, frame = entered, frame.above
    return _enter(Position(place.following, frame, ref, prune))


def _end_of_iteration(
    loop: Loop, frame: Frame, ref: Ref, prune: tuple[str, ...]
) -> tuple[Transition | None, Ref, tuple[str, ...]]:
    """The next iteration's transition, or None and the loop's output."""
    place, above = frame.place, frame.above
    if place is None or above is None:
        raise TypeError("a loop's body stands in a frame")
    last = Position(place.inner[""], frame, ref)
    marks = marks_of(ref)
    if not marks:
        message = "the body of a loop must end in Again(...) or Done(...)"
        scope = collecting_item(frame)
        return FailStrand(last, PayloadError.__name__, message, scope=scope), ref, prune
    value = Unwrapped(ref)
    if loop.history == "last" and frame.number:
        prune = _pruned(f"{above.prefix}{loop.id}[{frame.number - 1}]/", ref, prune)
    if marks[0] == "d":
        return None, value, prune
    after = Position(place.inner[""], above.iteration(place, frame.number + 1), value, prune)
    if after.frame.number < loop.max_iterations:
        return _enter(after), value, prune
    if loop.on_max == "exit_with_last":
        return None, value, prune
    return _loop_exhausted(after, loop, prune), value, prune


def _pruned(prefix: str, ref: Ref, prune: tuple[str, ...]) -> tuple[str, ...]:
    """An iteration that the value still refers to stays."""
    for leaf in leaves(ref):
        if isinstance(leaf, (ResultRef, JoinRef)) and leaf.path.startswith(prefix):
            return prune
    return (*prune, prefix)


def _exhausted(position: Position) -> Transition | None:
    """Out of the loop, if a position stands at the start of an iteration beyond the bound.

    It was within the bound when it was reached, or failed over it: the bound was changed since.
    """
    place, frame = position.place, position.frame
    while frame.place is not None and frame.above is not None and not frame.strand:
        loop = frame.place.node
        if place is not frame.place.inner.get(""):
            return None
        if isinstance(loop, Loop):
            if 0 < loop.max_iterations <= frame.number:
                if loop.on_max == "exit_with_last":
                    return _leave(frame.place, frame.above, position.input, _NO_PRUNE)
                return _loop_exhausted(position, loop, _NO_PRUNE)
            if frame.number:
                return None  # in the middle of an iteration of the loops around it
        place, frame = frame.place, frame.above
    return None


def _loop_exhausted(after: Position, loop: Loop, prune: tuple[str, ...]) -> FailStrand:
    return FailStrand(
        after,
        LoopExhausted.__name__,
        f"the loop {loop.id!r} asked for more than {loop.max_iterations} iterations",
        (("max_iterations", str(loop.max_iterations)),),
        collecting_item(after.frame),
        after,
        prune,
    )


# -- signals ------------------------------------------------------------------------------


def _received(position: Position, ref: Ref) -> Transition:
    node = position.place.node
    if isinstance(node, AwaitSignal) and node.keep_input:
        ref = Pair(position.input, ref)
    return _leave(position.place, position.frame, ref, _NO_PRUNE)


def _timed_out(position: Position) -> Transition:
    node = position.place.node
    if not isinstance(node, AwaitSignal):
        raise TypeError(f"{position.path!r} is no wait")
    if _is_kept(position):
        # What came is not kept, so this reference leads nowhere. Whoever starts a run again makes
        # sure that nothing reads it: what follows has a result.
        return _received(position, ResultRef(position.path))
    if node.has_default:
        return _received(position, DefaultRef(position.place.node_path, loop_marks(node.default)))
    return FailStrand(
        position,
        SignalTimedOut.__name__,
        f"no event came for signal {node.signal_name!r} within {node.timeout_seconds} s",
        (("signal_name", node.signal_name),),
        collecting_item(position.frame),
        position,
    )


# -- failures -----------------------------------------------------------------------------


def collecting_item(frame: Frame) -> ItemKey | None:
    """The nearest enclosing map item that collects failures, if there is one."""
    for outer in frame.outwards():
        if outer.place is None or outer.above is None:
            return None
        node = outer.place.node
        if isinstance(node, Map) and node.on_error == "collect":
            return ItemKey(outer.above.prefix + node.id, outer.number)
    return None
