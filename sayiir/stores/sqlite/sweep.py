"""When dead holders are looked for.

Claims do it every second, and whenever nothing else is to be had; cancel and pause always, for
with no worker anywhere nobody else would; and whoever asks how an instance stands, where a
dead holder is all that a cancel or pause still waits for.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from sayiir.stores.records import Control
from sayiir.stores.relational.codes import CONTROL_CODES, RUNNING
from sayiir.stores.sqlite.claim import claim

if TYPE_CHECKING:
    from sayiir.stores.records import ClaimAnswer, ClaimRequest
    from sayiir.stores.relational.rows import Run
    from sayiir.stores.sqlite.transaction import Transaction
    from sayiir.stores.sqlite.writer import Writer

__all__ = ["Sweep"]

INTERVAL_SECONDS: Final = 1.0
_NONE: Final = CONTROL_CODES[Control.NONE]
_HOLDERS_OF_ONE: Final = """
select token from process where id in (
    select process from work_item where run = ? and process is not null)
"""
_HOLDERS_OF_ASKED: Final = f"""
select token from process where id in (
    select process from work_item indexed by work_item_leased
    cross join instance on instance.run = work_item.run
    where process is not null and control <> {_NONE} and state = {RUNNING})
"""  # noqa: S608 - numbers of our own


class Sweep:
    """Verbs with the leases of dead processes ended before. On the writer thread."""

    __slots__ = ("_last", "_writer")

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._last = float("-inf")

    def claim(self, tx: Transaction, request: ClaimRequest) -> ClaimAnswer:
        """Claim what is due, in rank order."""
        swept = time.monotonic() - self._last >= INTERVAL_SECONDS
        if swept:
            self.end_dead_leases(tx)
        answer = claim(tx, request)
        if answer.items or swept or not self.end_dead_leases(tx):
            return answer
        return claim(tx, request)

    def end_dead_leases(self, tx: Transaction) -> bool:
        """End the leases whose holders are gone; whether there were any."""
        self._last = time.monotonic()
        holders = self._writer.holders
        if holders is None:
            return False
        return holders.end_leases_of_the_dead(tx)

    def dead_hold_up(self, tx: Transaction, run: Run | None = None) -> bool:
        """Whether a cancel or pause, of this run or of any, waits for a dead holder.

        Only reads, and may run on the reader thread.
        """
        holders = self._writer.holders
        if holders is None:
            return False
        if run is None:
            tokens = tx.execute(_HOLDERS_OF_ASKED)
        elif run.state == RUNNING and run.control != _NONE:
            tokens = tx.execute(_HOLDERS_OF_ONE, (run.run,))
        else:
            return False
        return not all(holders.lives(token) for (token,) in tokens.fetchall())
