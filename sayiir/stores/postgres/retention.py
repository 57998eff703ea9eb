"""Removing what ended long ago, and all that belongs to a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sayiir.stores.relational.codes import ENDED, RUNNING, STATE_CODES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.stores.inspection import Retention
    from sayiir.stores.postgres.database import Database, Session

__all__ = ["delete_finished", "remove_ended", "remove_runs"]

# Hops from one to the next over the names that finished instances have.
_ANY_NAME: Final = f"""
recursive named (name) as (
    select min(workflow_name) from @instance where state <> {RUNNING}
    union all
    select (
        select min(workflow_name) from @instance
        where state <> {RUNNING} and workflow_name > named.name
    ) from named where named.name is not null
)
"""  # noqa: S608 - a number of our own
_THIS_NAME: Final = "named (name) as (select $6::text)"


def _candidates(names: str) -> str:
    """The longest ended, of these names, after a place in that order.

    The index has the ends of each workflow and state in order, so nothing is looked at that
    isn't removed, however much is kept. With ties, for it doesn't have runs of the same moment in
    order: asked for that, PostgreSQL before 16 reads all ends there are, and sorts them.
    """
    return f"""
with {names}
select ended.finished_at, ended.run
from named cross join unnest($3::integer[]) as asked (state)
cross join lateral (
    select finished_at, run from @instance
    where workflow_name = named.name and state = asked.state and state <> {RUNNING}
        and finished_at >= $4 and finished_at <= $1 and (finished_at, run) > ($4, $5::bigint)
    order by finished_at fetch first ($2) rows with ties
) as ended
order by ended.finished_at, ended.run limit $2
"""  # noqa: S608 - a number of our own


_CANDIDATES: Final = _candidates(_ANY_NAME)
_CANDIDATES_OF_ONE: Final = _candidates(_THIS_NAME)

# Whoever holds a root may be removing the run, or making it ready again: it is left to them.
_HOLD_ROOTS: Final = """
select run from @work_item where run = any($1::bigint[]) and spawn_path = '' and idx = 0
order by run for update skip locked
"""
# With the roots held, and so as they stay.
_STILL_ENDED: Final = f"""
select run from @instance where run = any($1::bigint[])
    and state = any($3::integer[]) and state <> {RUNNING} and finished_at <= $2
"""  # noqa: S608 - a number of our own
_HOLD_OPEN: Final = f"""
select 1 from @work_item where run = any($1::bigint[]) and phase <> {ENDED}
order by run, spawn_path, idx for update
"""  # noqa: S608 - a number of our own
# Events twice, for each kind has an index of its own.
_REMOVE: Final = """
with items as (delete from @work_item where run = any($1::bigint[])),
elements as (delete from @element where run = any($1::bigint[])),
reports as (delete from @progress where run = any($1::bigint[])),
results as (delete from @task_result where run = any($1::bigint[])),
labels as (delete from @label where run = any($1::bigint[])),
inputs as (delete from @instance_input where run = any($1::bigint[])),
kept as (delete from @event where run = any($1::bigint[]) and consumed_at_path is null),
consumed as (delete from @event where run = any($1::bigint[]) and consumed_at_path is not null)
delete from @instance where run = any($1::bigint[])
"""


async def delete_finished(db: Database, retention: Retention) -> int:
    """Remove what ended long ago, the longest ago first; how many.

    What others hold at this moment is passed over, so sweeps at the same time share the work.
    """

    async def verb(session: Session) -> int:
        until = await session.now() - retention.older_than_us
        states = [code for code in STATE_CODES.values() if code != RUNNING]
        if retention.state is not None:
            states = [STATE_CODES[retention.state]]
        removed = 0
        last = (-(2**63), 0)
        while removed < retention.limit:
            limit = retention.limit - removed
            values = (until, limit, states, *last)
            if retention.workflow_name is None:
                found = await session.fetch(_CANDIDATES, *values)
            else:
                found = await session.fetch(_CANDIDATES_OF_ONE, *values, retention.workflow_name)
            removed += await remove_ended(session, [row["run"] for row in found], until, states)
            if len(found) < limit:
                break
            last = (found[-1]["finished_at"], found[-1]["run"])
        return removed

    return await db.run(verb)


async def remove_ended(session: Session, runs: list[int], until: int, states: list[int]) -> int:
    """Remove those of the runs that nobody holds and that have still ended so; how many."""
    if not runs:
        return 0
    held = [row["run"] for row in await session.fetch(_HOLD_ROOTS, runs)]
    if not held:
        return 0
    ended = await session.fetch(_STILL_ENDED, held, until, states)
    await remove_runs(session, [row["run"] for row in ended])
    return len(ended)


async def remove_runs(session: Session, runs: Sequence[int]) -> None:
    """Remove the runs and all that belongs to them; their fences are stale from now on.

    The caller holds the roots' rows.
    """
    if not runs:
        return
    await session.execute(_HOLD_OPEN, runs)
    await session.execute(_REMOVE, runs)
    session.changed.update(runs)
