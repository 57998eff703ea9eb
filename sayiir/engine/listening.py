"""The way to a listener, for those who may have none: then nothing of what tells it is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sayiir.clock import Clock
    from sayiir.engine.telling import Teller
    from sayiir.events import Listener

__all__ = ["teller_of"]


def teller_of(listener: Listener | None, clock: Clock) -> Teller | None:
    """What tells the listener, by this clock; None where there is none."""
    if listener is None:
        return None
    from sayiir.engine.telling import Teller

    return Teller(listener, clock)
