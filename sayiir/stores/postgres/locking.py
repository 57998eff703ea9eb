"""Locking and loading what a verb needs.

There is one order for all locks on items: roots first, by run, then the others by run, spawn
path and index. Whoever needs a set of items (all of a run, all below an item) locks the roots in a
statement of its own before, so that the one that reads the set sees all that was added by who
held a root before. What else hangs on a root (events, waits, the instance itself) is read after
that, and what hangs on a waiting parent (the arms that are held) after its lock.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from sayiir.stores.postgres.columns import ITEM_SELECT, RUN_COLUMNS, item_of, run_of
from sayiir.stores.relational.codes import ENDED, HELD, SIGNAL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sayiir.stores.postgres.database import Session
    from sayiir.stores.postgres.driver import Record
    from sayiir.stores.postgres.needs import Needs, Place
    from sayiir.stores.postgres.working_set import WorkingSet
    from sayiir.stores.relational.rows import Item

__all__ = ["load", "load_payloads", "load_runs", "lock_root", "lock_roots"]

# A parent's row is found by its arm's, whose columns that name it never change.
_WANTED: Final = """
with k as (
    select * from unnest($1::bigint[], $2::text[], $3::integer[], $4::boolean[])
    as k (run, spawn_path, idx, with_parent)
), wanted as (
    select run, spawn_path, idx from k
    union
    select w.run, w.parent_spawn_path, w.parent_idx from k
    join @work_item w on w.run = k.run and w.spawn_path = k.spawn_path and w.idx = k.idx
    where k.with_parent and w.parent_idx is not null
"""
_SETS: Final = f"""
    union
    select w.run, w.spawn_path, w.idx from @work_item w
    where w.run = any ($5::bigint[]) and w.phase <> {ENDED}
    union
    select w.run, w.spawn_path, w.idx
    from unnest($6::bigint[], $7::text[], $8::text[]) as b (run, low, high)
    join @work_item w on w.run = b.run and w.spawn_path >= b.low and w.spawn_path < b.high
    where w.phase <> {ENDED}
"""  # noqa: S608 - a number of our own
_LOCKED: Final = f"""
)
select {ITEM_SELECT} from wanted
join @work_item w
    on w.run = wanted.run and w.spawn_path = wanted.spawn_path and w.idx = wanted.idx
order by w.spawn_path <> '', w.run, w.spawn_path, w.idx
for update of w
"""  # noqa: S608
_ITEMS: Final = _WANTED + _LOCKED
_ITEMS_AND_SETS: Final = _WANTED + _SETS + _LOCKED
_ROOTS: Final = """
select 1 from @work_item where run = any ($1::bigint[]) and spawn_path = '' and idx = 0
order by run for update
"""
_ROOT_OF: Final = f"""
select {ITEM_SELECT} from @instance i
join @work_item w on w.run = i.run and w.spawn_path = '' and w.idx = 0
where i.instance_id = $1 for update of w
"""  # noqa: S608
_RUNS: Final = f"""
select t.now, {RUN_COLUMNS} from (select @now as now) t
left join (@instance i join @definition d on d.id = i.definition) on i.run = any ($1::bigint[])
"""  # noqa: S608
_HELD: Final = f"""
select {ITEM_SELECT} from unnest($1::bigint[], $2::text[], $3::integer[]) h (run, spawn_path, n)
cross join lateral (
    select * from @work_item w
    where w.run = h.run and w.spawn_path = h.spawn_path and w.phase = {HELD}
    order by w.idx limit h.n for update
) w
"""  # noqa: S608
_KEPT: Final = """
select k.run, k.signal_name, k.address, e.id, e.payload
from unnest($1::bigint[], $2::text[], $3::text[], $4::integer[]) k (run, signal_name, address, n)
cross join lateral (
    select e.id, e.payload from @event e
    where e.run = k.run and e.signal_name = k.signal_name and e.address = k.address
        and e.consumed_at_path is null
    order by e.id limit k.n
) e
order by e.id
"""
_WAITING: Final = f"""
select {ITEM_SELECT} from @work_item w
where w.run = $1 and w.signal_name = $2 and w.phase = {SIGNAL} and w.event_id is null
    and w.holder is null and ($3::text is null or w.path = $3)
