"""References: what a work item's input *is*, as a small expression over what is stored.

Nothing that flows is written twice: a position names its input by reference, and the value is
read where it is needed. Leaves carry a ``payload`` once it is known; it is a cache, no part of
the reference, so that whoever goes on holding a position holds what it needs and no more.

Text form (kept by stores, read only here): ``i``; ``r<marks>:<path>``; anything else is a JSON
list whose first element tells the kind.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sayiir.stores.records import ItemKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sayiir.engine.payloads import Payload

__all__ = [
    "ArmOutput",
    "DefaultRef",
    "ElementRef",
    "Envelope",
    "EventRef",
    "InputRef",
    "JoinRef",
    "Pair",
    "Ref",
    "ResultRef",
    "Unwrapped",
    "leaves",
    "marks_of",
    "ref_from_text",
    "ref_to_text",
]

_BEYOND_COLUMNS: Final = 1 << 63


class InputRef:
    """The instance's own input."""

    __slots__ = ("payload",)

    def __init__(self, payload: Payload | None = None) -> None:
        self.payload = payload


class ResultRef:
    """The result stored at ``path``; ``marks`` tells whether it is Again or Done inside."""

    __slots__ = ("marks", "path", "payload")

    def __init__(self, path: str, marks: str = "", payload: Payload | None = None) -> None:
        self.path = path
        self.marks = marks
        self.payload = payload


class EventRef:
    """The payload of an event that was given to the wait at ``node_path``."""

    __slots__ = ("event_id", "marks", "node_path", "payload")

    def __init__(
        self, event_id: int, node_path: str, marks: str = "", payload: Payload | None = None
    ) -> None:
        self.event_id = event_id
        self.node_path = node_path
        self.marks = marks
        self.payload = payload


class ElementRef:
    """The element that a map gave to one of its items."""

    __slots__ = ("item", "payload")

    def __init__(self, item: ItemKey, payload: Payload | None = None) -> None:
        self.item = item
        self.payload = payload


class ArmOutput:
    """How one arm of a join ended: its output, or the recorded failure of a collected item."""

    __slots__ = ("error", "index", "output")

    def __init__(self, index: int, output: Ref | None, error: bytes | None = None) -> None:
        self.index = index
        self.output = output
        self.error = error


class JoinRef:
    """The outputs of all arms that the node at ``path`` spawned, in order."""

    __slots__ = ("arms", "node_path", "path")

    def __init__(
        self, path: str, node_path: str, arms: tuple[ArmOutput, ...] | None = None
    ) -> None:
        self.path = path
        self.node_path = node_path
        self.arms = arms


class DefaultRef:
    """The default of the wait at ``node_path``; the value stands in the definition."""

    __slots__ = ("marks", "node_path")

    def __init__(self, node_path: str, marks: str = "") -> None:
        self.node_path = node_path
        self.marks = marks


class Envelope:
    """A branch's result: the key stored at the branch's path, and the arm's output."""

    __slots__ = ("inner", "key")

    def __init__(self, key: ResultRef, inner: Ref) -> None:
        self.key = key
        self.inner = inner


class Pair:
    """``keep_input``: the value that came to a wait, and the event's payload."""

    __slots__ = ("first", "second")

    def __init__(self, first: Ref, second: Ref) -> None:
        self.first = first
        self.second = second


class Unwrapped:
    """The value inside an Again or a Done."""

    __slots__ = ("inner",)

    def __init__(self, inner: Ref) -> None:
        self.inner = inner


Leaf: TypeAlias = InputRef | ResultRef | EventRef | ElementRef | JoinRef
Ref: TypeAlias = Leaf | DefaultRef | Envelope | Pair | Unwrapped


def marks_of(ref: Ref) -> str:
    """How the referenced value is wrapped for loops, as ``values.loop_marks`` writes it.

    Known without reading the value, so that ``advance`` stays free of I/O.
    """
    depth = 0
    while isinstance(ref, Unwrapped):
        ref, depth = ref.inner, depth + 1
    if isinstance(ref, (ResultRef, EventRef, DefaultRef)):
        return ref.marks[depth:]
    return ""


