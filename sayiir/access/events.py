"""Events on their way in: which signals a definition has, and payloads as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sayiir.codec.protocol import UNDECLARED
from sayiir.dsl.nodes import AwaitSignal
from sayiir.errors import PayloadError
from sayiir.values import Again, Done

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sayiir.codec.protocol import Codec
    from sayiir.engine.program import Program

__all__ = ["encoded_event", "signal_names", "waits_at"]

_SELF_DESCRIBING = (
    str,
    int,
    float,
    bool,
    type(None),
    list,
    tuple,
    dict,
    set,
    frozenset,
    bytes,
    Again,
    Done,
)


def _waits(program: Program) -> Iterator[tuple[str, AwaitSignal]]:
    for node_path, place in program.places.items():
        if isinstance(place.node, AwaitSignal):
            yield node_path, place.node


def signal_names(program: Program) -> list[str]:
    """The names of the signals that a definition waits for, each once, in order."""
    return list({wait.signal_name: None for _, wait in _waits(program)})


def waits_at(program: Program, path: str, signal_name: str) -> bool:
    """Whether a wait for this signal stands at the path."""
    return _wait_at(program, path, signal_name) is not None


def _wait_at(program: Program, path: str, signal_name: str) -> AwaitSignal | None:
    try:
        place = program.places.get(program.node_path(path))
    except (LookupError, ValueError):
        return None
    node = None if place is None else place.node
    return node if isinstance(node, AwaitSignal) and node.signal_name == signal_name else None


def encoded_event(
    payload: Any,
    signal_name: str,
    codec: Codec,
    program: Program | None,
    *,
    path: str | None = None,
) -> bytes:
    """The payload as it is stored: by its own type, so that the wait can check it.

    Where the workflow is known, the payload is validated first: against the wait at ``path``,
    else against all waits for this signal, of which one has to take it.

    Raises:
        PayloadError: it can't be stored, or no wait that could get it takes it.
    """
    if program is not None:
        kinds = _payload_types(program, signal_name, path)
        if len(kinds) == 1:
            return codec.plan(kinds[0]).encode(codec.accept(payload, kinds[0]))
        _check_fits_one(payload, signal_name, codec, kinds)
    if isinstance(payload, _SELF_DESCRIBING):
        return codec.plan(UNDECLARED).encode(payload)  # pyright: ignore[reportUnknownArgumentType]
    return codec.plan(type(payload)).encode(payload)


def _payload_types(program: Program, signal_name: str, path: str | None) -> list[Any]:
    """What the waits take that could get the event, each type once."""
    at_path = None if path is None else _wait_at(program, path, signal_name)
    if at_path is not None:
        return [at_path.payload_type]
    kinds: list[Any] = []
    for _, wait in _waits(program):
        if wait.signal_name == signal_name and wait.payload_type not in kinds:
            kinds.append(wait.payload_type)
    return kinds


def _check_fits_one(payload: Any, signal_name: str, codec: Codec, kinds: list[Any]) -> None:
    # Which of the waits will get it is not known yet, and neither is the type to store it by.
    problems: list[str] = []
    for kind in kinds:
        try:
            codec.accept(payload, kind)
        except PayloadError as error:
            problems.append(str(error))
        else:
            return
    raise PayloadError(
        f"no wait for signal {signal_name!r} takes this payload: {'; '.join(problems)}",
        type_name=type(payload).__qualname__,
    )
