"""Claiming: one statement for what is ready, a working set for what a time has made due.

Which rows a claim takes is told by quotas: the first places of all queues, merged in the order
of rank, say how many to take of each, and each queue gives its first that nobody has locked. So
claimers that come together lock no more than they take, wait for nobody, and find what is left.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from sayiir.limits import RANK_SECONDS_PER_PRIORITY
from sayiir.stores.postgres.columns import ITEM_SELECT, MAX_BROUGHT_BYTES, item_of
from sayiir.stores.postgres.flush import flush
from sayiir.stores.postgres.locking import load_payloads, load_runs
from sayiir.stores.postgres.needs import Needs
from sayiir.stores.postgres.texts import decode_text
from sayiir.stores.postgres.working_set import WorkingSet
from sayiir.stores.records import ClaimAnswer, Claimed, Control, Event, Fence, ItemKey
from sayiir.stores.relational.claims import claim_at, skip_waits
from sayiir.stores.relational.codes import CONTROL_CODES, ENDED, PHASES, RUNNING
from sayiir.stores.relational.due import SECOND_US
from sayiir.stores.relational.moves import Keeper, cancel_unclaimed

if TYPE_CHECKING:
    from sayiir.stores.postgres.database import Session
    from sayiir.stores.postgres.driver import Record
    from sayiir.stores.postgres.work import Work
    from sayiir.stores.records import ClaimRequest
    from sayiir.stores.relational.rows import Item

__all__ = ["claim"]

_CANCEL: Final = CONTROL_CODES[Control.CANCEL]
_PRIORITIES: Final = "generate_series(1, 5) as p (prio)"
_BY_RANK: Final = "order by w.rank, w.run, w.spawn_path, w.idx"
_IN_TURN: Final = "rank, run, spawn_path, idx"
"""What became ready at one moment has an order too, in whichever queues it is."""
_BY_DUE: Final = "order by w.due, w.run, w.spawn_path, w.idx"
_PRIORITY_US: Final = RANK_SECONDS_PER_PRIORITY * SECOND_US

# $1 definitions, $2 tags, $3 the limit, $4 the instance: null for any.
_MOMENT: Final = "moment as materialized (select @now as now, $4::text as instance_id)"
_QUEUES: Final = """queues as materialized (
    select q.id from @queue q join @definition d on d.id = q.definition
    where ($1::text[] is null or d.hash = any ($1::text[]))
        and ($2::text[] is null or q.tags <@ $2::text[])
)"""
_DUE_AT: Final = f"""due_at as materialized (
    select min(t.due) as due from queues q cross join {_PRIORITIES} cross join lateral (
        select w.due from @work_item w
        where w.queue = q.id and w.prio = p.prio and w.due is not null
        order by w.due limit 1
    ) t
)"""  # noqa: S608 - our own numbers and names, as below
_SEEN: Final = f"""seen as materialized (
    select t.* from queues q cross join lateral (
        select w.queue, w.rank, w.run, w.spawn_path, w.idx from @work_item w
        where w.queue = q.id and w.rank is not null {_BY_RANK} limit $3::integer + 1
    ) t order by {_IN_TURN} limit $3::integer + 1
)"""  # noqa: S608
# Where a time has come, what is ready isn't taken here: what is due may come before it.
_NOTHING_DUE: Final = "not exists (select from due_at where due <= (select now from moment))"
_PICKED: Final = f"""quota as (
    select queue, count(*) as places
    from (select queue from seen order by {_IN_TURN} limit $3::integer) s
    where {_NOTHING_DUE} group by queue
), picked as materialized (
    select t.run, t.spawn_path, t.idx, t.rank from quota q cross join lateral (
        select w.run, w.spawn_path, w.idx, w.rank from @work_item w
        where w.queue = q.queue and w.rank is not null {_BY_RANK}
        limit q.places for update skip locked
    ) t
)"""  # noqa: S608

# The same within one instance: its open items are all there is to look at.
_OF_INSTANCE: Final = f"""
    w.run = (select run from @instance where instance_id = (select instance_id from moment))
    and w.phase <> {ENDED} and w.queue in (select id from queues)
