"""Claiming: what is due is found here, and taken by ``relational.claims``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from sayiir.printable import printable
from sayiir.stores.records import ClaimAnswer, Claimed, ClaimRequest, ItemKey
from sayiir.stores.relational.claims import claim_at, skip_waits
from sayiir.stores.relational.damage import DamagedRow
from sayiir.stores.relational.moves import Keeper
from sayiir.stores.sqlite import queues

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.stores.inspection import ProgressReport
    from sayiir.stores.sqlite.queues import Place, Queue
    from sayiir.stores.sqlite.transaction import Transaction

__all__ = ["claim", "report"]

LOGGER: Final = logging.getLogger("sayiir.stores.sqlite")
_FILED_BY: Final = ("rank", "due", "prio")
_FILED_WRONG: Final = """
select run, spawn_path, idx, rank, due, prio from work_item
where (rank is not null or due is not null) and (
    typeof(rank) not in ('integer', 'null') or typeof(due) not in ('integer', 'null')
    or typeof(prio) <> 'integer')
"""


def claim(tx: Transaction, request: ClaimRequest) -> ClaimAnswer:
    """Claim what is due within the filters, in rank order."""
    searched = _queues(tx, request)
    keeper = Keeper(request.holder, tx.now + request.lease_us)
    taken: list[Claimed] = []
    while len(taken) < request.limit:
        places = _first_due(tx, searched, request.limit - len(taken))
        if not places:
            break
        for _, number, spawn_path, index in places:
            key = ItemKey(spawn_path, index)
            try:
                claimed = _claim_at(tx, number, key, keeper, request)
            except DamagedRow as damage:
                _set_aside(tx, number, key, damage)
                continue
            if claimed is not None:
                taken.append(claimed)
    next_due = _next_due(tx, searched)
    return ClaimAnswer(
        items=tuple(taken), next_due_in_us=None if next_due is None else max(0, next_due - tx.now)
    )


def _claim_at(
    tx: Transaction, number: int, key: ItemKey, keeper: Keeper, request: ClaimRequest
) -> Claimed | None:
    item = tx.find_item(number, key)
    run = tx.find_run(number)
    assert item is not None
    if run is None:
        raise DamagedRow(tx.name_of(number), "instance.definition", None)
    return claim_at(tx, run, item, keeper, skip_waits=request.skip_interruption_waits)


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


# -- rows that make no sense


def _set_aside(tx: Transaction, number: int, key: ItemKey, damage: DamagedRow) -> None:
    """Claims go on without the item, whose instance stands still until somebody mends it."""
    tx.set_aside(number, key)
    LOGGER.error(
        "an item is left out of all claims: %s. Once it is mended, pause and unpause the instance",
        printable(str(damage)),
    )


def _first_due(tx: Transaction, searched: list[Queue], limit: int) -> list[Place]:
    try:
        return queues.first_due(tx, searched, limit)
    except TypeError:  # texts and numbers can't be brought into order
        _set_aside_no_numbers(tx)
        return queues.first_due(tx, searched, limit)


def _next_due(tx: Transaction, searched: list[Queue]) -> int | None:
    try:
        return queues.next_due(tx, searched)
    except TypeError:
        _set_aside_no_numbers(tx)
        return queues.next_due(tx, searched)


def _set_aside_no_numbers(tx: Transaction) -> None:
    """Set aside what is filed under no number. Reads all items, once for each such damage."""
    for number, spawn_path, index, *filed in tx.execute(_FILED_WRONG).fetchall():
        column, value = next(
            (column, value)
            for column, value in zip(_FILED_BY, filed, strict=True)
            if not isinstance(value, int | None)
        )
        damage = DamagedRow(tx.name_of(number), f"work_item.{column}", value)
        _set_aside(tx, number, ItemKey(spawn_path, index), damage)


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
