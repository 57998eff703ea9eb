"""What is the same for every call at one place, worked out once; and what becomes of its value."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeAlias

from sayiir.codec.protocol import UNDECLARED
from sayiir.dsl.callables import plain_spec
from sayiir.dsl.class_call import ClassCall
from sayiir.dsl.keys import key_text
from sayiir.dsl.nodes import Branch, Delay, TaskNode
from sayiir.engine.act_failed import ActFailed
from sayiir.engine.executing import OWN_PLACES
from sayiir.engine.payloads import Payload, payload_of
from sayiir.engine.refs import ResultRef
from sayiir.engine.transitions import KeyChosen, Returned, UntilKnown
from sayiir.engine.work import Heed
from sayiir.errors import PayloadError, SayiirError
from sayiir.values import loop_marks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sayiir.codec.protocol import Plan
    from sayiir.dsl.spec import TaskSpec
    from sayiir.engine.position import Place, Position
    from sayiir.engine.program import Program
    from sayiir.engine.transitions import Outcome
    from sayiir.engine.work import Work

__all__ = ["Acted", "CallPlan"]

Acted: TypeAlias = "tuple[Outcome, Returned | None, Sequence[Payload] | None]"
"""How an act went: for ``advance``; the result to store; a map's elements. A tuple, which costs a
fifth of an object."""

Ended: TypeAlias = "Callable[[Work, Position, CallPlan, Any, int], Acted]"
"""What becomes of the value that a call gave, after so many microseconds.

Raises:
    ActFailed: the value is none that may be.
"""


class CallPlan:
    """What is the same for every call of user code at one place.

    Attributes:
        spec: the task.
        plan: how its output is stored.
        kept: some ``result_of`` reads its result later.
        bare: the function, where nothing but the value and it is needed, and the loop awaits it.
        built: for a class task that runs here: what stands for the instance that is called.
        elsewhere: an executor runs it.
        heeds: what stops it; on a thread it can't be cancelled, only left behind.
        takes_value: it has exactly one input and nothing injected: the value is the argument.
        annotation: that input's type.
        ended: what becomes of its value.
    """

    __slots__ = (
        "annotation",
        "bare",
        "built",
        "elsewhere",
        "ended",
        "heeds",
        "kept",
        "plan",
        "spec",
        "takes_value",
    )

    def __init__(self, program: Program, node_path: str, spec: TaskSpec, ended: Ended) -> None:
        signature = spec.signature
        self.spec = spec
        self.ended = ended
        self.plan: Plan = program.plan(node_path)
        self.kept = node_path in program.definition.kept
        self.elsewhere = spec.run_in not in OWN_PLACES
        in_thread = spec.run_in == "thread" and not spec.is_async
        self.heeds = Heed.LOSS if in_thread else Heed.STOP
        self.built: ClassCall | None = None
        if isinstance(spec.function, ClassCall) and not self.elsewhere:
            self.built = spec.function
        self.takes_value = len(signature.inputs) == 1 and not signature.injected
        self.annotation = signature.inputs[0].annotation if self.takes_value else UNDECLARED
        in_loop = spec.is_async and not self.elsewhere and self.built is None
        bare = in_loop and self.takes_value and spec.timeout_seconds is None
        self.bare: Callable[..., Any] | None = spec.function if bare else None

    @classmethod
    def of(cls, program: Program, place: Place) -> CallPlan | None:
        """The plan for calling user code at a place, kept there; None: there is none to call."""
        match place.node:
            case TaskNode(task=task):
                place.call = cls(program, place.node_path, task, _returned)
            case Branch(key=task):
                place.call = cls(program, place.node_path, task, _key_chosen)
            case Delay(until=until) if callable(until):
                task = plain_spec(until, "delay(until=)")
                place.call = cls(program, place.node_path, task, _until_known)
            case _:
                pass
        return place.call


def _key_chosen(
    work: Work, position: Position, call: CallPlan, key: Any, duration_us: int
) -> Acted:
    try:
        text = key_text(key)
    except SayiirError as error:
        raise ActFailed(PayloadError(str(error)), call.spec) from None
    _, returned, _ = _returned(work, position, call, _storable(key, call), duration_us)
    return KeyChosen(text, returned.ref), returned, None


def _until_known(
    work: Work, position: Position, call: CallPlan, moment: Any, duration_us: int
) -> Acted:
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        problem = f"until= must give an aware datetime, not {moment!r}"
        raise ActFailed(PayloadError(problem, path=position.path), call.spec)
    return UntilKnown(moment), None, None


def _storable(key: Any, call: CallPlan) -> Any:
    """A branch's answer as its key task declares it; an Enum that nobody declared, its value."""
    undeclared = call.spec.signature.output is UNDECLARED
    return key.value if undeclared and isinstance(key, Enum) else key


def _returned(
    work: Work, position: Position, call: CallPlan, value: Any, duration_us: int
) -> tuple[Returned, Returned, None]:
    """The call's result, encoded, and kept where a later node reads it."""
    plan, place = call.plan, position.place
    if plan.passes_through(value):  # a scalar, and so neither Again nor Done
        payload, marks = Payload(None, plan, value, True), ""
    else:
        payload, marks = _encoded(position, call, value), loop_marks(value)
    if call.kept:
        work.kept[place.node_path] = (position.frame.ordinal, payload)
    ref = ResultRef(position.frame.prefix + place.node_id, marks, payload)
    attempts = work.failures + work.interruptions_ever + 1
    returned = Returned(ref, position, attempts, duration_us, call.kept)
    return returned, returned, None


def _encoded(position: Position, call: CallPlan, value: Any) -> Payload:
    try:
        return payload_of(value, call.plan)
    except PayloadError as error:
        located = error.located(path=position.path, task=call.spec.name)
        raise ActFailed(located, call.spec) from error
