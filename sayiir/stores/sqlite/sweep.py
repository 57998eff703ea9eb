"""When claims look for dead holders: every second, and whenever nothing else is to be had."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from sayiir.stores.sqlite.claim import claim

if TYPE_CHECKING:
    from sayiir.stores.records import ClaimAnswer, ClaimRequest
    from sayiir.stores.sqlite.transaction import Transaction
    from sayiir.stores.sqlite.writer import Writer

__all__ = ["Sweep"]

INTERVAL_SECONDS: Final = 1.0


class Sweep:
    """Claims, with the leases of dead processes ended before. On the writer thread."""

    __slots__ = ("_last", "_writer")

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._last = float("-inf")

    def claim(self, tx: Transaction, request: ClaimRequest) -> ClaimAnswer:
        """Claim what is due, in rank order."""
        swept = time.monotonic() - self._last >= INTERVAL_SECONDS
        if swept:
            self._end_dead_leases(tx)
        answer = claim(tx, request)
        if answer.items or swept or not self._end_dead_leases(tx):
            return answer
        return claim(tx, request)

    def _end_dead_leases(self, tx: Transaction) -> bool:
        self._last = time.monotonic()
        holders = self._writer.holders
        if holders is None:
            return False
        return holders.end_leases_of_the_dead(tx)
