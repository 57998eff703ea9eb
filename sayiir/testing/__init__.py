"""What users and authors of stores test with: a clock to move, a contract to pass."""

from __future__ import annotations

from sayiir.testing.clock import MovedClock
from sayiir.testing.contract import StoreContract

__all__ = ["MovedClock", "StoreContract"]
