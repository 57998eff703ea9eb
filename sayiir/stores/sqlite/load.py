"""What a worker loads before it goes on: results, joins, elements, events, inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from sayiir.stores.records import ArmEnd, ItemKey, Loaded
from sayiir.stores.relational.codes import ENDED
from sayiir.stores.relational.order import after

if TYPE_CHECKING:
    from sayiir.stores.records import Latest, Wanted
    from sayiir.stores.sqlite.transaction import Transaction

__all__ = ["count_results", "load"]

Key = TypeVar("Key", str, int, ItemKey)


def load(tx: Transaction, wanted: Wanted) -> Loaded:
    """What was asked of one run; what isn't there is left out."""
    run = wanted.run
    return Loaded(
        results=_each(
            tx,
            "select cast(output as blob) from task_result where run = ? and path = ?",
            {path: (run, path) for path in wanted.results},
        ),
        latest={
            each: found for each in wanted.latest if (found := _latest(tx, run, each)) is not None
        },
        joins={path: arms for path in wanted.joins if (arms := _join(tx, run, path)) is not None},
        elements=_each(
            tx,
            "select cast(body as blob) from element where run = ? and spawn_path = ? and idx = ?",
            {key: (run, key.spawn_path, key.index) for key in wanted.elements},
        ),
        events=_each(
            tx,
            "select cast(payload as blob) from event where run = ? and id = ?",
            {number: (run, number) for number in wanted.events},
        ),
        input=_input(tx, run) if wanted.input else None,
    )


def _each(tx: Transaction, statement: str, keys: dict[Key, tuple[object, ...]]) -> dict[Key, bytes]:
    found: dict[Key, bytes] = {}
    for key, values in keys.items():
        row = tx.execute(statement, values).fetchone()
        if row is not None:
            found[key] = row[0]
    return found


def _input(tx: Transaction, run: int) -> bytes | None:
    row = tx.execute(
        "select cast(body as blob) from instance_input where run = ?", (run,)
    ).fetchone()
    return None if row is None else bytes(row[0])


# One seek in the index of node paths, which leaves out results whose path is the same, and one
# for those.
_LATEST = """
select cast(ordinal as blob), cast(path as text), cast(output as blob) from (
    select * from (
        select ordinal, path, output from task_result
        where run = ?1 and node_path = ?2 and node_path <> path and ordinal >= ?3 and ordinal < ?4
        order by ordinal desc, path desc limit 1
    )
    union all
    select ordinal, path, output from task_result
    where run = ?1 and path = ?2 and node_path = ?2 and ordinal >= ?3 and ordinal < ?4
) order by ordinal desc, path desc limit 1
"""


def _latest(tx: Transaction, run: int, wanted: Latest) -> tuple[str, bytes] | None:
    """Path and output of the highest ordinal; of equal ones that of the last node path."""
    best: tuple[bytes, str, bytes] | None = None
    for node_path in wanted.node_paths:
        row = tx.execute(
            _LATEST, (run, node_path, wanted.ordinal_prefix, after(wanted.ordinal_prefix))
        ).fetchone()
        if row is not None and (best is None or row[0] >= best[0]):
            best = row
    return None if best is None else (best[1], best[2])


def _join(tx: Transaction, run: int, spawn_path: str) -> tuple[ArmEnd, ...] | None:
    rows = tx.execute(
        "select idx, cast(output as text), cast(error as blob), phase from work_item "
        "where run = ? and spawn_path = ? order by idx",
        (run, spawn_path),
    ).fetchall()
    if not rows:
        return None
    return tuple(
        ArmEnd(index, output, error) for index, output, error, phase in rows if phase == ENDED
    )


def count_results(tx: Transaction, instance_id: str, node_path: str) -> int:
    """How many results of this node path are stored."""
    (count,) = tx.execute(
        "select (select count(*) from task_result "
        "where run = instance.run and node_path = ?1 and node_path <> path) "
        "+ (select count(*) from task_result "
        "where run = instance.run and path = ?1 and node_path = ?1) "
        "from instance where instance_id = ?2",
        (node_path, instance_id),
    ).fetchone() or (0,)
    return int(count)
