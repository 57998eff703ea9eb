"""From what a store knows of workers to what people see of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sayiir.access.statuses import moment
from sayiir.description import WorkerInfo
from sayiir.stores.presence import presence_of

if TYPE_CHECKING:
    from sayiir.stores.protocols import Store

__all__ = ["workers_of"]


async def workers_of(store: Store) -> tuple[WorkerInfo, ...]:
    """The workers that are here, by id; none where the store doesn't offer to tell."""
    knows = presence_of(store)
    if knows is None:
        return ()
    return tuple(
        WorkerInfo(
            worker_id=each.notice.worker_id,
            workflows=each.notice.workflows,
            tags=each.notice.tags,
            concurrency=each.notice.concurrency,
            started_at=moment(each.started_at_us),
            seen_at=moment(each.seen_at_us),
        )
        for each in await knows.workers()
    )
