"""The ends of arms, in one statement for a whole batch.

It locks the parents in the order of all locks, then the arms, ends those whose fences hold, stores
their results and counts them at their parents; a parent whose last arm has ended is claimed for who
ended it. What asks for more (a sibling that is held, a parent that somebody has claimed for its
deadline) isn't found, and goes the long way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sayiir.stores.postgres.arrays import as_columns, as_text, rows_of
from sayiir.stores.postgres.columns import HELD
from sayiir.stores.postgres.texts import decode_text
from sayiir.stores.records import Answer, Claimed, Fence, ItemKey, Phase
from sayiir.stores.relational.codes import ENDED, JOIN, READY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.stores.postgres.database import Database, Session

__all__ = ["ArmEnd", "end_arms"]


class ArmEnd(NamedTuple):
    """An arm's end, as columns of the statement; the first three are its key."""

    run: int
    spawn_path: str
    idx: int
    epoch: int
    place: int
    """In the batch: the last one of all siblings has the parent in its answer."""
    ends_with: str
    result_path: str | None
    node_path: str | None
    ordinal: bytes | None
    attempts: int | None
    duration: int | None
    output: bytes | None


_TYPES: Final = {
    "run": "bigint", "spawn_path": "text", "idx": "integer", "epoch": "integer",
    "place": "integer", "ends_with": "text", "result_path": "text", "node_path": "text",
    "ordinal": "bytea", "attempts": "integer", "duration": "bigint", "output": "bytea",
    "siblings": "integer",
}  # fmt: skip
_FIRST: Final = len(_TYPES) + 1
_PLAIN: Final = Answer()
_LAST: Final = f"w.phase = {JOIN} and w.pending = c.ends"

# Siblings have one parent, which is looked for once and by one of them: what is joined here is
# tables by their keys, for each row, and never one list with another. `parents` has rows as they
# are once they are locked, whatever the statement saw at its beginning. A root that waits for its
# arms is due at its run's deadline, so that is read in its row. Who held the last arm is read in
# its row as the statement found it: it doesn't see its own changes, and a holder changes with the
# epoch only.
_END: Final = f"""
with e as materialized (@rows), moment as materialized (select @now as now),
parents as materialized (
    select g.n, w.due, w.control = 0 and w.held = 0 and case when w.phase = {JOIN}
            then w.holder is null and w.created = w.total and w.wait_until is null
            else w.phase = {READY} and w.total is not null end as counts
    from (
        select g.n, g.run, a.parent_spawn_path, a.parent_idx
        from unnest(
            ${_FIRST}::text::bigint[], ${_FIRST + 1}::text::text[], ${_FIRST + 2}::text::integer[]
        ) with ordinality as g (run, spawn_path, idx, n)
        cross join lateral (
            select a.parent_spawn_path, a.parent_idx from @work_item a
            where a.run = g.run and a.spawn_path = g.spawn_path and a.idx = g.idx limit 1
        ) a
        order by a.parent_spawn_path <> '', g.run, a.parent_spawn_path, a.parent_idx
    ) g
    cross join lateral (
        select * from @work_item w where w.run = g.run and w.spawn_path = g.parent_spawn_path
            and w.idx = g.parent_idx limit 1 for update
    ) w
), ended as (
    update @work_item w set phase = {ENDED}, holder = null, wait_until = null, rank = null,
        due = null, failures = 0, interruptions = 0, interruptions_ever = 0, failed = 0,
        output = e.ends_with, error = null, error_at = (select now from moment)
    from e
    where w.run = e.run and w.spawn_path = e.spawn_path and w.idx = e.idx and w.epoch = e.epoch
        and {HELD.format("w")} and w.control = 0
        and e.siblings = any (array (select n from parents where counts))
    returning e.*, w.parent_spawn_path, w.parent_idx, w.lease_until
), written as (
    insert into @task_result
        (run, path, node_path, ordinal, attempts, duration, output, finished_at)
    select run, result_path, node_path, ordinal, attempts, duration, output,
        (select now from moment)
    from ended where result_path is not null order by place
), counted as (
    select run, spawn_path, parent_spawn_path, parent_idx, siblings, count(*)::integer as ends,
        max(place) as place, (array_agg(idx order by place desc))[1] as idx,
        (array_agg(lease_until order by place desc))[1] as lease_until
    from ended group by run, spawn_path, parent_spawn_path, parent_idx, siblings
), joined as (
    update @work_item w set pending = w.pending - c.ends,
        ready_at = case when {_LAST} then (select now from moment) else w.ready_at end,
        epoch = case when {_LAST} then w.epoch + 1 else w.epoch end,
        holder = case when {_LAST} then c.holder else w.holder end,
        lease_until = case when {_LAST} then c.lease_until else w.lease_until end,
        due = case when {_LAST} then c.lease_until else w.due end
    from (
        select c.*, a.holder from counted c cross join lateral (
            select a.holder from @work_item a
            where a.run = c.run and a.spawn_path = c.spawn_path and a.idx = c.idx limit 1
        ) a
    ) c
    where w.run = c.run and w.spawn_path = c.parent_spawn_path and w.idx = c.parent_idx
    returning w.*, c.place, c.siblings
)
select place, null::bigint, null::text, null::integer, null::integer, null::text, null::text,
    null::text, null::text, null::text, null::bigint, null::integer, null::integer, null::integer,
    null::integer, null::integer, null::bigint, null::bytea
from ended
union all
select j.place, j.run, j.spawn_path, j.idx, j.epoch, i.run_id, i.instance_id, d.hash, j.path,
    j.input, j.lease_until, j.failures, j.interruptions, j.interruptions_ever, j.created, j.total,
    case when j.parent_idx is null then (select p.due from parents p where p.n = j.siblings)
        else i.deadline_at end - (select now from moment),
    i.traceparent
from joined j
cross join lateral (select * from @instance i where i.run = j.run limit 1) i
cross join lateral (select * from @definition d where d.id = i.definition limit 1) d
where j.phase = {JOIN} and j.pending = 0
"""  # noqa: S608 - numbers and names of our own
_TEXTS: Final = {
    large: _END.replace("@rows", rows_of(_TYPES, "place", nullable=("result_path",), large=large))
    for large in (False, True)
}


