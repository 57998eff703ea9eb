"""The checkpoints that make up most of all, in one statement for a whole batch.

An item that keeps its lease moves on, with or without a loop's earlier iteration to prune; a
root ends, and with it its instance. The statement finds its rows by their fences and checks all
that the quick way asks for, so nothing is read or locked before. ``control`` stands in the item's
own row, because that is the one row that PostgreSQL looks at again after having waited for it.
What the statement doesn't find is stale, or was asked to stop: the long way finds out.
"""

from __future__ import annotations

from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sayiir.stores.postgres.arrays import as_columns, as_text, rows_of
from sayiir.stores.postgres.columns import HELD, RUN_ENDED
from sayiir.stores.postgres.flush import PRUNE
from sayiir.stores.records import InstanceState
from sayiir.stores.relational.codes import ENDED, READY, STATE_CODES

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from sayiir.stores.postgres.database import Database, Session

__all__ = ["Step", "was_found", "write_one", "write_steps"]


Step: TypeAlias = tuple[Any, ...]
"""A quick checkpoint: the values of ``_COLUMNS``, and its place in the batch at the end.

``path`` None: the root's end, and ``input`` its output.
"""
_COLUMNS: Final = {
    "run": "bigint", "spawn_path": "text", "idx": "integer", "epoch": "integer", "path": "text",
    "input": "text", "prio": "smallint", "queue": "integer", "result_path": "text",
    "node_path": "text", "ordinal": "bytea", "attempts": "integer", "duration": "bigint",
    "output": "bytea",
}  # fmt: skip
_TYPES: Final = {**_COLUMNS, "n": "integer"}
_PRUNES: Final = {"n": "integer", "run": "bigint", "low": "text", "high": "text"}

# All that an item waited for, spawned and met at its last position goes, and none of it is in
# an index unless it has changed. The lease stays, and with it the time when it is looked at.
_MOVED: Final = f"""
    phase = {READY}, input = s.input, path = s.path, queue = s.queue,
    prio = coalesce(s.prio, w.own_prio), interruptions = 0,
    failures = case when w.path = s.path then w.failures else 0 end,
    interruptions_ever = case when w.path = s.path then w.interruptions_ever else 0 end,
    error = case when w.path = s.path then w.error end,
    failed = case when w.path = s.path then w.failed else 0 end,
    wake_at = null, wait_until = null, signal_name = null, event_id = null,
    created = 0, total = null, max_open = null, pending = 0, held = 0
"""
_HELD_BY: Final = (
    "w.run = s.run and w.spawn_path = s.spawn_path and w.idx = s.idx and w.epoch = s.epoch "
    f"and {HELD.format('w')} and w.control = 0"
)
_ENDED: Final = f"""
    phase = {ENDED}, control = {RUN_ENDED}, holder = null, wait_until = null, due = null,
    rank = null, failures = 0, interruptions = 0, interruptions_ever = 0, failed = 0,
    output = s.input, error = null, error_at = @now
"""
_RESULT_COLUMNS: Final = "run, path, node_path, ordinal, attempts, duration, output, finished_at"
_FOUND: Final = (
    "s.n, s.run, s.result_path, s.node_path, s.ordinal, s.attempts, s.duration, s.output"
)
_MOVES: Final = f"""
moved as (
    update @work_item w set {_MOVED} from s where s.path is not null and {_HELD_BY}
    returning {_FOUND}
)"""  # noqa: S608
_ENDS: Final = f"""
ended as (
    -- No arm is open: they would have to be told.
    update @work_item w set {_ENDED} from s where s.path is null and {_HELD_BY} and w.pending = 0
    returning {_FOUND}, s.input
), completed as (
    update @instance i set state = {STATE_CODES[InstanceState.COMPLETED]}, finished_at = @now,
        output = e.input
    from ended e where i.run = e.run
)"""  # noqa: S608


def write_one(where: Database | Session, step: Step) -> Coroutine[Any, Any, str]:
    """Write one that prunes nothing; what is awaited says for ``was_found`` whether it was found.

    Raises:
        StoreError: its path has a result already; nothing is written.
    """
    text, values = _SINGLE[step[4] is None, step[8] is not None]
    # No coroutine of its own: it would be gone through again as the answer comes.
    return where.execute(text, *values(step))


def was_found(tag: str) -> bool:
    """Whether the statement for one has found its item: ``SELECT 1``, ``INSERT 0 1``."""
    return tag.endswith(" 1")


