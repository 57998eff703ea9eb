"""Creating an instance: one statement, where its definition and queue are known already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sayiir.stores.postgres.needs import Needs
from sayiir.stores.postgres.texts import encode_labels, encode_text
from sayiir.stores.records import Claimed, CreateAnswer, Fence, ItemKey, Phase
from sayiir.stores.relational import instances
from sayiir.stores.relational.codes import READY
from sayiir.stores.relational.due import rank_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sayiir.stores.postgres.database import Database, Session
    from sayiir.stores.postgres.work import Work
    from sayiir.stores.postgres.working_set import WorkingSet
    from sayiir.stores.records import ClaimRequest, InstanceRecord, NewInstance
    from sayiir.stores.relational.rows import Run

__all__ = ["create"]

# $15 is the holder, or null: then the root waits to be claimed, in the order of its rank.
_CREATE: Final = f"""
with new as (
    insert into @instance (
        instance_id, run_id, definition, workflow_name, workflow_version, priority, timeout,
        deadline_at, created_at, labels, traceparent
    ) values (
        $1, $2, $3, $4, $5, $6, $7::bigint, @now + $7::bigint, @now, $8, $9
    ) on conflict (instance_id) do nothing
    returning run, created_at, deadline_at
), input as (
    insert into @instance_input (run, body) select run, $10::bytea from new
), labels as (
    insert into @label (name, value, run)
    select l.name, l.value, new.run
    from new, unnest($11::bytea[], $12::bytea[]) as l (name, value)
), root as (
    insert into @work_item (
        run, spawn_path, idx, queue, path, input, prio, own_prio, phase, ready_at,
        rank, due, epoch, holder, lease_until
    )
    select run, '', 0, $13::integer, $14, $15, $16::smallint, $6, {READY}, created_at,
        case when $17::text is null then created_at + $18::bigint end,
        case when $17::text is not null then created_at + $19::bigint end,
        case when $17::text is null then 0 else 1 end, $17::text,
        case when $17::text is null then 0 else created_at + $19::bigint end
    from new
)
select run, created_at, deadline_at from new
"""  # noqa: S608 - a number of our own


async def create(
    work: Work,
    new: NewInstance,
    describe: Callable[[str], Awaitable[InstanceRecord | None]],
    *,
    replace: bool,
    claim: ClaimRequest | None,
) -> CreateAnswer:
    """Create the instance and its root item, unless the id is taken.

    ``describe``: tells how the instance stands that has the id.
    """
    values = await _values(work, new, claim)
    while True:
        answer = await _created(work, work.database, new, claim, values)
        if answer is not None:
            work.database.changed({answer[1]})
            return answer[0]
        if replace:
            replaced, stays = await _replaced(work, new, claim, values)
            if replaced is not None:
                return replaced
            if not stays:
                continue  # somebody else was quicker, and his run is to be replaced, too
        existing = await describe(new.instance_id)
        if existing is not None:
            return CreateAnswer(existing=existing)
        # It was deleted between the two: the id is free again.


async def _values(work: Work, new: NewInstance, claim: ClaimRequest | None) -> list[object]:
    definition = await work.queues.definition(new.definition_hash, new.definition)
    await work.queues.ensure([(definition, new.root_tags)])
    labels = dict(new.labels)
    prio = new.root_priority or new.priority
    return [
        new.instance_id,
        new.run_id,
        definition,
        new.workflow_name,
        new.workflow_version,
        new.priority,
        new.timeout_us,
        encode_labels(new.labels),
        encode_text(new.traceparent),
        new.input,
        [encode_text(name) for name in labels],
        [encode_text(value) for value in labels.values()],
        work.queues.number(definition, new.root_tags),
        new.root_path,
        new.root_input,
        prio,
        None if claim is None else claim.holder,
        rank_of(0, prio),
        0 if claim is None else claim.lease_us,
    ]


async def _created(
    work: Work,
    where: Database | Session,
    new: NewInstance,
    claim: ClaimRequest | None,
    values: list[object],
) -> tuple[CreateAnswer, int] | None:
    """The answer and the run, or None where the id is taken."""
    row = await where.fetchrow(_CREATE, *values)
    if row is None:
        return None
    run, created_at, deadline_at = row
    definition = values[2]
    assert isinstance(definition, int)
    work.queues.learn(run, definition)
    if claim is None:
        return CreateAnswer(), run
    claimed = Claimed(
        fence=Fence(run, ItemKey(), 1),
        run_id=new.run_id,
        instance_id=new.instance_id,
        definition_hash=new.definition_hash,
        phase=Phase.READY,
        path=new.root_path,
        input=new.root_input,
        lease_until_at_us=created_at + claim.lease_us,
        deadline_in_us=None if deadline_at is None else deadline_at - created_at,
        traceparent=new.traceparent,
    )
    return CreateAnswer(claimed=claimed), run


async def _replaced(
    work: Work, new: NewInstance, claim: ClaimRequest | None, values: list[object]
) -> tuple[CreateAnswer | None, bool]:
    """Remove the run that has the id and create the new one; and whether the old one stays."""
    answers: list[tuple[CreateAnswer | None, bool]] = []

    def make_room(rows: WorkingSet) -> Run | None:
        return instances.make_room(rows, new, replace=True)

    async def insert(session: Session, stays: Run | None) -> None:
        made = None if stays is not None else await _created(work, session, new, claim, values)
        answers.append((None if made is None else made[0], stays is not None))
        if made is not None:
            session.changed.add(made[1])

    await work.run_on(new.instance_id, lambda run: Needs(whole={run}), make_room, insert)
    return answers[-1]