async def end_arms(where: Database | Session, ends: Sequence[ArmEnd]) -> dict[int, Answer]:
    """End them: the answers of those that were found, by their places in the batch.

    Args:
        where: the statement's own transaction, or one that there is.
        ends: in the order of locks.

    Raises:
        StoreError: a path has a result already; nothing is written.
    """
    firsts: dict[tuple[int, str], tuple[int, int]] = {}
    columns, large = as_columns(
        [
            (*end, firsts.setdefault((end.run, end.spawn_path), (len(firsts) + 1, end.idx))[0])
            for end in ends
        ],
        _TYPES,
    )
    siblings = (
        as_text([run for run, _ in firsts], "bigint"),
        as_text([spawn_path for _, spawn_path in firsts], "text"),
        as_text([idx for _, idx in firsts.values()], "integer"),
    )
    rows = await where.fetch(_TEXTS[large], *columns, *siblings)
    answers = {row[0]: _PLAIN for row in rows}
    for row in rows:
        if row[1] is not None:
            answers[row[0]] = Answer(claimed=(_parent(tuple(row)[1:]),))
    return answers


def _parent(row: Sequence[Any]) -> Claimed:
    (
        run, spawn_path, idx, epoch, run_id, instance_id, definition_hash, path, text, lease_until,
        failures, interruptions, ever, created, total, deadline_in, traceparent,
    ) = row  # fmt: skip
    return Claimed(
        fence=Fence(run, ItemKey(spawn_path, idx), epoch),
        run_id=run_id,
        instance_id=instance_id,
        definition_hash=definition_hash,
        phase=Phase.JOIN,
        path=path,
        input=text,
        lease_until_at_us=lease_until,
        failures=failures,
        interruptions=interruptions,
        interruptions_ever=ever,
        spawned=created,
        spawn_total=total,
        deadline_in_us=deadline_in,
        traceparent=None if traceparent is None else decode_text(bytes(traceparent)),
    )