async def write_steps(
    where: Database | Session, steps: Sequence[Step], prunes: Sequence[tuple[int, int, str, str]]
) -> set[int]:
    """Write several; the places in the batch of those that were found.

    Args:
        where: the statement's own transaction, or one that there is.
        steps: in the order of locks.
        prunes: the place in the batch, the run, and the range of paths.

    Raises:
        StoreError: a path has a result already; nothing is written.
    """
    if len(steps) == 1 and not prunes:
        return {steps[0][-1]} if was_found(await write_one(where, steps[0])) else set()
    columns, large = as_columns(steps, _TYPES)
    if prunes:
        by_kind = zip(zip(*prunes, strict=True), _PRUNES.values(), strict=True)
        columns += [as_text(column, kind) for column, kind in by_kind]
    kinds = frozenset([step[4] is None for step in steps])
    text = _many(kinds, with_prunes=bool(prunes), large=large)
    rows = await where.fetch(text, *columns)
    return {row[0] for row in rows}


@cache
def _many(kinds: frozenset[bool], *, with_prunes: bool, large: bool) -> str:
    """The statement for a batch: over arrays, with the parts that the batch has.

    ``kinds``: whether any is an end, and whether any isn't.
    """
    rows = rows_of(_TYPES, "n", nullable=("path", "prio", "result_path"), large=large)
    parts = ([_MOVES] if False in kinds else []) + ([_ENDS] if True in kinds else [])
    tables = (["moved"] if False in kinds else []) + (["ended"] if True in kinds else [])
    columns = "n, run, result_path, node_path, ordinal, attempts, duration, output"
    done = " union all ".join(f"select {columns} from {table}" for table in tables)  # noqa: S608
    parts.append(f"done as ({done})")
    parts.append(
        f"written as (insert into @task_result ({_RESULT_COLUMNS}) "  # noqa: S608
        "select run, result_path, node_path, ordinal, attempts, duration, output, @now "
        "from done where result_path is not null order by n)"
    )
    if with_prunes:
        first = len(_TYPES) + 1
        # The name `s` is what the prunes' parts read: those of steps that were found.
        steps = f"s0 as materialized ({rows})"
        arrays = ", ".join(
            f"${number}::text::{kind}[]" for number, kind in enumerate(_PRUNES.values(), first)
        )
        prunes = f"p as (select * from unnest({arrays}) as p ({', '.join(_PRUNES)}))"  # noqa: S608
        parts = [part.replace(" from s where", " from s0 s where") for part in parts]
        chosen = "s as (select p.run, p.low, p.high from p join done d on d.n = p.n)"
        return f"with {steps}, {prunes}, {', '.join(parts)}, {chosen}, {PRUNE} select n from done"  # noqa: S608
    return f"with s as materialized ({rows}), {', '.join(parts)} select n from done"  # noqa: S608


def _single(*, ends: bool, with_result: bool) -> tuple[str, Callable[[Step], Sequence[object]]]:
    """The statement for a batch of one and its parameters: plain ones cost a third less."""
    every = tuple(_COLUMNS)
    names = every[:4] + (("input",) if ends else every[4:8]) + (every[8:] if with_result else ())
    given = {name: f"${number}::{_COLUMNS[name]}" for number, name in enumerate(names, 1)}
    values = itemgetter(*(every.index(name) for name in names))
    if ends:
        text = (
            f"with done as (update @work_item w set {_ENDED} where {_HELD_BY} "  # noqa: S608
            f"and w.pending = 0 returning w.run), completed as (update @instance i set "
            f"state = {STATE_CODES[InstanceState.COMPLETED]}, finished_at = @now, "
            "output = s.input from done e where i.run = e.run)"
        )
    else:
        text = f"with done as (update @work_item w set {_MOVED} where {_HELD_BY} returning w.run)"  # noqa: S608
    for name in sorted(given, key=len, reverse=True):
        text = text.replace(f"s.{name}", given[name])
    if not with_result:
        return f"{text} select 1 from done", values  # noqa: S608
    told = ", ".join(given[name] for name in every[8:])
    return (
        f"{text} insert into @task_result ({_RESULT_COLUMNS}) "  # noqa: S608
        f"select run, {told}, @now from done"
    ), values


_SINGLE: Final = {
    (ends, with_result): _single(ends=ends, with_result=with_result)
    for ends in (False, True)
    for with_result in (False, True)
}
