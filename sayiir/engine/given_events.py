"""The events that a run in memory is given beforehand."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sayiir.dsl.nodes import AwaitSignal
from sayiir.errors import UnknownSignal

if TYPE_CHECKING:
    from sayiir.engine.program import Program

__all__ = ["given_events"]


def given_events(
    program: Program, events: Mapping[str, Sequence[object]]
) -> dict[str, deque[object]]:
    """The payloads of each signal, in the order in which its waits take them.

    Raises:
        UnknownSignal: the workflow waits for no such signal.
        TypeError: the payloads of a signal are no list.
    """
    given: object = events
    if not isinstance(given, Mapping):
        raise TypeError(f"events is a mapping, as {{'go': [payload]}}, not {given!r}")
    if not events:
        return {}  # the usual case: no look at the places, of which there may be thousands
    nodes = (place.node for place in program.places.values())
    known = {node.signal_name: None for node in nodes if isinstance(node, AwaitSignal)}
    for name, payloads in events.items():
        if name not in known:
            raise UnknownSignal(None, name, tuple(known))
        listed: object = payloads
        if not isinstance(listed, Sequence) or isinstance(listed, (str, bytes, bytearray)):
            raise TypeError(
                f"the events of signal {name!r} are a list, one payload for each wait: "
                f"events={{{name!r}: [{payloads!r}]}}"
            )
    return {name: deque(payloads) for name, payloads in events.items()}
