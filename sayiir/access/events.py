"""Events on their way in: which signals a definition has, and payloads as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sayiir.codec.protocol import UNDECLARED
from sayiir.dsl.nodes import AwaitSignal
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
    try:
        node_path = program.node_path(path)
    except (LookupError, ValueError):
        return False
    node = program.places[node_path].node if node_path in program.places else None
    return isinstance(node, AwaitSignal) and node.signal_name == signal_name


def encoded_event(payload: Any, signal_name: str, codec: Codec, program: Program | None) -> bytes:
    """The payload as it is stored: by its own type, so that the wait can check it.

    Where the workflow is known, the payload is validated against its waits first.

    Raises:
        PayloadError: it can't be stored, or no wait for this signal takes it.
    """
    if program is not None:
        kinds = [w.payload_type for _, w in _waits(program) if w.signal_name == signal_name]
        kind = kinds[0]
        return codec.plan(kind).encode(codec.accept(payload, kind))
    if isinstance(payload, _SELF_DESCRIBING):
        return codec.plan(UNDECLARED).encode(payload)  # pyright: ignore[reportUnknownArgumentType]
    return codec.plan(type(payload)).encode(payload)
