"""The numbers that stand for states, controls and phases in tables. Never renumber them."""

from __future__ import annotations

from typing import Final

from sayiir.stores.records import Control, InstanceState, Phase

__all__ = [
    "BACKOFF",
    "CONTROLS",
    "CONTROL_CODES",
    "DELAY",
    "ENDED",
    "HELD",
    "JOIN",
    "PHASES",
    "READY",
    "RUNNING",
    "SIGNAL",
    "STATES",
    "STATE_CODES",
]

STATES: Final = (
    InstanceState.RUNNING,
    InstanceState.COMPLETED,
    InstanceState.FAILED,
    InstanceState.CANCELLED,
)
CONTROLS: Final = (Control.NONE, Control.PAUSE, Control.CANCEL)
PHASES: Final = (
    Phase.READY,
    Phase.DELAY,
    Phase.BACKOFF,
    Phase.SIGNAL,
    Phase.JOIN,
    Phase.HELD,
    Phase.ENDED,
)
STATE_CODES: Final = {state: code for code, state in enumerate(STATES)}
CONTROL_CODES: Final = {control: code for code, control in enumerate(CONTROLS)}

RUNNING: Final = 0
READY, DELAY, BACKOFF, SIGNAL, JOIN, HELD, ENDED = range(7)
