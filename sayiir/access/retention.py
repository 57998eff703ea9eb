"""Which of the ended instances to remove, and removing them batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sayiir.access.arguments import check_whole
from sayiir.access.statuses import status_from_name
from sayiir.limits import DELETE_BATCH_INSTANCES
from sayiir.stores.inspection import Retention
from sayiir.stores.records import InstanceState, StatusName

if TYPE_CHECKING:
    from sayiir.stores.protocols import Store

__all__ = ["delete_finished"]

_ENDS = {
    StatusName.COMPLETED: InstanceState.COMPLETED,
    StatusName.FAILED: InstanceState.FAILED,
    StatusName.CANCELLED: InstanceState.CANCELLED,
}


async def delete_finished(
    store: Store,
    older_than_seconds: float,
    limit: int | None,
    workflow_name: str | None,
    status: str | None,
) -> int:
    """Remove in batches, so that no transaction is long and others get their turn between.

    Raises:
        TypeError: the limit is no whole number, or the status no text.
        ValueError: a limit below 0, or a status that is no end.
    """
    if limit is not None and check_whole(limit, "limit") < 0:
        raise ValueError(f"limit is 0 or more, not {limit!r}")
    state = None if status is None else _ENDS.get(status_from_name(status))
    if status is not None and state is None:
        raise ValueError(f"{status!r} is no end; only Completed, Failed or Cancelled are deleted")
    deleted = 0
    while limit is None or deleted < limit:
        left = DELETE_BATCH_INSTANCES if limit is None else limit - deleted
        batch = min(DELETE_BATCH_INSTANCES, left)
        retention = Retention(
            older_than_us=round(older_than_seconds * 1e6),
            limit=batch,
            workflow_name=workflow_name,
            state=state,
        )
        count = await store.delete_finished(retention)
        deleted += count
        if count < batch:
            break
    return deleted
