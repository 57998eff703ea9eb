"""``delay()`` and ``await_signal()``: flows that park until a time or an event."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import is_dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypeVar, overload

from sayiir.dsl.callables import is_async_callable
from sayiir.dsl.flow import Flow
from sayiir.dsl.nodes import AwaitSignal, Delay
from sayiir.durations import Duration, duration_seconds
from sayiir.errors import DefinitionError
from sayiir.ids import check_node_id

if TYPE_CHECKING:
    from typing_extensions import TypeForm

__all__ = ["KeepInputFlow", "PassThrough", "await_signal", "delay"]

A = TypeVar("A")
C = TypeVar("C")
D = TypeVar("D")
S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)


_NO_TYPES: Final = (str, bytes, int, float, list, tuple, dict, set)


class _Missing(Enum):
    DEFAULT = "no default is given"


_NO_DEFAULT: Final = _Missing.DEFAULT


class PassThrough(Flow[Any, Any]):
    """A flow of nothing but delays: whatever comes in goes on."""

    __slots__ = ()

    # Not an override in the sense of substitution: checkers are to see what follows a delay as
    # if the delay weren't there.
    @overload  # type: ignore[override]
    def __rshift__(self, following: PassThrough, /) -> PassThrough: ...
    @overload
    def __rshift__(self, following: KeepInputFlow[S], /) -> KeepInputFlow[S]: ...
    @overload
    def __rshift__(self, following: Flow[A, C], /) -> Flow[A, C]: ...
    @overload
    def __rshift__(self, following: Callable[[A], Awaitable[C]], /) -> Flow[A, C]: ...
    @overload
    def __rshift__(self, following: Callable[[A], C], /) -> Flow[A, C]: ...
    def __rshift__(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, following: Any, /
    ) -> Any:
        """As ``Flow.__rshift__``; a delay after a delay passes through too."""
        joined = super().__rshift__(following)
        if isinstance(following, PassThrough):
            return PassThrough(joined.piece)
        if isinstance(following, KeepInputFlow):
            return KeepInputFlow[Any](joined.piece)
        return joined


class KeepInputFlow(Flow[Any, tuple[Any, S_co]]):
    """A wait for a signal that gives its input along: ``(input, payload)``."""

    __slots__ = ()

    @overload  # type: ignore[override]
    def __rshift__(self, following: PassThrough, /) -> KeepInputFlow[S_co]: ...
    @overload
    def __rshift__(self, following: Flow[tuple[A, S_co], C], /) -> Flow[A, C]: ...
    @overload
    def __rshift__(self, following: Callable[[A, S_co], Awaitable[C]], /) -> Flow[A, C]: ...
    @overload
    def __rshift__(self, following: Callable[[A, S_co], C], /) -> Flow[A, C]: ...
    def __rshift__(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, following: Any, /
    ) -> Any:
        """As ``Flow.__rshift__``; a delay after it passes the pair on."""
        joined = super().__rshift__(following)
        return KeepInputFlow[S_co](joined.piece) if isinstance(following, PassThrough) else joined


Until: TypeAlias = datetime | Callable[..., datetime]


@overload
def delay(duration: Duration, /) -> PassThrough: ...
@overload
def delay(*, until: datetime | Callable[[], datetime]) -> PassThrough: ...
@overload
def delay(*, until: Callable[[A], datetime]) -> Flow[A, A]: ...
def delay(duration: Duration | None = None, /, *, until: Until | None = None) -> Any:
    """Parks for a time, or until a moment, and passes its input on.

    A durable timer: no thread, slot or lease is held, and it outlives the process.

    Args:
        duration: seconds, a ``timedelta``, or text as ``"1h30m"``.
        until: an aware datetime, or a function that is given the value (or takes nothing) and
            returns one. A moment that has passed is no wait.

    Raises:
        DefinitionError: both or none are given, the duration is no duration, or the datetime
            has no time zone.

    >>> delay("1h30m")
    <Flow: delay>
    """
    if (duration is None) == (until is None):
        raise DefinitionError("delay() takes either a duration or until=")
    if duration is not None:
        return PassThrough(Delay("delay", seconds=duration_seconds(duration)))
    if isinstance(until, datetime):
        if until.utcoffset() is None:
            raise DefinitionError(
                f"until={until!r} has no time zone; write datetime(..., tzinfo=UTC)"
            )
    elif not callable(until) or isinstance(until, (Flow, type)):
        raise DefinitionError(
            f"until= takes an aware datetime or a plain function that returns one, not {until!r}"
        )
    elif is_async_callable(until):
        raise DefinitionError("the function given as until= must not be async")
    return PassThrough(Delay("delay", until=until))


@overload
def await_signal(
    name: str, payload_type: TypeForm[S], /, *, timeout: Duration | None = None
) -> Flow[object, S]: ...
@overload
def await_signal(
    name: str,
    payload_type: TypeForm[S],
    /,
    *,
    timeout: Duration | None = None,
    keep_input: Literal[False],
) -> Flow[object, S]: ...
@overload
def await_signal(
    name: str,
    payload_type: TypeForm[S],
    /,
    *,
    timeout: Duration | None = None,
    keep_input: Literal[True],
) -> KeepInputFlow[S]: ...
@overload
def await_signal(
    name: str,
    payload_type: TypeForm[S],
    /,
    *,
    timeout: Duration,
    default: D,
    keep_input: Literal[False] = False,
) -> Flow[object, S | D]: ...
@overload
def await_signal(
    name: str,
    payload_type: TypeForm[S],
    /,
    *,
    timeout: Duration,
    default: D,
    keep_input: Literal[True],
) -> KeepInputFlow[S | D]: ...
def await_signal(
    name: str,
    payload_type: Any,
    /,
    *,
    timeout: Duration | None = None,
    default: object = _NO_DEFAULT,
    keep_input: bool = False,
) -> Any:
    """Parks until an event is sent to the signal, and gives the event's payload.

    Args:
        name: the signal; also the node's id.
        payload_type: what a payload is validated into.
        timeout: how long it waits; without ``default`` its end fails the instance with
            ``SignalTimedOut``.
        default: given instead of a payload when the timeout has passed.
        keep_input: give ``(input, payload)``.

    Raises:
        DefinitionError: the name is not allowed, the payload type is a value such as a text,
            the timeout is no duration, or ``default`` is given without a timeout, which alone
            could call for it.

    >>> await_signal("picked_up", str, timeout="3d")
    <Flow: picked_up>
    """
    node_id = check_node_id(name)
    has_default = default is not _NO_DEFAULT
    if has_default and timeout is None:
        raise DefinitionError(
            f"signal {name!r} has a default but no timeout, so nothing could ever call for it"
        )
    if isinstance(payload_type, _NO_TYPES) or _is_made(payload_type):
        raise DefinitionError(
            f"await_signal({name!r}, {payload_type!r}): the payload's type is a type, as int or "
            "list[str], not a value or a text"
        )
    node = AwaitSignal(
        node_id,
        signal_name=name,
        payload_type=payload_type,
        timeout_seconds=None if timeout is None else duration_seconds(timeout),
        has_default=has_default,
        default=default if has_default else None,
        keep_input=bool(keep_input),
    )
    return KeepInputFlow[Any](node) if keep_input else Flow[Any, Any](node)


def _is_made(given: object) -> bool:
    """Whether it is an object of a model, dataclass or Enum, where that itself was meant."""
    kind = type(given)
    return isinstance(given, Enum) or is_dataclass(kind) or hasattr(kind, "__pydantic_validator__")
