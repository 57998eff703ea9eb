"""Creating an instance: one statement, where its definition and queue are known already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sayiir.stores.postgres.arrays import as_text
from sayiir.stores.postgres.creations import Created, NewRow
from sayiir.stores.postgres.needs import Needs
from sayiir.stores.postgres.texts import encode_labels, encode_text
from sayiir.stores.records import Claimed, CreateAnswer, Fence, ItemKey, Phase
from sayiir.stores.relational import instances
from sayiir.stores.relational.codes import READY
from sayiir.stores.relational.due import rank_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sayiir.stores.postgres.creations import Creations
    from sayiir.stores.postgres.database import Database, Session
    from sayiir.stores.postgres.work import Work
    from sayiir.stores.postgres.working_set import WorkingSet
    from sayiir.stores.records import ClaimRequest, InstanceRecord, NewInstance
    from sayiir.stores.relational.rows import Run

__all__ = ["create", "create_alone", "create_one"]

_CREATED: Final = CreateAnswer()

# The columns of a NewRow; $18 is the holder, or null: then the root waits to be claimed, in the
# order of its rank; $19 is how long the lease lasts.
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
    from new, unnest($16::text::bytea[], $17::text::bytea[]) as l (name, value)
), root as (
    insert into @work_item (
        run, spawn_path, idx, queue, path, input, prio, own_prio, phase, ready_at,
        rank, due, epoch, holder, lease_until
    )
    select run, '', 0, $11::integer, $12, $13, $14::smallint, $6, {READY}, created_at,
        case when $18::text is null then created_at + $15::bigint end,
        case when $18::text is not null then created_at + $19::bigint end,
        case when $18::text is null then 0 else 1 end, $18::text,
        case when $18::text is null then 0 else created_at + $19::bigint end
    from new
)
select run, created_at, deadline_at from new
"""  # noqa: S608 - a number of our own


# What the notice has to say is known once the run has its number.
_CREATE_AND_TELL: Final = _CREATE.replace(
    "select run, created_at, deadline_at from new",
    "select run, created_at, deadline_at, pg_notify($20::text, $21::text || ' ' || run) from new",
)


async def create(
    work: Work,
    creations: Creations,
    new: NewInstance,
    describe: Callable[[str], Awaitable[InstanceRecord | None]],
    *,
    replace: bool,
    claim: ClaimRequest | None,
) -> CreateAnswer:
    """Create the instance and its root item, unless the id is taken.

    ``describe``: tells how the instance stands that has the id.
    """
    row = _known_row(work, new)
    if row is None:
        found = await work.queues.look_up(new.definition_hash, new.root_tags, new.instance_id)
        existing = await describe(new.instance_id) if found and not replace else None
        if existing is not None:
            if found is None or found.run != existing.run:  # replaced between the two
                return CreateAnswer(existing=existing)
            return CreateAnswer(
                existing=existing, input_data=found.input_data, definition=found.definition
            )
        row = _known_row(work, new) or await _row(work, new)
    while True:
        if claim is None:
            created = await creations.create(row)
        else:
            created = await create_one(work.database, row, claim)
        if created is not None:
            return _answer(work, new, row, created, claim)
        if replace:
            replaced, stays = await _replaced(work, new, claim, row)
            if replaced is not None:
                return replaced
            if not stays:
                continue  # somebody else was quicker, and his run is to be replaced, too
        existing = await describe(new.instance_id)
        if existing is not None:
            return CreateAnswer(existing=existing)
        # It was deleted between the two: the id is free again.


async def _row(work: Work, new: NewInstance) -> NewRow:
    definition = await work.queues.definition(new.definition_hash, new.definition)
    await work.queues.ensure([(definition, new.root_tags)])
    row = _known_row(work, new)
    assert row is not None
    return row


def _known_row(work: Work, new: NewInstance) -> NewRow | None:
    """The row, if its definition and its queue are known."""
    definition = work.queues.known(new.definition_hash)
    queue = None if definition is None else work.queues.number(definition, new.root_tags)
    if definition is None or queue is None:
        return None
    prio, labels = new.root_priority or new.priority, dict(new.labels)
    return NewRow(
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
        queue,
        new.root_path,
        new.root_input,
        prio,
        rank_of(0, prio),
        [encode_text(name) for name in labels] if labels else (),
        [encode_text(value) for value in labels.values()] if labels else (),
    )


async def create_one(
    where: Database | Session, row: NewRow, claim: ClaimRequest | None = None
) -> Created | None:
    """Insert one, and claim its root if asked to; None: the id is taken."""
    found = await where.fetchrow(_CREATE, *_values(row, claim))
    return None if found is None else Created(*found)


async def create_alone(database: Database, row: NewRow) -> Created | None:
    """Insert one that waits for a worker, who hears of it at once where it was quiet before.

    None: the id is taken.
    """
    if not database.pool().notifier.may_go_along():
        created = await create_one(database, row)
        if created is not None:
            database.changed({created.run})
        return created
    channel = database.channel
    found = await database.fetchrow(_CREATE_AND_TELL, *_values(row, None), channel.name, channel.me)
    if found is None:
        return None
    database.watchers.wake({found[0]})
    return Created(found[0], found[1], found[2])


def _values(row: NewRow, claim: ClaimRequest | None) -> tuple[object, ...]:
    return (
        *row[:15],
        as_text(row.names, "bytea"),
        as_text(row.values, "bytea"),
        None if claim is None else claim.holder,
        0 if claim is None else claim.lease_us,
    )


def _answer(
    work: Work, new: NewInstance, row: NewRow, created: Created, claim: ClaimRequest | None
) -> CreateAnswer:
    run, created_at, deadline_at = created
    work.queues.learn(run, row.definition)
    if claim is None:
        return _CREATED
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
    return CreateAnswer(claimed=claimed)


async def _replaced(
    work: Work, new: NewInstance, claim: ClaimRequest | None, row: NewRow
) -> tuple[CreateAnswer | None, bool]:
    """Remove the run that has the id and create the new one; and whether the old one stays."""
    answers: list[tuple[CreateAnswer | None, bool]] = []

    def make_room(rows: WorkingSet) -> Run | None:
        return instances.make_room(rows, new, replace=True)

    async def insert(session: Session, stays: Run | None) -> None:
        made = None if stays is not None else await create_one(session, row, claim)
        if made is None:
            answers.append((None, stays is not None))
        else:
            answers.append((_answer(work, new, row, made, claim), False))
            session.changed.add(made.run)

    await work.run_on(new.instance_id, lambda run: Needs(whole={run}), make_room, insert)
    return answers[-1]
