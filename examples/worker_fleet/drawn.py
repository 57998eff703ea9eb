"""What is drawn by lot, from the seed alone: the same in every process, and in every attempt."""

from __future__ import annotations

import random
from typing import Final

__all__ = ["CENTS_PER_KWH", "LARGE_CENTS", "bad_answers", "discount", "meter", "total_cents"]

CENTS_PER_KWH: Final = 31
LARGE_CENTS: Final = 25_000
"""From here on a clerk looks at the bill; some 6 of 100 are."""


def meter(seed: int, account: int) -> int:
    """What the meter of this account says, in kWh."""
    return int(_of(seed, account, "meter").lognormvariate(5.8, 0.6))


def discount(seed: int, account: int) -> int:
    """Percents that the customer is let off."""
    return _of(seed, account, "discount").choice((0, 0, 0, 5, 10))


def bad_answers(seed: int, account: int) -> int:
    """How often the bank can't be reached before it takes this payment."""
    return _of(seed, account, "bank").choices((0, 1, 2), (92, 6, 2))[0]


def total_cents(seed: int, account: int) -> int:
    """What the bill must come to, computed by who checks it."""
    price = meter(seed, account) * CENTS_PER_KWH
    return price - price * discount(seed, account) // 100


def _of(seed: int, account: int, what: str) -> random.Random:
    return random.Random(f"{seed}/{account}/{what}")
