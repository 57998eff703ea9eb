"""The checkpoints that make up most of all, in one statement for a whole batch.

An item that keeps its lease moves on, with or without a loop's earlier iteration to prune; a
root ends, and with it its instance. The statement finds its rows by their fences and checks all
that the quick way asks for, so nothing is read or locked before. ``control`` stands in the item's
own row, because that is the one row that PostgreSQL looks at again after having waited for it.
What the statement doesn't find is stale, or was asked to stop: the long way finds out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sayiir.stores.postgres.columns import RUN_ENDED
from sayiir.stores.postgres.flush import PRUNE
from sayiir.stores.postgres.needs import place_of
from sayiir.stores.records import Answer, Checkpoint, End, InstanceState, Move
from sayiir.stores.relational.codes import ENDED, READY, STATE_CODES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.stores.postgres.database import Database, Session
    from sayiir.stores.postgres.queues import Queues

__all__ = ["DONE", "Quick", "Step", "quick_steps", "write_quickly"]

DONE: Final = Answer()


class Step(NamedTuple):
    """A quick checkpoint, as the columns of the statement. ``path`` None: the root's end."""

    run: int
    spawn_path: str
    idx: int
    epoch: int
    path: str | None
    input: str
    """Or the output, at an end."""
    prio: int | None
    queue: int
    result_path: str | None = None
    node_path: str | None = None
    ordinal: bytes | None = None
    attempts: int | None = None
    duration: int | None = None
    output: bytes | None = None


class Quick(NamedTuple):
    """The quick checkpoints of a batch by their places in it, in the order of locks."""

    places: list[int]
    steps: list[Step]
    prunes: list[tuple[int, int, str, str]]
    """Which of ``steps``, from 1; its run, and the range of paths."""


_TYPES: Final = (
    "bigint", "text", "integer", "integer", "text", "text", "smallint", "integer",
    "text", "text", "bytea", "integer", "bigint", "bytea",
)  # fmt: skip
_NAMES: Final = ", ".join(Step._fields)

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
    "and w.holder is not null and w.control = 0"
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


def quick_steps(checkpoints: Sequence[Checkpoint], queues: Queues) -> Quick:
    """Those checkpoints of a batch that can go the quick way.

    A run of which any other is in the batch goes the long way with all of its own: each sees
    what those before it wrote.
    """
    found: list[tuple[Step, int]] = []
    slow: set[int] = set()
    seen: dict[int, bool] = {}
    taken: set[tuple[int, str, int]] = set()
    for at, checkpoint in enumerate(checkpoints):
        run = checkpoint.fence.run
        step = _step(checkpoint, queues)
        ends = step is not None and step.path is None
        place = place_of(checkpoint.fence)
        if step is None or place in taken or seen.get(run) or (ends and run in seen):
            slow.add(run)
            continue
        taken.add(place)
        seen[run] = ends
        found.append((step, at))
    kept = [each for each in found if each[0].run not in slow]
    kept.sort(key=lambda each: (each[0].spawn_path != "", *each[0][:3]))
    prunes = [
        (number, step.run, low, low[:-1] + "0")  # "0" is what follows "/"
        for number, (step, at) in enumerate(kept, 1)
        for low in checkpoints[at].prune
    ]
    return Quick([at for _, at in kept], [step for step, _ in kept], prunes)


def _step(checkpoint: Checkpoint, queues: Queues) -> Step | None:
    effect, fence, result = checkpoint.effect, checkpoint.fence, checkpoint.result
    path: str | None
    if isinstance(effect, Move) and not effect.hand_over:
        queue = queues.of_run(fence.run, effect.tags)
        path, text, prio = effect.path, effect.input, effect.priority
    elif isinstance(effect, End) and not fence.item.spawn_path and not checkpoint.prune:
        queue, path, text, prio = 0, None, effect.output, None
    else:
        return None
    if queue is None:
        return None
    step = Step(*place_of(fence), fence.epoch, path, text, prio, queue)
    if result is None:
        return step
    if any(result.path.startswith(prefix) for prefix in checkpoint.prune):
        return None
    return step._replace(
        result_path=result.path,
        node_path=result.node_path,
        ordinal=result.ordinal,
        attempts=result.attempts,
        duration=result.duration_us,
        output=result.output,
    )


