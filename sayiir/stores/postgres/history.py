"""An instance's history, and the definitions that instances have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sayiir.stores.records import ResultRecord
from sayiir.stores.relational.damage import BEGINNING_OF_TIME, DamagedRow, check_numbers

if TYPE_CHECKING:
    from sayiir.stores.postgres.describe import Source

__all__ = ["count_results", "definition", "results"]

# What was committed, in that order; then what open and failed items met last.
_RESULTS: Final = """
with found as materialized (select run from @instance where instance_id = $1)
select path, node_path, output, null::bytea as error, attempts,
    finished_at - duration as started_at, finished_at, duration,
    0 as part, seq, '' collate "C" as spawn_path, 0 as idx
from @task_result where run = (select run from found)
union all
select path, path, null, error, failures::bigint + failed, error_at, error_at, 0,
    1, 0, spawn_path, idx
from @work_item where run = (select run from found) and error is not null
order by part, seq, spawn_path, idx
"""
_NUMBERS: Final = ("attempts", "finished_at", "duration")

# Outside of loops and maps the node path is the path, which the key finds.
_COUNT: Final = """
select (
    select count(*) from @task_result
    where run = instance.run and node_path = $2 and node_path <> path
) + (
    select count(*) from @task_result where run = instance.run and path = $2 and node_path = $2
) as results
from @instance as instance where instance_id = $1
"""


async def results(source: Source, instance_id: str) -> list[ResultRecord]:
    """What was committed, in that order; then what open and failed items met last."""
    rows = await source.fetch(_RESULTS, instance_id)
    for row in rows:
        check_numbers(instance_id, [(f"task_result.{name}", row[name]) for name in _NUMBERS])
        if row["started_at"] < BEGINNING_OF_TIME:
            raise DamagedRow(instance_id, "task_result.duration", row["duration"])
    return [
        ResultRecord(
            path=row["path"],
            node_path=row["node_path"],
            output=row["output"],
            error=row["error"],
            attempts=row["attempts"],
            started_at_us=row["started_at"],
            finished_at_us=row["finished_at"],
        )
        for row in rows
    ]


async def count_results(source: Source, instance_id: str, node_path: str) -> int:
    """How many results of this node path are stored."""
    row = await source.fetchrow(_COUNT, instance_id, node_path)
    return 0 if row is None else int(row["results"])


async def definition(source: Source, definition_hash: str) -> bytes | None:
    """The portable definition that was stored under this hash, or None."""
    row = await source.fetchrow("select body from @definition where hash = $1", definition_hash)
    return None if row is None else bytes(row["body"])
