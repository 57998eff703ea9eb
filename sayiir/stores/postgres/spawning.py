"""A fork's or map's arms, in one statement: the parent parks, the arms are there, some claimed.

The statement locks the run's root and the parent, in the order of all locks. It is for arms that
are all created at once and may all run; a spawn in several batches, one whose arms have to wait for
each other, and one that is executed again go the long way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sayiir.errors import StoreError
from sayiir.limits import RANK_SECONDS_PER_PRIORITY
from sayiir.stores.postgres.arrays import as_columns, rows_of
from sayiir.stores.postgres.columns import HELD
from sayiir.stores.postgres.texts import decode_text
from sayiir.stores.records import Answer, Claimed, Fence, ItemKey, Phase, Spawn
from sayiir.stores.relational.codes import JOIN, READY
from sayiir.stores.relational.due import SECOND_US

if TYPE_CHECKING:
    from sayiir.stores.postgres.database import Database, Session
    from sayiir.stores.postgres.queues import Queues
    from sayiir.stores.records import Checkpoint

__all__ = ["can_spawn", "spawn"]

_ARMS: Final = {
    "n": "integer", "path": "text", "input": "text", "prio": "smallint", "queue": "integer",
}  # fmt: skip
_PRIORITY_US: Final = RANK_SECONDS_PER_PRIORITY * SECOND_US
_KEPT: Final = "a.n <= $11::integer"
# The share of the instance's row makes sure that its deadline is the newest: who has waited for
# the root's lock would else read what it was before.
_SPAWN: Final = f"""
with root as materialized (
    select run from @work_item where run = $1::bigint and spawn_path = '' and idx = 0 for update
), p as materialized (
    select w.run, w.spawn_path, w.idx, w.parent_idx, w.holder, w.lease_until, w.own_prio,
        i.run_id, i.instance_id, i.deadline_at, i.traceparent, i.definition
    from root join @work_item w on w.run = root.run join @instance i on i.run = w.run
    where w.spawn_path = $2::text and w.idx = $3::integer and w.epoch = $4::integer
        and {HELD.format("w")} and w.control = 0 and (w.total is null or w.path <> $5::text)
    for update of w for key share of i
), m as materialized (select @now as now), moved as (
    update @work_item w set phase = {JOIN}, path = $5::text, input = $6::text, queue = $8::integer,
        prio = coalesce($7::smallint, w.own_prio), ready_at = m.now, rank = null,
        due = case when w.parent_idx is null then p.deadline_at end, wake_at = null,
        wait_until = null, holder = null, failures = 0, interruptions = 0, interruptions_ever = 0,
        failed = 0, error = null, signal_name = null, event_id = null, created = $9::integer,
        total = $9::integer, max_open = $10::integer, pending = $9::integer, held = 0
    from p cross join m where w.run = p.run and w.spawn_path = p.spawn_path and w.idx = p.idx
), arms as (
    insert into @work_item (
        run, spawn_path, idx, parent_spawn_path, parent_idx, queue, path, input, prio, own_prio,
        phase, ready_at, rank, due, epoch, holder, lease_until
    )
    select p.run, $5::text, a.n - 1, p.spawn_path, p.idx, a.queue, a.path, a.input,
        coalesce(a.prio, p.own_prio), p.own_prio, {READY}, m.now,
        case when not {_KEPT}
            then m.now + (coalesce(a.prio, p.own_prio) - 1) * {_PRIORITY_US}::bigint end,
        case when {_KEPT} then p.lease_until end, case when {_KEPT} then 1 else 0 end,
        case when {_KEPT} then p.holder end, case when {_KEPT} then p.lease_until else 0 end
    from p cross join m cross join ({rows_of(_ARMS, "n", nullable=("prio",), first=12)}) a
)"""  # noqa: S608 - numbers and names of our own, as below
_RESULT: Final = """, written as (
    insert into @task_result
        (run, path, node_path, ordinal, attempts, duration, output, finished_at)
    select p.run, $17::text, $18::text, $19::bytea, $20::integer, $21::bigint, $22::bytea, m.now
    from p cross join m
)"""
_ELEMENTS: Final = """, elements as (
    insert into @element (run, spawn_path, idx, body)
    select p.run, $5::text, e.n - 1, e.body
    from p cross join unnest(${}::bytea[]) with ordinality as e (body, n)
    where e.body is not null
    on conflict (run, spawn_path, idx) do update set body = excluded.body
)"""
_ANSWER: Final = """
select p.lease_until, p.run_id, p.instance_id, d.hash, p.deadline_at - m.now, p.traceparent
from p cross join m join @definition d on d.id = p.definition
"""
_TEXTS: Final = {
    (False, False): _SPAWN + _ANSWER,
    (True, False): _SPAWN + _RESULT + _ANSWER,
    (False, True): _SPAWN + _ELEMENTS.format(17) + _ANSWER,
    (True, True): _SPAWN + _RESULT + _ELEMENTS.format(23) + _ANSWER,
}


def can_spawn(checkpoint: Checkpoint, queues: Queues) -> bool:
    """Whether the statement is for this checkpoint."""
    effect, run = checkpoint.effect, checkpoint.fence.run
    if not isinstance(effect, Spawn) or checkpoint.prune:
        return False
    if not 0 < len(effect.items) == effect.total:
        return False
    if effect.limit is not None and effect.limit < effect.total:
        return False
    tags = {effect.tags, *(item.tags for item in effect.items)}
    return all(queues.of_run(run, each) is not None for each in tags) and all(
        item.index == index for index, item in enumerate(effect.items)
    )


async def spawn(where: Database | Session, checkpoint: Checkpoint, queues: Queues) -> Answer | None:
    """Write it; None where it has to go the long way, and nothing is written.

    Args:
        where: the statement's own transaction, or one that there is. That one can't go on after
            a None.
        checkpoint: one of those that ``can_spawn`` is true for.
        queues: what is known of them.

    Raises:
        StoreError: the result's path has one already; nothing is written.
    """
    effect, fence, result = checkpoint.effect, checkpoint.fence, checkpoint.result
    assert isinstance(effect, Spawn)
    run, items = fence.run, effect.items
    numbers = {tags: queues.of_run(run, tags) for tags in {item.tags for item in items}}
    values: list[object] = [
        run, fence.item.spawn_path, fence.item.index, fence.epoch, effect.path, effect.input,
        effect.priority, queues.of_run(run, effect.tags), effect.total, effect.limit, effect.keep,
        *as_columns(
            [
                (number, item.path, item.input, item.priority, numbers[item.tags])
                for number, item in enumerate(items, 1)
            ],
            _ARMS,
        )[0],
    ]  # fmt: skip
    if result is not None:
        values += (
            result.path, result.node_path, result.ordinal, result.attempts, result.duration_us,
            result.output,
        )  # fmt: skip
    elements = [item.element for item in items]
    with_elements = any(each is not None for each in elements)
    if with_elements:
        values.append(elements)
    try:
        row = await where.fetchrow(_TEXTS[result is not None, with_elements], *values)
    except StoreError as error:
        if getattr(error.__cause__, "constraint_name", None) == "work_item_pkey":
            return None  # the node is executed again, and its arms are there
        raise
    return None if row is None else Answer(claimed=tuple(_arms(fence, effect, tuple(row))))


def _arms(fence: Fence, effect: Spawn, row: tuple[Any, ...]) -> list[Claimed]:
    lease_until, run_id, instance_id, definition_hash, deadline_in, traceparent = row
    told = None if traceparent is None else decode_text(bytes(traceparent))
    return [
        Claimed(
            fence=Fence(fence.run, ItemKey(effect.path, item.index), 1),
            run_id=run_id,
            instance_id=instance_id,
            definition_hash=definition_hash,
            phase=Phase.READY,
            path=item.path,
            input=item.input,
            lease_until_at_us=lease_until,
            deadline_in_us=deadline_in,
            traceparent=told,
        )
        for item in effect.items[: effect.keep]
    ]
