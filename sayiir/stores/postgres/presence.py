"""Which workers are here: a row for each, rewritten in place while it lives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sayiir.limits import MAX_WORKERS_SHOWN
from sayiir.stores.presence import WorkerNotice, WorkerRecord

if TYPE_CHECKING:
    from sayiir.stores.postgres.database import Database

__all__ = ["enter", "leave", "present"]

# Rows of workers that were killed are cleared away by those that come.
_ENTER: Final = """
with gone as (delete from @worker where until_at <= @now and worker_id <> $1)
insert into @worker as w
    (worker_id, workflows, tags, concurrency, started_at, seen_at, until_at)
values ($1, $2, $3, $4, @now, @now, @now + $5::bigint)
on conflict (worker_id) do update set
    workflows = excluded.workflows, tags = excluded.tags, concurrency = excluded.concurrency,
    started_at = case when w.until_at > @now then w.started_at else @now end,
    seen_at = excluded.seen_at, until_at = excluded.until_at
"""
_LEAVE: Final = "delete from @worker where worker_id = $1"
_PRESENT: Final = f"""
select worker_id, workflows, tags, concurrency, started_at, seen_at, until_at from @worker
where until_at > @now order by worker_id limit {MAX_WORKERS_SHOWN}
"""  # noqa: S608 - a number of our own


async def enter(db: Database, notice: WorkerNotice, lease_us: int) -> None:
    """The worker is here."""
    workflows, tags = list(notice.workflows), list(notice.tags)
    await db.execute(_ENTER, notice.worker_id, workflows, tags, notice.concurrency, lease_us)


async def leave(db: Database, worker_id: str) -> None:
    """The worker is gone."""
    await db.execute(_LEAVE, worker_id)


async def present(db: Database) -> list[WorkerRecord]:
    """Those that are here, by id."""
    return [
        WorkerRecord(
            notice=WorkerNotice(
                worker_id=row["worker_id"],
                workflows=tuple(row["workflows"]),
                tags=tuple(row["tags"]),
                concurrency=row["concurrency"],
            ),
            started_at_us=row["started_at"],
            seen_at_us=row["seen_at"],
            until_at_us=row["until_at"],
        )
        for row in await db.fetch(_PRESENT)
    ]
