"""Going over a graph with the results of an earlier run: do they lead to where it starts again?

Pure, and by ``advance`` itself, so that it goes where the engine will go.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sayiir.dsl.keys import key_text
from sayiir.dsl.nodes import Branch, Delay, Map
from sayiir.engine.advance import advance, collecting_item
from sayiir.engine.earlier import Side
from sayiir.engine.payloads import Payload
from sayiir.engine.position import Position
from sayiir.engine.refs import (
    ArmOutput,
    InputRef,
    JoinRef,
    ResultRef,
    leaves,
)
from sayiir.engine.resolve import read
from sayiir.engine.transitions import (
    AwaitEvent,
    Elapsed,
    EndStrand,
    Entered,
    Expanded,
    FailStrand,
    Joined,
    KeyChosen,
    ParkUntil,
    Returned,
    SpawnArms,
    TimedOut,
)
from sayiir.errors import PayloadError, RerunRefused
from sayiir.values import loop_marks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sayiir.engine.earlier import Earlier
    from sayiir.engine.program import Program
    from sayiir.engine.refs import Ref
    from sayiir.engine.transitions import Outcome, Transition

__all__ = ["Rehearsal"]


class Rehearsal:
    """One walk over the graph, calling nothing.

    Args:
        program: what is to run.
        earlier: what it takes from which run.
        history: that run's results, by path.
        instance_input: that run's input.
        source_id: that run's instance, for messages.
    """

    def __init__(
        self,
        program: Program,
        earlier: Earlier,
        history: Mapping[str, bytes],
        instance_input: bytes,
        source_id: str,
    ) -> None:
        self._program = program
        self._earlier = earlier
        self._history = history
        self._input = instance_input
        self._source_id = source_id
        self._reached = False
        self._missing: list[str] = []

    def check(self) -> None:
        """Go over it.

        Raises:
            RerunRefused: the start isn't reached, or something there would need a value that was
                not kept.
            PayloadError: a result doesn't fit its type any more.
        """
        start = self._program.start(InputRef(Payload(self._input, self._program.input_plan)))
        start.frame.earlier = self._earlier
        self._strand(start)
        if not self._reached:
            raise self._refused(self._why_not())

    def _why_not(self) -> str:
        if not self._missing:
            return "it has never come there"
        path = self._missing[0]
        hint = ""
        if "]/" in path:
            hint = ' (a loop keeps its last iteration only, unless it has history="all")'
        return f"it has no result for {path!r}, which comes before that{hint}"

    def _refused(self, why: str) -> RerunRefused:
        return RerunRefused(self._source_id, self._earlier.start, why)

    # -- one strand

    def _strand(self, position: Position) -> Ref | None:
        """What the strand ends with, by the results that are there; None: it stops before."""
        transition = advance(position, Entered())
        while True:
            if isinstance(transition, EndStrand):
                return transition.output
            position = transition if isinstance(transition, Position) else transition.position
            side = self._earlier.side(position)
            if side is not Side.KEPT:
                if side is Side.START and not isinstance(transition, FailStrand):
                    self._begin(position)
                return None
            outcome = self._outcome(transition)
            if outcome is None:
                self._missing.append(position.path)
                return None
            transition = advance(position, outcome)

    def _outcome(self, transition: Transition) -> Outcome | None:
        match transition:
            case Position():
                return self._acted(transition)
            case ParkUntil():
                return Elapsed()
            case AwaitEvent():
                return TimedOut()
            case SpawnArms():
                return self._joined(transition)
            case _:
                return None

    def _acted(self, position: Position) -> Outcome | None:
        match position.place.node:
            case Delay():
                return Elapsed()
            case Map():
                return Expanded(self._count(position))
            case _:
                return self._result(position)

    def _result(self, position: Position) -> Outcome | None:
        data = self._history.get(position.path)
        if data is None:
            return None
        payload = Payload(data, self._program.plan(position.place.node_path))
        try:
            value: Any = payload.read()
        except PayloadError as error:
            raise error.located(path=position.path) from error
        ref = ResultRef(position.path, loop_marks(value), payload)
        if isinstance(position.place.node, Branch):
            return KeyChosen(key_text(value), ref)
        return Returned(ref, position, 0, 0, False)

    def _count(self, position: Position) -> int:
        """How many items a map had: its input is there, or it can't be gone through."""
        flowing = position.input
        self._check_known(position.path, [flowing])
        if isinstance(flowing, JoinRef) and self._is_map(flowing.node_path):
            return len(flowing.arms or ())  # some of them may have failed, and be collected
        elements: Sequence[Any] | None = read(self._program, flowing)
        return len(elements) if isinstance(elements, Sequence) else 0

    def _is_map(self, node_path: str) -> bool:
        return isinstance(self._program.places[node_path].node, Map)

    def _joined(self, spawn: SpawnArms) -> Joined | None:
        outputs: list[ArmOutput] = []
        for index in range(spawn.count):
            before = len(self._missing)
            arm = spawn.arm(index)
            output = self._strand(arm)
            if output is not None:
                outputs.append(ArmOutput(index, output))
            elif collecting_item(arm.frame) is not None and self._earlier.side(arm) is Side.KEPT:
                # Its failure was collected, so it has no result; it runs again.
                del self._missing[before:]
                outputs.append(ArmOutput(index, None, b""))
        return Joined(tuple(outputs)) if len(outputs) == spawn.count else None

    # -- where it starts again

    def _begin(self, position: Position) -> None:
        """The start is reached; what it is given there has to be kept."""
        self._check_known(position.path, [position.input, *position.frame.children])
        self._reached = True

    def _check_known(self, path: str, refs: Iterable[Ref]) -> None:
        for leaf in (leaf for ref in refs for leaf in leaves(ref)):
            # Of a map's elements and of joins the new run has rows of its own by then.
            if isinstance(leaf, ResultRef) and leaf.payload is None:
                raise self._refused(
                    f"what {path!r} is given, the value of {leaf.path!r}, is not kept by itself; "
                    "start at the node that gives it, or before"
                )
