"""Claiming: what is due is found here, and taken by ``relational.claims``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sayiir.stores.records import ClaimAnswer, Claimed, ClaimRequest, ItemKey
from sayiir.stores.relational.claims import claim_at, skip_waits
from sayiir.stores.relational.moves import Keeper
from sayiir.stores.sqlite import queues

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.stores.inspection import ProgressReport
    from sayiir.stores.sqlite.queues import Queue
    from sayiir.stores.sqlite.transaction import Transaction

__all__ = ["claim", "report"]


def claim(tx: Transaction, request: ClaimRequest) -> ClaimAnswer:
    """Claim what is due within the filters, in rank order."""
    searched = _queues(tx, request)
    keeper = Keeper(request.holder, tx.now + request.lease_us)
    taken: list[Claimed] = []
    while len(taken) < request.limit:
        places = queues.first_due(tx, searched, request.limit - len(taken))
        if not places:
            break
        for _, number, spawn_path, index in places:
            item = tx.find_item(number, ItemKey(spawn_path, index))
            run = tx.find_run(number)
            assert item is not None
            assert run is not None
            claimed = claim_at(tx, run, item, keeper, skip_waits=request.skip_interruption_waits)
            if claimed is not None:
                taken.append(claimed)
    next_due = queues.next_due(tx, searched)
    return ClaimAnswer(
        items=tuple(taken), next_due_in_us=None if next_due is None else max(0, next_due - tx.now)
    )


def _queues(tx: Transaction, request: ClaimRequest) -> list[Queue]:
    """What to look into, by the request's filters."""
    known = request.definitions
    if request.instance_id is not None:
        run = tx.find_instance(request.instance_id)
        if run is None:
            return []
        if request.skip_interruption_waits:
            skip_waits(tx, run)
        fits = known is None or run.definition_hash in known
        return queues.of_run(tx, run, request.tags) if fits else []
    if known is None:
        return queues.with_work(tx, request.tags)
    return queues.of_definitions(tx, known, request.tags)


_REPORT: Final = """
insert or replace into progress
select run, spawn_path, idx, epoch, path, failures, ?1, ?2, ?3, ?4, ?5 from work_item
where run = ?6 and spawn_path = ?7 and idx = ?8 and epoch = ?9 and holder is not null
    and path = ?10 and failures = ?11
"""


def report(tx: Transaction, reports: Sequence[ProgressReport]) -> None:
    """Keep what fits the item as it stands."""
    for each in reports:
        fence = each.fence
        said = (each.path, each.attempt, each.fraction, each.message, tx.now)
        place = (fence.run, fence.item.spawn_path, fence.item.index, fence.epoch)
        tx.execute(_REPORT, (*said, *place, each.at, each.failures))