"""  # noqa: S608
_DUE_AT_OF: Final = f"""due_at as materialized (
    select min(w.due) as due from @work_item w where {_OF_INSTANCE} and w.due is not null
)"""  # noqa: S608
_SEEN_OF: Final = f"""seen as materialized (
    select w.queue, w.rank from @work_item w where {_OF_INSTANCE} and w.rank is not null
    {_BY_RANK} limit $3::integer + 1
)"""  # noqa: S608
# Nothing is taken either where items wait because they were interrupted: a person may have asked
# that they don't, and they may come before others.
_WAITS_OF: Final = f"""waits as materialized (
    select exists (
        select from @work_item w
        where w.run = (
                select run from @instance
                where instance_id = (select instance_id from moment)
            )
            and w.phase <> {ENDED} and w.wait_until is not null
    ) and $7::boolean as waits
)"""  # noqa: S608
_PICKED_OF: Final = f"""picked as materialized (
    select w.run, w.spawn_path, w.idx, w.rank from @work_item w
    where {_OF_INSTANCE} and w.rank is not null and {_NOTHING_DUE}
        and not (select waits from waits)
    {_BY_RANK} limit $3::integer for update skip locked
)"""  # noqa: S608

_FACTS: Final = (
    "(select (select now from moment) as now, (select due from due_at) as due, "
    "(select count(*) from seen) as seen) as facts"
)
# The input of an instance that nobody has worked on is what its holder reads next.
_INPUT: Final = f"""
    t.epoch = 1 and t.spawn_path = '' and n.run = t.run
    and octet_length(n.body) <= {MAX_BROUGHT_BYTES}
"""
_TAKEN: Final = f"""taken as (
    update @work_item w set epoch = w.epoch + 1, holder = $5::text,
        lease_until = moment.now + $6::bigint, due = moment.now + $6::bigint,
        rank = null, wait_until = null
    from picked p cross join moment
    where w.run = p.run and w.spawn_path = p.spawn_path and w.idx = p.idx
    returning w.run, w.spawn_path, w.idx, w.epoch, w.phase, w.path, w.input, w.lease_until,
        w.failures, w.interruptions, w.interruptions_ever, w.created, w.total, w.event_id, p.rank
)
select facts.now, facts.due, facts.seen, t.run, t.spawn_path, t.idx, t.epoch, i.run_id,
    i.instance_id, d.hash, t.phase, t.path, t.input, t.lease_until, t.failures, t.interruptions,
    t.interruptions_ever, t.created, t.total, t.event_id, e.payload,
    i.deadline_at - facts.now, i.traceparent, i.definition, n.body
