"""Writing what a verb has changed: sets that go first, then all the rest as one statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sayiir.stores.postgres.columns import KEY
from sayiir.stores.postgres.item_rows import (
    INSERTED,
    UPDATED,
    ItemRows,
    item_rows,
    open_and_ended,
)
from sayiir.stores.postgres.needs import Missing, Needs
from sayiir.stores.postgres.texts import encode_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.stores.postgres.database import Session
    from sayiir.stores.postgres.needs import Place
    from sayiir.stores.postgres.working_set import WorkingSet

__all__ = ["PRUNE", "flush"]

_RESULT_TYPES: Final = {
    "run": "bigint", "path": "text", "node_path": "text", "ordinal": "bytea",
    "attempts": "integer", "duration": "bigint", "output": "bytea",
}  # fmt: skip
_RUN_TYPES: Final = {
    "run": "bigint", "state": "smallint", "control": "smallint", "reason": "bytea",
    "requested_by": "bytea", "deadline_at": "bigint", "finished_at": "bigint", "parks": "bigint",
    "output": "text", "error": "bytea",
}  # fmt: skip
_ELEMENT_TYPES: Final = {"run": "bigint", "spawn_path": "text", "idx": "integer", "body": "bytea"}
_CONSUMED_TYPES: Final = {"id": "bigint", "run": "bigint", "path": "text"}
_EVENT_TYPES: Final = {
    "id": "bigint", "run": "bigint", "signal_name": "text", "address": "text", "payload": "bytea",
    "consumed_at_path": "text",
}  # fmt: skip


def _names(types: dict[str, str], *, leave: Sequence[str] = ()) -> str:
    return ", ".join(name for name in types if name not in leave)


def _assigned(types: dict[str, str], *, leave: Sequence[str], source: str) -> str:
    return ", ".join(f"{name} = {source}.{name}" for name in types if name not in leave)


# Parts of the one statement. {s} is the part's rows, `s (name, …)`; {now} the time.
_UPDATE_ITEMS: Final = (
    "update @work_item w set "  # noqa: S608 - own names, as below
    f"{', '.join(f'{name} = s.{name}' for name in UPDATED if name not in KEY)} from {{s}} "
    "where w.run = s.run and w.spawn_path = s.spawn_path and w.idx = s.idx"
)
_INSERT_ITEMS: Final = (
    f"insert into @work_item ({', '.join(INSERTED)}) select {', '.join(INSERTED)} from {{s}} "  # noqa: S608
    "on conflict (run, spawn_path, idx) do nothing returning 1"
)
_ITEM_PARTS: Final = {
    "updated": (UPDATED, _UPDATE_ITEMS),
    "ended": (UPDATED, _UPDATE_ITEMS),
    "inserted": (INSERTED, _INSERT_ITEMS),
}
_PARTS: Final = {
    "elements": (
        _ELEMENT_TYPES,
        f"insert into @element ({_names(_ELEMENT_TYPES)}) "  # noqa: S608
        f"select {_names(_ELEMENT_TYPES)} from {{s}} "
        "on conflict (run, spawn_path, idx) do update set body = excluded.body",
    ),
    "results": (
        _RESULT_TYPES,
        f"insert into @task_result ({_names(_RESULT_TYPES)}, finished_at) "  # noqa: S608
        f"select {_names(_RESULT_TYPES)}, {{now}} from {{s}}",
    ),
    "runs": (
        _RUN_TYPES,
        f"update @instance i set {_assigned(_RUN_TYPES, leave=('run',), source='s')} from {{s}} "  # noqa: S608
        "where i.run = s.run",
    ),
    "consumed": (
        _CONSUMED_TYPES,
        "update @event e set consumed_at_path = s.path from {s} where e.id = s.id",
    ),
    "events": (
        _EVENT_TYPES,
        f"insert into @event ({_names(_EVENT_TYPES)}, sent_at) overriding system value "  # noqa: S608
        f"select {_names(_EVENT_TYPES)}, {{now}} from {{s}}",
    ),
}

# The ranges are rows `s (run, low, high)`. Row by row, found by the index: joined with an array
# of unknown length, a range looks to the planner as if it were worth reading the whole table.
_IN_RANGE: Final = """ctid = any (array(
    select t.ctid from s cross join lateral (
        select t.ctid from {table} t
        where t.run = s.run and t.{column} >= s.low and t.{column} < s.high {more} offset 0
    ) t
))"""


def _in_range(table: str, column: str, more: str = "") -> str:
    return _IN_RANGE.format(table=table, column=column, more=more)


_OF_GONE: Final = """ctid = any (array(
    select t.ctid from gone g cross join lateral (
        select t.ctid from {table} t
        where t.run = g.run and t.spawn_path = g.spawn_path and t.idx = g.idx offset 0
    ) t
))"""
PRUNE: Final = f"""
gone_results as (
    delete from @task_result where {_in_range("@task_result", "path")}
), gone as (
    delete from @work_item where {_in_range("@work_item", "spawn_path", "and t.phase = 6")}
    returning run, spawn_path, idx
), gone_elements as (
    delete from @element where {_OF_GONE.format(table="@element")}
), gone_progress as (
    delete from @progress where {_OF_GONE.format(table="@progress")}
), gone_events as (
    delete from @event where {_in_range("@event", "consumed_at_path")}
)
"""  # noqa: S608 - names of our own, as below
_PRUNE: Final = f"""
with s as (select * from unnest($1::bigint[], $2::text[], $3::text[]) as s (run, low, high)),
{PRUNE} select count(*) from gone
"""  # noqa: S608
_DELETE_ITEMS: Final = f"""
with gone as (
    select * from unnest($1::bigint[], $2::text[], $3::integer[]) as s (run, spawn_path, idx)
), elements as (
    delete from @element where {_OF_GONE.format(table="@element")}
), reports as (
    delete from @progress where {_OF_GONE.format(table="@progress")}
)
delete from @work_item where {_OF_GONE.format(table="@work_item")}
"""  # noqa: S608
_REMOVE_BELOW: Final = f"""
with s as (select * from unnest($1::bigint[], $2::text[], $3::text[]) as s (run, low, high)),
elements as (
    delete from @element where {_in_range("@element", "spawn_path")}
), reports as (
    delete from @progress where {_in_range("@progress", "spawn_path")}
)
delete from @work_item where {_in_range("@work_item", "spawn_path")}
"""  # noqa: S608
_REMOVE_RUNS: Final = """
with items as (delete from @work_item where run = any ($1::bigint[])),
elements as (delete from @element where run = any ($1::bigint[])),
reports as (delete from @progress where run = any ($1::bigint[])),
results as (delete from @task_result where run = any ($1::bigint[])),
-- Apart, for each kind has an index of its own.
kept as (delete from @event where run = any ($1::bigint[]) and consumed_at_path is null),
had as (delete from @event where run = any ($1::bigint[]) and consumed_at_path is not null),
labels as (delete from @label where run = any ($1::bigint[])),
inputs as (delete from @instance_input where run = any ($1::bigint[]))
delete from @instance where run = any ($1::bigint[])
"""


async def flush(session: Session, rows: WorkingSet) -> None:
    """Write all that has changed.

    Raises:
        Missing: an item's key is taken, which has to be loaded.
        StoreError: a path has a result already.
    """
    await _remove(session, rows)
    if rows.replaced:
        await _delete_replaced(session, rows)
    items, parts = _changed_items(rows), _changed(rows)
    if not items and not parts:
        return
    values = [value for part in items.values() for value in part.values]
    text = _statement(items, tuple(parts))
    row = await session.fetchrow(text, rows.now, *values, *_arrays(parts))
    assert row is not None
    if row[0] != len(rows.inserted):
        raise Missing(Needs(items=set(rows.inserted)))


async def _remove(session: Session, rows: WorkingSet) -> None:
    if rows.removed_runs:
        await session.execute(_REMOVE_RUNS, rows.removed_runs)
    if rows.removed_strands:
        await session.execute(_REMOVE_BELOW, *_ranges(rows.removed_strands))
    if rows.deleted:
        await session.execute(_DELETE_ITEMS, *_columns(sorted(rows.deleted)))
    if rows.pruned_events:
        await session.execute("delete from @event where id = any ($1)", sorted(rows.pruned_events))
    if rows.pruned:
        await session.execute(_PRUNE, *_ranges(rows.pruned))


async def _delete_replaced(session: Session, rows: WorkingSet) -> None:
    """A node was executed again: its items take the place of what they were, element and all."""
    await session.execute(_DELETE_ITEMS, *_columns(sorted(rows.replaced)))


def _ranges(prefixes: list[tuple[int, str]]) -> list[list[object]]:
    return _columns([(run, low, low[:-1] + "0") for run, low in prefixes])  # "0" follows "/"


def _columns(values: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*values, strict=True)]


def _changed_items(rows: WorkingSet) -> dict[str, ItemRows]:
    """The items of each part that has any, in the order of locks."""
    dirty = [rows.dirty[place] for place in sorted(rows.dirty, key=_lock_order)]
    updated, ended = open_and_ended(dirty)
    items = {"updated": updated, "ended": ended, "inserted": list(rows.inserted.values())}
    return {
        name: item_rows(rows, some, _ITEM_PARTS[name][0]) for name, some in items.items() if some
    }


def _changed(rows: WorkingSet) -> dict[str, list[tuple[object, ...]]]:
    """The rows of each other part that has any."""
    new = {event[0] for event in rows.new_events}
    parts: dict[str, list[tuple[object, ...]]] = {
        "elements": [(*place, body) for place, body in rows.elements.items()],
        "results": [
            (
                run, each.path, each.node_path, each.ordinal, each.attempts, each.duration_us,
                each.output,
            )
            for run, each in rows.results
        ],
        "runs": [
            (
                run.run, run.state, run.control, encode_text(run.reason),
                encode_text(run.requested_by), run.deadline_at, run.finished_at, run.parks,
                run.output, run.error,
            )
            for run in rows.dirty_runs.values()
        ],
        "consumed": [
            (number, *where) for number, where in rows.consumed.items() if number not in new
        ],
        "events": [
            (*event, rows.consumed[event[0]][1] if event[0] in rows.consumed else None)
            for event in rows.new_events
            if event[0] not in rows.pruned_events
        ],
    }  # fmt: skip
    return {name: values for name, values in parts.items() if values}


def _lock_order(place: Place) -> tuple[bool, Place]:
    return (bool(place[1]), place)


def _arrays(parts: dict[str, list[tuple[object, ...]]]) -> list[list[object]]:
    return [column for values in parts.values() for column in _columns(values)]


def _statement(items: dict[str, ItemRows], parts: tuple[str, ...]) -> str:
    """The statement that writes all that: its parameters are the time, then those of the parts."""
    texts: list[str] = []
    first = 2
    for name, rows in items.items():
        texts.append(f"{name} as ({_ITEM_PARTS[name][1].format(s=rows.source(first))})")
        first += rows.width
    for name in parts:
        types, text = _PARTS[name]
        arrays = ", ".join(
            f"${number}::{kind}[]" for number, kind in enumerate(types.values(), first)
        )
        first += len(types)
        source = f"unnest({arrays}) as s ({_names(types)})"
        texts.append(f"{name} as ({text.format(s=source, now='$1::bigint')})")
    counted = "(select count(*) from inserted)" if "inserted" in items else "0"
    return f"with {', '.join(texts)} select {counted}, $1::bigint"
