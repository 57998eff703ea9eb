"""Instances by the hundred thousand, written by SQL: of each ten, one in each way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sayiir.stores.postgres.database import Database

__all__ = ["WAYS", "fill", "park"]

WAYS: Final = (
    "completed",
    "failed",
    "cancelled",
    "delay",
    "backoff",
    "signal",
    "signal with a timeout",
    "paused",
    "join of a timer and a signal",
    "ready or leased",
)
_HOUR: Final = 3_600_000_000

_DEFINITIONS: Final = (
    "insert into @definition (hash, body) select 'hash-' || n, 'body' from generate_series(0, 9) n",
    "insert into @queue (definition, tags) select id, '{}' from @definition",
)
_INSTANCES: Final = f"""
insert into @instance (instance_id, run_id, definition, workflow_name, workflow_version, state,
    control, priority, created_at, finished_at, labels)
select 'i' || n, 'run-' || n, 1 + n / 10 % 10, 'workflow-' || n / 10 % 10, '1',
    case when n % 10 < 3 then n % 10 + 1 else 0 end, case when n % 10 = 7 then 1 else 0 end, 3,
    $3::bigint - n, case when n % 10 < 3 then $3::bigint - {_HOUR} - n end, '[["team", "blue"]]'
from generate_series($1::integer, $2::integer) n
"""
_ROOTS: Final = f"""
insert into @work_item (run, spawn_path, idx, queue, path, input, prio, own_prio, phase, ready_at,
    rank, due, wake_at, epoch, holder, lease_until, signal_name, parked_as, created, total,
    pending, control)
select run, '', 0, queue.id, 'step', 'i', 3, 3, phase, $3::bigint,
    case when way = 9 and n % 20 < 10 then $3::bigint end,
    case when way = 9 and n % 20 >= 10 then $3::bigint + 30000000 else wake_at end,
    wake_at, 1, case when way = 9 and n % 20 >= 10 then 'w' end, $3::bigint + 30000000,
    case when phase = 3 then 'go' end, 1,
    case when way = 8 then 2 else 0 end, case when way = 8 then 2 end,
    case when way = 8 then 2 else 0 end, case when way < 3 then 3 when way = 7 then 1 else 0 end
from (
    select *, (array[6, 6, 6, 1, 2, 3, 3, 0, 4, 0])[way + 1] as phase,
        case when way in (3, 4, 6) then $3::bigint + {_HOUR} + n end as wake_at
    from (select *, n % 10 as way from generate_series($1::integer, $2::integer) n) as numbered
) as root
join @instance as instance on instance.instance_id = 'i' || n
join @queue as queue on queue.definition = instance.definition
"""
_ARMS: Final = f"""
insert into @work_item (run, spawn_path, idx, parent_spawn_path, parent_idx, queue, path, input,
    prio, own_prio, phase, ready_at, due, wake_at, signal_name, parked_as)
select instance.run, 'fork', arm, '', 0, queue.id, 'fork[' || arm || ']/x', 'i', 3, 3,
    case arm when 0 then 1 else 3 end, $3, case arm when 0 then $3::bigint + {_HOUR} end,
    case arm when 0 then $3::bigint + {_HOUR} end, case arm when 1 then 'go' end, arm
from generate_series($1::integer, $2::integer) n cross join generate_series(0, 1) arm
join @instance as instance on instance.instance_id = 'i' || n
join @queue as queue on queue.definition = instance.definition
where n % 10 = 8
"""
_BESIDE: Final = (
    "insert into @instance_input (run, body) select run, 'input' from @instance "
    "where run_id in (select 'run-' || n from generate_series($1::integer, $2::integer) n)",
    # Each has one label that all have and one that fifty have.
    "insert into @label (name, value, run) select 'team'::bytea, 'blue'::bytea, run from @instance "
    "where run_id in (select 'run-' || n from generate_series($1::integer, $2::integer) n) "
    "union all select 'batch', ('b' || run / 50)::bytea, run from @instance "
    "where run_id in (select 'run-' || n from generate_series($1::integer, $2::integer) n)",
    "insert into @event (run, signal_name, address, consumed_at_path, payload, sent_at) "
    "select run, 'go', '', case when run % 20 = 0 then 's' end, 'payload', 1 from @instance "
    "where run % 10 = 0 "
    "and run_id in (select 'run-' || n from generate_series($1::integer, $2::integer) n)",
    "insert into @task_result "
    "(run, path, node_path, ordinal, attempts, duration, finished_at, output) "
    "select run, 'a', 'a', ''::bytea, 1, 1, 1, 'output'::bytea from @instance "
    "where run_id in (select 'run-' || n from generate_series($1::integer, $2::integer) n) "
    "union all select run, 'l[1]/a', 'l/a', '\\x00000001'::bytea, 1, 1, 1, 'output'::bytea "
    "from @instance "
    "where run_id in (select 'run-' || n from generate_series($1::integer, $2::integer) n)",
)
_PARK: Final = f"""
insert into @work_item (run, spawn_path, idx, queue, path, input, prio, own_prio, phase, ready_at,
    due, wake_at, epoch, signal_name, parked_as)
select run, '', 0, queue.id, 'step', 'i', 3, 3, case n % 2 when 0 then 1 else 3 end, $3,
    $3::bigint + {_HOUR} + n, $3::bigint + {_HOUR} + n, 1, case n % 2 when 1 then 'go' end, 1
from generate_series($1::integer, $2::integer) n
join @instance as instance on instance.instance_id = 'parked-' || n
join @queue as queue on queue.definition = instance.definition
"""
_TABLES: Final = (
    "definition", "queue", "instance", "instance_input", "work_item", "element", "progress",
    "task_result", "event", "label",
)  # fmt: skip


async def fill(db: Database, count: int, now_us: int) -> None:
    """Add so many instances ``i1``, ``i2``, ... to an empty schema, as of that time.

    Of each ten, ``i10`` to ``i19`` say, the first is in the first of ``WAYS``, and so on.
    """
    for statement in _DEFINITIONS:
        await db.execute(statement)
    for first in range(1, count + 1, 20_000):
        last = min(first + 19_999, count)
        await db.execute(_INSTANCES, first, last, now_us)
        await db.execute("analyze @instance")
        for statement in (_ROOTS, _ARMS):
            await db.execute(statement, first, last, now_us)
        for statement in _BESIDE:
            await db.execute(statement, first, last)
    await _settle(db)


async def park(db: Database, count: int, now_us: int) -> None:
    """Add so many instances to a filled schema that wait, on a timer or a signal."""
    for first in range(1, count + 1, 20_000):
        last = min(first + 19_999, count)
        await db.execute(
            "insert into @instance (instance_id, run_id, definition, workflow_name, "
            "workflow_version, priority, created_at, labels) "
            "select 'parked-' || n, 'run-of-parked-' || n, 1 + n / 2 % 10, "
            "'workflow-' || n / 2 % 10, "
            "'1', 3, $3, '[]' from generate_series($1::integer, $2::integer) n",
            first,
            last,
            now_us,
        )
        await db.execute(_PARK, first, last, now_us)
    await _settle(db)


async def _settle(db: Database) -> None:
    """Do now what the server would do by itself within a minute."""
    for table in _TABLES:
        await db.execute(f"vacuum (analyze) @{table}")