from {_FACTS}
left join (
    taken t join @instance i on i.run = t.run join @definition d on d.id = i.definition
    left join @event e on e.id = t.event_id left join @instance_input n on {_INPUT}
) on true
order by t.rank, t.run, t.spawn_path, t.idx
"""  # noqa: S608
_TAKEN_OF: Final = _TAKEN.replace("n.body\nfrom", "n.body, (select waits from waits)\nfrom")
_READY: Final = f"with {_MOMENT}, {_QUEUES}, {_DUE_AT}, {_SEEN}, {_PICKED}, {_TAKEN}"
_READY_OF: Final = (
    f"with {_MOMENT}, {_QUEUES}, {_DUE_AT_OF}, {_SEEN_OF}, {_WAITS_OF}, {_PICKED_OF}, {_TAKEN_OF}"
)
_NEXT: Final = f"with {_MOMENT}, {_QUEUES}, {_DUE_AT}, {_SEEN} select * from {_FACTS}"  # noqa: S608
_NEXT_OF: Final = f"with {_MOMENT}, {_QUEUES}, {_DUE_AT_OF}, {_SEEN_OF} select * from {_FACTS}"  # noqa: S608

# What is ready has prio 0 here, and its rank; what is due the rank that its time gives.
_PICK_DUE: Final = f"""
with {_MOMENT}, {_QUEUES}, places as (
    select t.queue, 0 as prio, t.rank, t.run, t.spawn_path, t.idx
    from queues q cross join lateral (
        select w.queue, w.rank, w.run, w.spawn_path, w.idx from @work_item w
        where w.queue = q.id and w.rank is not null {_BY_RANK} limit $3::integer
    ) t
    union all
    select t.queue, p.prio, t.due + (p.prio - 1) * {_PRIORITY_US}::bigint,
        t.run, t.spawn_path, t.idx
    from queues q cross join {_PRIORITIES} cross join lateral (
        select w.queue, w.due, w.run, w.spawn_path, w.idx from @work_item w
        where w.queue = q.id and w.prio = p.prio and w.due <= (select now from moment)
        {_BY_DUE} limit $3::integer
    ) t
), quota as (
    select queue, prio, count(*) as places
    from (select queue, prio from places order by {_IN_TURN} limit $3::integer) s
    group by queue, prio
)
select t.* from (
    select t.* from quota q cross join lateral (
        select w.rank as place, {ITEM_SELECT} from @work_item w
        where q.prio = 0 and w.queue = q.queue and w.rank is not null {_BY_RANK}
        limit q.places for update skip locked
    ) t
    union all
    select t.* from quota q cross join lateral (
        select w.due + (q.prio - 1) * {_PRIORITY_US}::bigint as place, {ITEM_SELECT}
        from @work_item w
        where q.prio > 0 and w.queue = q.queue and w.prio = q.prio
            and w.due <= (select now from moment) {_BY_DUE}
        limit q.places for update skip locked
    ) t
) t order by t.place, t.run, t.spawn_path, t.idx
"""  # noqa: S608
_PICK_DUE_OF: Final = f"""
with {_MOMENT}, {_QUEUES}
select coalesce(w.rank, w.due + (w.prio - 1) * {_PRIORITY_US}::bigint) as place, {ITEM_SELECT}
from @work_item w
where {_OF_INSTANCE} and (w.rank is not null or w.due <= (select now from moment))
order by 1, w.run, w.spawn_path, w.idx limit $3::integer for update skip locked
"""  # noqa: S608


async def claim(work: Work, request: ClaimRequest) -> ClaimAnswer:
    """Claim what is due within the filters, in rank order."""
    if request.instance_id is not None and not work.has_continued:
        # What a process claims first of one instance is most likely what another one has left,
        # whose lease has ended: the statement for what is ready would be planned in vain.
        work.has_continued = True
        answer = await _claim_due(work, request)
        if answer.items:
            return answer
    values = (*_filters(request, request.limit), request.holder, request.lease_us)
    if request.instance_id is None:
        rows = await work.database.fetch(_READY, *values)
    else:
        skip = request.skip_interruption_waits
        rows = await work.database.fetch(_READY_OF, *values, skip)
        if rows[0][-1]:
            await _skip_waits(work, request.instance_id)
            rows = await work.database.fetch(_READY_OF, *values, False)
    now, due, seen = rows[0][0], rows[0][1], rows[0][2]
    if due is not None and due <= now:
        return await _claim_due(work, request)
    claimed = [_claimed(work, row) for row in rows if row[3] is not None]
    times = [each.lease_until_at_us for each in claimed] + ([] if due is None else [due])
    if seen > len(claimed):
        times.append(now)
    return ClaimAnswer(
        items=tuple(claimed), next_due_in_us=max(0, min(times) - now) if times else None
    )


def _filters(request: ClaimRequest, limit: int) -> tuple[object, ...]:
    return (
        None if request.definitions is None else sorted(request.definitions),
        None if request.tags is None else sorted(request.tags),
        limit,
        request.instance_id,
    )


def _claimed(work: Work, row: Record) -> Claimed:
    (
        run, spawn_path, idx, epoch, run_id, instance_id, definition_hash, phase, path, text,
        lease_until, failures, interruptions, ever, created, total, event_id, payload,
        deadline_in, traceparent, definition, body,
    ) = tuple(row)[3:25]  # fmt: skip
    work.queues.learn(run, definition)
    return Claimed(
        fence=Fence(run, ItemKey(spawn_path, idx), epoch),
        run_id=run_id,
        instance_id=instance_id,
        definition_hash=definition_hash,
        phase=PHASES[int(phase)],
        path=path,
        input=text,
        lease_until_at_us=lease_until,
        failures=failures,
        interruptions=interruptions,
        interruptions_ever=ever,
        spawned=created,
        spawn_total=total,
        event=None if event_id is None else Event(event_id, payload),
        deadline_in_us=deadline_in,
        traceparent=None if traceparent is None else decode_text(bytes(traceparent)),
        input_data=body,
    )


async def _skip_waits(work: Work, instance_id: str) -> None:
    """A person asked: no item of the instance waits because it was interrupted."""

    def verb(rows: WorkingSet) -> None:
        run = rows.find_instance(instance_id)
        if run is not None:
            skip_waits(rows, run)

    await work.run_on(instance_id, lambda run: Needs(whole={run}), verb)


# -- what a time has made due


async def _claim_due(work: Work, request: ClaimRequest) -> ClaimAnswer:
    taken: list[Claimed] = []
    while len(taken) < request.limit:
        wanted = request.limit - len(taken)
        claimed, found = await _round(work, request, wanted)
        taken += claimed
        if found < wanted:
            break  # that was all; more is there only where some of it has to wait first
    if taken and request.instance_id is not None:
        # Whoever asks for one instance asks again beside the first steps of what it has, which
        # wait for nothing here.
        return ClaimAnswer(items=tuple(taken), next_due_in_us=0)
    text = _NEXT if request.instance_id is None else _NEXT_OF
    row = await work.database.fetchrow(text, *_filters(request, 1))
    assert row is not None
    now, due, seen = row
    next_due = now if seen else due
    return ClaimAnswer(
        items=tuple(taken), next_due_in_us=None if next_due is None else max(0, next_due - now)
    )


async def _round(work: Work, request: ClaimRequest, limit: int) -> tuple[list[Claimed], int]:
    """Look at the first that are due, once: what was claimed, and how many were looked at."""
    cancelled: set[int] = set()

    async def once(session: Session) -> tuple[list[Claimed], int]:
        cancelled.clear()
        rows, items = await _picked(work, session, request, limit)
        keeper = Keeper(request.holder, rows.now + request.lease_us)
        claimed: list[Claimed] = []
        for item in items:
            run = rows.find_run(item.run)
            assert run is not None
            if run.control == _CANCEL:
                cancelled.add(run.run)
                continue
            one = claim_at(rows, run, item, keeper, skip_waits=request.skip_interruption_waits)
            claimed += [] if one is None else [one]
        await flush(session, rows)
        session.changed |= rows.changed
        return claimed, len(items)

    answer = await work.database.run(once)
    for run in sorted(cancelled):
        # Its root comes before its other items: after this transaction, not in it.
        await work.run(Needs(whole={run}), partial(_cancel, number=run))
    return answer


async def _picked(
    work: Work, session: Session, request: ClaimRequest, limit: int
) -> tuple[WorkingSet, list[Item]]:
    text = _PICK_DUE if request.instance_id is None else _PICK_DUE_OF
    records = await session.fetch(text, *_filters(request, limit))
    items = [item_of(record, 1) for record in records]
    needs = Needs(payloads={item.event_id for item in items if item.event_id is not None})
    rows = WorkingSet(work.queues, needs)
    needs.items = {rows.keep_item(item) for item in items}
    await load_runs(session, needs, rows)
    await load_payloads(session, needs, rows)
    return rows, items


def _cancel(rows: WorkingSet, number: int) -> None:
    run = rows.find_run(number)
    if run is not None and run.state == RUNNING and run.control == _CANCEL:
        cancel_unclaimed(rows, run)
