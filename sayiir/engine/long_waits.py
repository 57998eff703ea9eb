"""Warning of a run in memory that does nothing but wait, for long and in real time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sayiir.callers import warn_caller
from sayiir.engine.transitions import TimedOut
from sayiir.warning_types import LongWaitWarning

if TYPE_CHECKING:
    from sayiir.engine.work import Work

__all__ = ["warned_of_wait"]

LONG_WAIT_SECONDS: Final = 60.0
"""Who sits before it for longer may think that it hangs."""


def warned_of_wait(work: Work, seconds: float) -> bool:
    """Warn of a wait at an item, if it is long; whether it was."""
    if seconds < LONG_WAIT_SECONDS:
        return False
    position = work.position
    if isinstance(work.outcome, TimedOut):
        name = position.place.node_id
        why = f"for its timeout, as no event is left for it; give events={{{name!r}: [...]}}"
    else:
        why = "in real time; give clock=sayiir.testing.MovedClock() in a test"
    warn_caller(
        f"workflow {work.program.definition.name!r} runs in memory and waits at "
        f"{position.path!r} for {timedelta(seconds=round(seconds))} {why}, or run it by a "
        "CheckpointingRunner, which stores the wait and returns",
        LongWaitWarning,
    )
    return True