order by w.parked_as limit 1 for update
"""  # noqa: S608
_PAYLOADS: Final = "select id, payload from @event where id = any ($1::bigint[])"
_NUMBERS: Final = """
select nextval(pg_get_serial_sequence('@event', 'id')) from generate_series(1, $1)
"""


async def lock_root(session: Session, instance_id: str) -> Item | None:
    """Lock the root of the instance; None where there is no such instance."""
    while True:
        row = await session.fetchrow(_ROOT_OF, instance_id)
        if row is not None:
            return item_of(row)
        # Who waited for the lock of a run that was then replaced has found neither run.
        found = await session.fetchrow(
            "select 1 from @instance where instance_id = $1", instance_id
        )
        if found is None:
            return None


async def lock_roots(session: Session, runs: Iterable[int]) -> None:
    """Lock the roots of these runs, in order: before anything else of the transaction."""
    await session.fetch(_ROOTS, sorted(runs))


async def load(session: Session, needs: Needs, rows: WorkingSet) -> None:
    """Lock and load all that is needed."""
    if needs.whole or needs.below:
        await _lock_sets(session, needs, rows)
    elif not needs.items <= rows.items.keys():
        _keep_items(rows, await session.fetch(_ITEMS, *_keys(needs)))
    await load_runs(session, needs, rows)
    await load_payloads(session, needs, rows)
    if needs.kept:
        await _load_kept(session, needs, rows)
    for run, signal_name in needs.longest:
        await _load_wait(session, rows, run, signal_name, None)
    for run, signal_name, path in needs.waiting:
        await _load_wait(session, rows, run, signal_name, path)
    await _load_held(session, needs, rows)
    if needs.event_numbers:
        numbers = await session.fetch(_NUMBERS, needs.event_numbers)
        rows.event_numbers = sorted(int(row[0]) for row in numbers)


async def _lock_sets(session: Session, needs: Needs, rows: WorkingSet) -> None:
    roots = {run for run, spawn_path, _ in needs.items if not spawn_path}
    roots |= needs.whole | {run for run, _ in needs.below}
    if any((run, "", 0) not in rows.items for run in roots):
        await session.fetch(_ROOTS, sorted(roots))
    for run in roots:
        needs.root(run)
    ranges = [(run, low, low[:-1] + "0") for run, low in needs.below]  # "0" follows "/"
    records = await session.fetch(
        _ITEMS_AND_SETS, *_keys(needs), list(needs.whole), *_columns(ranges, 3)
    )
    _keep_items(rows, records)


def _keys(needs: Needs) -> list[list[object]]:
    return _columns([(*place, place in needs.parents_of) for place in needs.items], 4)


def _columns(values: Iterable[tuple[object, ...]], width: int) -> list[list[object]]:
    """Rows as the arrays that a statement takes apart again."""
    columns = [list(column) for column in zip(*values, strict=True)]
    return columns or [[] for _ in range(width)]


def _keep_items(rows: WorkingSet, records: list[Record]) -> None:
    for record in records:
        rows.keep_item(item_of(record))


async def load_payloads(session: Session, needs: Needs, rows: WorkingSet) -> None:
    """The payloads that are needed."""
    if needs.payloads:
        for number, payload in await session.fetch(_PAYLOADS, list(needs.payloads)):
            rows.payloads[number] = payload


async def load_runs(session: Session, needs: Needs, rows: WorkingSet) -> None:
    """The instances of all that is needed, and the time."""
    asked = needs.runs | needs.whole | {run for run, _, _ in needs.items}
    for record in await session.fetch(_RUNS, list(asked)):
        rows.now = record[0]
        if record[1] is not None:
            rows.keep_run(run_of(record, 1))


async def _load_kept(session: Session, needs: Needs, rows: WorkingSet) -> None:
    values = [(*key, count) for key, count in needs.kept.items()]
    for run, signal_name, address, number, payload in await session.fetch(
        _KEPT, *_columns(values, 4)
    ):
        rows.kept.setdefault((run, signal_name, address), []).append(number)
        rows.payloads[number] = payload


async def _load_wait(
    session: Session, rows: WorkingSet, run: int, signal_name: str, path: str | None
) -> None:
    found: Place | None = None
    for record in await session.fetch(_WAITING, run, signal_name, path):
        found = rows.keep_item(item_of(record))
    rows.waits[run, signal_name, path] = found


async def _load_held(session: Session, needs: Needs, rows: WorkingSet) -> None:
    """The arms that ends may ready: as many as arms of their spawn path end here."""
    wanted = dict(needs.held)
    for place in needs.parents_of:
        parent = rows.loaded_parent(place)
        if parent is not None and parent.held:
            wanted[place[:2]] = wanted.get(place[:2], 0) + 1
    if not wanted:
        return
    values = [(*place, count) for place, count in wanted.items()]
    found = Counter(
        rows.keep_item(item_of(record))[:2]
        for record in await session.fetch(_HELD, *_columns(values, 3))
    )
    rows.held_asked.update(wanted)
    rows.no_more_held.update(where for where, count in wanted.items() if found[where] < count)