def leaves(ref: Ref) -> Iterator[Leaf]:
    """The leaves of the expression that must be read from a store, if they aren't known."""
    pending: list[Ref] = [ref]
    while pending:
        ref = pending.pop()
        if isinstance(ref, ResultRef):  # what most joins are made of, a hundred at a time
            yield ref
        elif isinstance(ref, Unwrapped):
            pending.append(ref.inner)
        elif isinstance(ref, Pair):
            pending += (ref.first, ref.second)
        elif isinstance(ref, Envelope):
            pending += (ref.key, ref.inner)
        elif isinstance(ref, JoinRef):
            yield ref
            pending += (arm.output for arm in ref.arms or () if arm.output is not None)
        elif not isinstance(ref, DefaultRef):
            yield ref


def ref_to_text(ref: Ref) -> str:
    """The reference as stores keep it.

    >>> ref_to_text(ResultRef("poll[3]/ask", "a"))
    'ra:poll[3]/ask'
    """
    if isinstance(ref, ResultRef):
        return f"r{ref.marks}:{ref.path}"
    if isinstance(ref, InputRef):
        return "i"
    return json.dumps(_plain(ref), separators=(",", ":"))


def ref_from_text(text: str) -> Ref:
    """The reference that a text stands for.

    Raises:
        ValueError: the text is no reference.
    """
    if text[:1] == "r":
        marks, colon, path = text[1:].partition(":")
        if colon and not marks.strip("ad"):
            return ResultRef(path, marks)
    elif text == "i":
        return InputRef()
    else:
        try:
            return _from_plain(json.loads(text))
        except (
            *(ValueError, TypeError, LookupError, AttributeError),
            *(OverflowError, RecursionError),
        ) as error:
            raise ValueError(f"{text[:80]!r} is no reference") from error
    raise ValueError(f"{text[:80]!r} is no reference")


def _plain(ref: Ref) -> list[Any]:
    match ref:
        case InputRef():
            return ["i"]
        case ResultRef():
            return ["r", ref.path, ref.marks]
        case EventRef():
            return ["event", ref.event_id, ref.node_path, ref.marks]
        case ElementRef():
            return ["element", ref.item.spawn_path, ref.item.index]
        case JoinRef():
            return ["join", ref.path, ref.node_path]
        case DefaultRef():
            return ["default", ref.node_path, ref.marks]
        case Envelope():
            return ["envelope", _plain(ref.key), _plain(ref.inner)]
        case Pair():
            return ["pair", _plain(ref.first), _plain(ref.second)]
        case Unwrapped():
            return ["value", _plain(ref.inner)]


def _from_plain(plain: list[Any]) -> Ref:
    kind, *rest = plain
    match kind:
        case "i":
            return InputRef()
        case "r":
            return ResultRef(str(rest[0]), str(rest[1]))
        case "event":
            return EventRef(_number(rest[0]), str(rest[1]), str(rest[2]))
        case "element":
            return ElementRef(ItemKey(str(rest[0]), _number(rest[1])))
        case "join":
            return JoinRef(str(rest[0]), str(rest[1]))
        case "default":
            return DefaultRef(str(rest[0]), str(rest[1]))
        case "envelope":
            key = _from_plain(rest[0])
            if not isinstance(key, ResultRef):
                raise TypeError("a branch's key is a result")
            return Envelope(key, _from_plain(rest[1]))
        case "pair":
            return Pair(_from_plain(rest[0]), _from_plain(rest[1]))
        case "value":
            return Unwrapped(_from_plain(rest[0]))
        case _:
            raise TypeError(f"unknown kind {kind!r}")


def _number(plain: Any) -> int:
    """A number that a store could have given: no bool, nothing that a column can't hold."""
    if type(plain) is not int or not 0 <= plain < _BEYOND_COLUMNS:
        raise ValueError("it is no row's number")
    return plain
