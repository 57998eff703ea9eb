"""References to values: what must be read first, and what it comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from sayiir.dsl.keys import key_text
from sayiir.dsl.nodes import AwaitSignal, Fork, Map
from sayiir.engine.failures import failure_from_bytes
from sayiir.engine.payloads import Payload
from sayiir.engine.refs import (
    ArmOutput,
    DefaultRef,
    ElementRef,
    Envelope,
    EventRef,
    InputRef,
    JoinRef,
    Pair,
    ResultRef,
    Unwrapped,
    leaves,
    ref_from_text,
)
from sayiir.errors import PayloadError, SayiirError, StoreError
from sayiir.limits import MAX_JOIN_BYTES, MAX_JOIN_ELEMENTS
from sayiir.stores.records import Loaded, Wanted
from sayiir.values import Again, BranchResult, Done, ItemFailed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sayiir.engine.program import Program
    from sayiir.engine.refs import Leaf, Ref
    from sayiir.stores.records import ArmEnd, ItemKey

__all__ = ["Loader", "fill", "read"]


MAX_LEAVES: Final = 10 * MAX_JOIN_ELEMENTS
"""So many values one reference may stand for, joins within joins and all."""


class Loader(Protocol):
    """What reads from a store: one method of the store protocols."""

    async def load(self, wanted: Sequence[Wanted]) -> list[Loaded]:
        """Read results, joins, elements, events and inputs."""
        ...


async def fill(program: Program, run: int, refs: Iterable[Ref], loader: Loader) -> bool:
    """Read what the references stand for, as far as it isn't known; joins take a second round.

    Returns whether anything was read.

    Raises:
        StoreError: something that must be there is not, or a join has itself for an arm's output.
    """
    refs = [ref for ref in refs if not _known(ref)]
    around: dict[int, frozenset[str]] = {}
    count = 0
    while missing := [leaf for ref in refs for leaf in leaves(ref) if _unknown(leaf)]:
        count += len(missing)
        if count > MAX_LEAVES:
            raise StoreError(f"a stored position refers to more than {MAX_LEAVES:,} values")
        (loaded,) = await loader.load([_wanted(run, missing)])
        for leaf in missing:
            _attach(program, leaf, loaded)
            if isinstance(leaf, JoinRef):
                _check_nesting(leaf, around)
    return count > 0


def _check_nesting(join: JoinRef, around: dict[int, frozenset[str]]) -> None:
    """Refuse a join in which it stands itself: no strand ends so, and it would be read for ever.

    ``around``: of joins that stand in others the paths of those, by the join's id.
    """
    inside = around.get(id(join), frozenset()) | {join.path}
    for arm in join.arms or ():
        if arm.output is None:
            continue
        for leaf in leaves(arm.output):
            if isinstance(leaf, JoinRef):
                if leaf.path in inside:
                    raise StoreError(f"the stored join at {leaf.path!r} refers to itself")
                around[id(leaf)] = inside


def _known(ref: Ref) -> bool:
    """Whether it is a join of results that are all at hand: looked at without a call for each."""
    if not isinstance(ref, JoinRef) or ref.arms is None:
        return False
    for arm in ref.arms:
        output = arm.output
        if type(output) is not ResultRef or output.payload is None:
            return False
    return True


def _unknown(leaf: Leaf) -> bool:
    return leaf.arms is None if isinstance(leaf, JoinRef) else leaf.payload is None


def _wanted(run: int, missing: list[Leaf]) -> Wanted:
    """Each once, in the order in which they were met."""
    results: dict[str, None] = {}
    joins: dict[str, None] = {}
    elements: dict[ItemKey, None] = {}
    events: dict[int, None] = {}
    needs_input = False
    for leaf in missing:
        if isinstance(leaf, ResultRef):
            results[leaf.path] = None
        elif isinstance(leaf, ElementRef):
            elements[leaf.item] = None
        elif isinstance(leaf, JoinRef):
            joins[leaf.path] = None
        elif isinstance(leaf, EventRef):
            events[leaf.event_id] = None
        else:
            needs_input = True
    return Wanted(
        run=run,
        results=tuple(results),
        joins=tuple(joins),
        elements=tuple(elements),
        events=tuple(events),
        input=needs_input,
    )


def _arm_output(end: ArmEnd) -> ArmOutput:
    output = None if end.output is None else ref_from_text(end.output)
    return ArmOutput(end.index, output, end.error)


def _attach(program: Program, leaf: Leaf, loaded: Loaded) -> None:
    try:
        match leaf:
            case ResultRef(path=path):
                plan = program.plan(program.node_path(path))
                leaf.payload = Payload(loaded.results[path], plan)
            case JoinRef():
                leaf.arms = tuple(map(_arm_output, _ends(program, leaf, loaded)))
            case ElementRef(item=item):
                plan = program.plan_of_elements(item.spawn_path)
                leaf.payload = Payload(loaded.elements[item], plan)
            case EventRef(event_id=event_id, node_path=node_path):
                leaf.payload = Payload(loaded.events[event_id], program.plan(node_path))
            case InputRef():
                if loaded.input is None:
                    raise LookupError("the instance's input")
                leaf.payload = Payload(loaded.input, program.input_plan)
    except (LookupError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise StoreError(f"the store has lost what a position refers to: {error}") from error


def _ends(program: Program, leaf: JoinRef, loaded: Loaded) -> Sequence[ArmEnd]:
    """How the arms have ended; a map over an empty list never had any."""
    if isinstance(program.places[leaf.node_path].node, Map):
        return loaded.joins.get(leaf.path, ())
    return loaded.joins[leaf.path]


def read(program: Program, ref: Ref) -> Any:
    """The value of a reference whose leaves are known.

    Raises:
        PayloadError: stored bytes don't fit their type, a join is too large, or the reference is
            none that this workflow could have stored.
    """
    try:
        return _read(program, ref)
    except PayloadError:
        raise
    except (SayiirError, LookupError, ValueError, TypeError, RecursionError) as error:
        raise PayloadError(f"the stored reference to the value is damaged: {error}") from error


def _read(program: Program, ref: Ref) -> Any:
    match ref:
        case ResultRef() | InputRef() | EventRef() | ElementRef():
            if ref.payload is None:
                raise StoreError("a reference is read before it was loaded")
            return ref.payload.read()
        case Unwrapped(inner=inner):
            return _inside(_read(program, inner))
        case Pair(first=first, second=second):
            return (_read(program, first), _read(program, second))
        case Envelope(key=key, inner=inner):
            return BranchResult(key_text(_read(program, key)), _read(program, inner))
        case DefaultRef(node_path=node_path):
            node = program.places[node_path].node
            return node.default if isinstance(node, AwaitSignal) else None
        case JoinRef():
            return _join(program, ref)


def _inside(wrapped: Any) -> Any:
    if isinstance(wrapped, (Again, Done)):
        return wrapped.value  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    raise PayloadError(f"expected Again or Done, found {type(wrapped).__name__}")


def _join(program: Program, ref: JoinRef) -> Any:
    arms: tuple[ArmOutput, ...] = ref.arms or ()
    _check_join_size(ref, arms)
    node = program.places[ref.node_path].node
    if not isinstance(node, Fork):
        return [_arm_value(program, arm) for arm in arms]
    if node.join == "last":
        return _arm_value(program, list(arms)[-1])
    values = [_arm_value(program, arm) for arm in arms]
    if not node.named:
        return tuple(values)
    by_name = {arm.selector: value for arm, value in zip(node.arms, values, strict=True)}
    return by_name if node.into is None else program.codec.conform(by_name, node.into)


def _arm_value(program: Program, arm: ArmOutput) -> Any:
    if arm.error is not None:
        return ItemFailed(failure_from_bytes(arm.error), arm.index)
    if arm.output is None:
        raise PayloadError("an arm that was joined has no output")
    return _read(program, arm.output)


def _check_join_size(ref: JoinRef, arms: tuple[ArmOutput, ...]) -> None:
    if len(arms) > MAX_JOIN_ELEMENTS:
        raise PayloadError(
            f"{len(arms)} elements to join, at most {MAX_JOIN_ELEMENTS}", path=ref.path
        )
    size = 0
    for arm in arms:
        output = arm.output
        if type(output) is ResultRef:  # most of them by far
            size += 0 if output.payload is None else output.payload.size_bytes
        elif output is not None:
            size += _bytes_of(output)
    if size > MAX_JOIN_BYTES:
        raise PayloadError(f"{size} bytes to join, at most {MAX_JOIN_BYTES}", path=ref.path)


def _bytes_of(output: Ref) -> int:
    return sum(
        leaf.payload.size_bytes
        for leaf in leaves(output)
        if not isinstance(leaf, JoinRef) and leaf.payload is not None
    )
