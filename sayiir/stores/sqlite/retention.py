"""Removing what ended long ago.

Pages that become free are used again by what comes next, so a file that is swept regularly
stops growing; it doesn't shrink by itself.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from sayiir.stores.relational.codes import RUNNING, STATE_CODES
from sayiir.stores.relational.moves import remove_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sayiir.stores.inspection import Retention
    from sayiir.stores.sqlite.transaction import Transaction

__all__ = ["delete_finished"]


def delete_finished(tx: Transaction, retention: Retention) -> int:
    """Remove what ended long ago, the longest ago first; how many.

    The index has the ends of each workflow and state in order, so nothing is looked at that
    isn't removed, however much is kept.
    """
    until = tx.now - retention.older_than_us
    states = [code for code in STATE_CODES.values() if code != RUNNING]
    if retention.state is not None:
        states = [STATE_CODES[retention.state]]
    name = retention.workflow_name
    names = _workflow_names(tx) if name is None else iter([name])
    streams = [
        tx.execute(
            "select finished_at, run from instance indexed by instance_finished "
            "where workflow_name = ? and state = ? and state <> 0 and finished_at <= ? "
            "order by finished_at, run limit ?",
            (each, state, until, retention.limit),
        ).fetchall()
        for each in names
        for state in states
    ]
    chosen = list(heapq.merge(*streams))[: retention.limit]
    for _, number in chosen:
        run = tx.find_run(number)
        if run is not None:
            remove_run(tx, run)
    return len(chosen)


def _workflow_names(tx: Transaction) -> Iterator[str]:
    """The names that instances have, hopping from one to the next."""
    last = ""  # no workflow is called so
    while True:
        (last,) = tx.execute(
            "select min(workflow_name) from instance where workflow_name > ?", (last,)
        ).fetchone()
        if last is None:
            return
        yield last