async def write_quickly(
    where: Database | Session, quick: Quick
) -> tuple[dict[int, Answer], list[int]]:
    """Write them: the answers by places in the batch, and the places of those not found.

    Raises:
        StoreError: a path has a result already; nothing is written.
    """
    steps = quick.steps
    if len(steps) == 1 and not quick.prunes:
        text, names = _SINGLE[steps[0].path is None, steps[0].result_path is not None]
        rows = await where.fetch(text, *(getattr(steps[0], name) for name in names))
        found = {1} if rows else set[int]()
    else:
        values: list[list[object]] = [list(column) for column in zip(*steps, strict=True)]
        if quick.prunes:
            values += [list(column) for column in zip(*quick.prunes, strict=True)]
        rows = await where.fetch(_many(quick), *values)
        found = {row[0] for row in rows}
    answers = {at: DONE for number, at in enumerate(quick.places, 1) if number in found}
    return answers, [at for number, at in enumerate(quick.places, 1) if number not in found]


def _many(quick: Quick) -> str:
    """The statement for a batch: over arrays, with the parts that the batch has."""
    paths = {step.path is None for step in quick.steps}
    parts = ([_MOVES] if False in paths else []) + ([_ENDS] if True in paths else [])
    tables = (["moved"] if False in paths else []) + (["ended"] if True in paths else [])
    columns = "n, run, result_path, node_path, ordinal, attempts, duration, output"
    done = " union all ".join(f"select {columns} from {table}" for table in tables)  # noqa: S608
    parts.append(f"done as ({done})")
    parts.append(
        f"written as (insert into @task_result ({_RESULT_COLUMNS}) "  # noqa: S608
        "select run, result_path, node_path, ordinal, attempts, duration, output, @now "
        "from done where result_path is not null order by n)"
    )
    if quick.prunes:
        first = len(_TYPES) + 1
        # The name `s` is what the prunes' parts read: those of steps that were found.
        steps = f"s0 as materialized ({_unnested()})"
        prunes = (
            f"p as (select * from unnest(${first}::integer[], ${first + 1}::bigint[], "  # noqa: S608
            f"${first + 2}::text[], ${first + 3}::text[]) as p (n, run, low, high))"
        )
        parts = [part.replace(" from s where", " from s0 s where") for part in parts]
        chosen = "s as (select p.run, p.low, p.high from p join done d on d.n = p.n)"
        return f"with {steps}, {prunes}, {', '.join(parts)}, {chosen}, {PRUNE} select n from done"  # noqa: S608
    return f"with s as materialized ({_unnested()}), {', '.join(parts)} select n from done"  # noqa: S608


def _unnested() -> str:
    arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(_TYPES, 1))
    return f"select * from unnest({arrays}) with ordinality as s ({_NAMES}, n)"  # noqa: S608


def _single(*, ends: bool, with_result: bool) -> tuple[str, list[str]]:
    """The statement for a batch of one and its parameters: plain ones cost a third less."""
    names = list(Step._fields[:4]) + (["input"] if ends else list(Step._fields[4:8]))
    names += Step._fields[8:] if with_result else ()
    types = dict(zip(Step._fields, _TYPES, strict=True))
    given = {name: f"${number}::{types[name]}" for number, name in enumerate(names, 1)}
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
        return f"{text} select 1 from done", names  # noqa: S608
    told = ", ".join(given[name] for name in Step._fields[8:])
    return (
        f"{text} insert into @task_result ({_RESULT_COLUMNS}) "  # noqa: S608
        f"select run, {told}, @now from done returning 1"
    ), names


_SINGLE: Final = {
    (ends, with_result): _single(ends=ends, with_result=with_result)
    for ends in (False, True)
    for with_result in (False, True)
}
