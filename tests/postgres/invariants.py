"""What must hold of the rows whenever nobody is in the middle of a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sayiir.stores.postgres.database import Database

__all__ = ["broken"]

_INVARIANTS: Final = {
    "an item of an ended instance can be claimed": """
        select w.run, w.spawn_path, w.idx from @work_item w join @instance i on i.run = w.run
        where i.state <> 0 and (w.rank is not null or w.due is not null)""",
    "an item of a paused instance can be claimed": """
        select w.run, w.spawn_path, w.idx from @work_item w join @instance i on i.run = w.run
        where i.state = 0 and i.control = 1 and (w.rank is not null or w.due is not null)""",
    "an item doesn't say what was asked of its instance": """
        select w.run, w.spawn_path, w.idx from @work_item w join @instance i on i.run = w.run
        where w.phase <> 6
            and w.control <> case when i.state = 0 then i.control else 3 end""",
    "a parent miscounts its arms": """
        select w.run, w.spawn_path, w.idx from @work_item w where w.phase in (0, 4)
            and w.total is not null and (w.pending, w.held) <> (
                select count(*), count(*) filter (where a.phase = 5) from @work_item a
                where a.run = w.run and a.spawn_path = w.path and a.phase <> 6
                    and a.parent_spawn_path = w.spawn_path and a.parent_idx = w.idx)""",
    "an arm is held where there is room": """
        select w.run, w.spawn_path, w.idx from @work_item w join @instance i on i.run = w.run
        where i.state = 0 and i.control <> 2 and w.phase in (0, 4) and w.held > 0
            and w.pending - w.held < w.max_open""",
    "an open item has no owner, no time and nothing to wait for": """
        select w.run, w.spawn_path, w.idx from @work_item w join @instance i on i.run = w.run
        where i.state = 0 and i.control <> 1 and w.phase <> 6
            and w.holder is null and w.rank is null and w.due is null
            and not (w.phase = 5 or w.phase = 3 and w.event_id is null
                or w.phase = 4 and (w.pending > 0 or w.created < w.total))""",
    "a cancelled instance has an open item that nobody works on": """
        select w.run, w.spawn_path, w.idx from @work_item w join @instance i on i.run = w.run
        where w.phase <> 6 and (i.state in (1, 3) or i.control = 2 and w.holder is null)""",
    "a running instance has ended": """
        select i.run from @instance i
        join @work_item w on w.run = i.run and w.spawn_path = '' where i.state = 0
            and w.phase = 6 and not exists (
                select from @work_item o where o.run = i.run and o.phase <> 6)""",
    "an event lies beside the wait for it": """
        select e.id, w.run from @event e join @work_item w on w.run = e.run
            and w.signal_name = e.signal_name join @instance i on i.run = e.run
        where e.consumed_at_path is null and e.address in ('', w.path) and w.phase = 3
            and w.event_id is null and w.holder is null and i.state = 0""",
    "an event was given twice": """
        select event_id, count(*) from @work_item
        where event_id is not null and phase = 3 group by event_id having count(*) > 1""",
    "something is left of a run that was removed": """
        select run from (
            select run from @work_item union select run from @task_result union
            select run from @event union select run from @element union select run from @progress
            union select run from @instance_input union select run from @label
        ) t where not exists (select from @instance i where i.run = t.run)""",
}


async def broken(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """The invariants that don't hold, with the rows that break them; empty: all hold."""
    found: dict[str, list[tuple[object, ...]]] = {}
    for name, statement in _INVARIANTS.items():
        rows = await database.fetch(statement + " limit 5")
        if rows:
            found[name] = [tuple(row) for row in rows]
    return found
