"""The rows of the memory store as values, so that what was can be compared with what is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sayiir.stores.records import ItemKey, Phase

if TYPE_CHECKING:
    from sayiir.stores.memory.rows import Item, Run
    from sayiir.stores.memory.tables import Tables
    from sayiir.stores.records import Control, InstanceState

__all__ = ["ItemView", "RunView", "view_of", "views_of"]


class ItemView(NamedTuple):
    """One work item. ``due``: when somebody has to look at it, by the agenda; None: never."""

    epoch: int
    holder: str | None
    lease_until: int
    phase: Phase
    path: str
    parent: ItemKey | None
    due: int | None
    wake_at: int | None
    event: int | None
    waits: bool
    lined_up: bool
    created: int
    total: int | None
    pending: int
    limit: int | None
    open: bool
    ready_at: int
    priority: int | None
    tags: tuple[str, ...]


class RunView(NamedTuple):
    """One run: its state, items, results and events."""

    number: int
    instance_id: str
    state: InstanceState
    control: Control
    items: dict[ItemKey, ItemView]
    results: dict[str, bytes]
    events: frozenset[int]
    kept: dict[int, tuple[str, str | None]]
    """Event id -> signal name and address, of what no wait has had yet."""
    deadline_at: int | None
    definition_hash: str
    priority: int
    error: bytes | None


def views_of(tables: Tables) -> dict[int, RunView]:
    """All runs, by number."""
    return {number: view_of(tables, run) for number, run in tables.runs.items()}


def view_of(tables: Tables, run: Run) -> RunView:
    """One run as it stands."""
    due: dict[tuple[int, str, int], int] = {}
    for agenda in tables.agendas[run.new.definition_hash].values():
        for slot, (when, _) in agenda._entries.items():
            due[slot] = when
    items: dict[ItemKey, ItemView] = {}
    for arms in run.spawns.values():
        for item in arms.values():
            items[item.key] = _item_view(run, item, due)
    kept = {
        each.event_id: (each.signal_name, each.address)
        for queue in run.kept.values()
        for each in queue
    }
    return RunView(
        run.number,
        run.new.instance_id,
        run.state,
        run.control,
        items,
        {path: row.result.output for path, row in run.results.items()},
        frozenset(run.events),
        kept,
        run.deadline_at,
        run.new.definition_hash,
        run.new.priority,
        run.error,
    )


def _item_view(run: Run, item: Item, due: dict[tuple[int, str, int], int]) -> ItemView:
    parent = item.parent
    waiting = item.phase is Phase.SIGNAL and item.event is None
    return ItemView(
        item.epoch,
        item.holder,
        item.lease_until,
        item.phase,
        item.path,
        None if parent is None else parent.key,
        due.get((run.number, item.key.spawn_path, item.key.index)),
        item.wake_at,
        None if item.event is None else item.event.event_id,
        waiting and run.waits.get(item.signal_name or "", {}).get(item.path) is item,
        item.phase is Phase.HELD and parent is not None and item in parent.held,
        item.created,
        item.total,
        item.pending,
        item.limit,
        item.key in run.open,
        item.ready_at,
        item.priority,
        item.tags,
    )
