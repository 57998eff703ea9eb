"""Claiming and leases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sayiir.stores.memory.tables import Keeper, Tables
from sayiir.stores.records import (
    ClaimAnswer,
    Claimed,
    ClaimRequest,
    Control,
    Fence,
    InstanceState,
    LeaseState,
    Phase,
    interruption_wait_us,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.stores.inspection import ProgressReport
    from sayiir.stores.memory.agenda import Agenda, Agendas
    from sayiir.stores.memory.rows import Item, Run

__all__ = ["check", "claim", "follow", "release", "renew", "report"]


def claim(tables: Tables, request: ClaimRequest) -> ClaimAnswer:
    """Claim what is due within the filters, in rank order."""
    run = None if request.instance_id is None else tables.by_instance.get(request.instance_id)
    if run is not None and request.skip_interruption_waits:
        for item in run.interrupted.values():
            item.wait_until = None
            tables.refresh(run, item)
        run.interrupted.clear()
    agendas = _agendas(tables, request, run)
    keeper = Keeper(request.holder, tables.now + request.lease_us)
    claimed: list[Claimed] = []
    while len(claimed) < request.limit:
        due = [first for agenda in agendas if (first := agenda.first(tables.now)) is not None]
        if not due:
            break
        number, spawn_path, index = min(due)[1]
        owner = tables.runs[number]
        item = owner.spawns[spawn_path][index]
        if owner.control is Control.CANCEL:
            tables.cancel_unclaimed(owner)
        elif not _waits_first(tables, owner, item, request.skip_interruption_waits):
            claimed.append(tables.take(owner, item, keeper))
    times = [time for agenda in agendas if (time := agenda.next_due(tables.now)) is not None]
    next_due = max(0, min(times) - tables.now) if times else None
    return ClaimAnswer(items=tuple(claimed), next_due_in_us=next_due)


def _agendas(tables: Tables, request: ClaimRequest, run: Run | None) -> list[Agenda]:
    """The agendas to look into, by the request's filters."""
    known = request.definitions
    found: list[Agendas] = []
    if request.instance_id is None:
        found = [each for key, each in tables.agendas.items() if known is None or key in known]
    elif run is not None and (known is None or run.new.definition_hash in known):
        found = [run.agendas]
    able = request.tags
    return [
        agenda
        for each in found
        for tags, agenda in each.items()
        if able is None or able.issuperset(tags)
    ]


def _waits_first(tables: Tables, run: Run, item: Item, skip: bool) -> bool:
    """Count the lease that the item lost, if it lost one; whether it has to wait first."""
    if item.holder is None:
        return False
    item.interruptions += 1
    item.interruptions_ever += 1
    item.holder, item.ready_at = None, item.lease_until
    if item.phase is Phase.BACKOFF and item.wake_at is not None and item.wake_at > tables.now:
        tables.refresh(run, item)
        return True
    wait_us = 0 if skip else interruption_wait_us(item.interruptions)
    if wait_us == 0:
        return False
    item.wait_until = tables.now + wait_us
    run.interrupted[item.key] = item
    tables.refresh(run, item)
    return True


def renew(tables: Tables, fences: Sequence[Fence], lease_us: int) -> list[LeaseState]:
    """Prolong the leases that still hold."""
    for fence in fences:
        held = tables.held(fence)
        if held is not None:
            run, item = held
            item.lease_until = tables.now + lease_us
            tables.refresh(run, item)
    return check(tables, fences)


def follow(tables: Tables, set_by_us: int) -> None:
    """Where the clock was set forwards, the ends of leases move along, as if it hadn't been."""
    if not set_by_us:
        return
    for run in tables.runs.values():
        for item in run.open.values():
            if item.holder is not None:
                item.lease_until += set_by_us
                tables.refresh(run, item)


def check(tables: Tables, fences: Sequence[Fence]) -> list[LeaseState]:
    """Which of the leases still hold, and what was asked of their instances."""
    states: list[LeaseState] = []
    for fence in fences:
        run = tables.runs.get(fence.run)
        ended = run is None or run.state is not InstanceState.RUNNING
        control = Control.STOP if run is None or ended else run.control
        states.append(LeaseState(tables.held(fence) is not None, control))
    return states


def report(tables: Tables, reports: Sequence[ProgressReport]) -> None:
    """Keep what fits the item as it stands."""
    for each in reports:
        held = tables.held(each.fence)
        if held is not None and (held[1].path, held[1].failures) == (each.at, each.failures):
            held[1].report = each, tables.now


def release(tables: Tables, fences: Sequence[Fence]) -> None:
    """Give the leases back: the items are due at once."""
    for fence in fences:
        held = tables.held(fence)
        if held is None:
            continue
        run, item = held
        give_up(tables, run, item)
        if run.control is Control.CANCEL and run.state is InstanceState.RUNNING:
            tables.cancel_unclaimed(run)


def give_up(tables: Tables, run: Run, item: Item) -> None:
    """The holder lets go of the item, which stays as it was.

    A wait that was claimed because it timed out may wait again: events that came meanwhile
    were kept, and it must not sit beside them.
    """
    item.holder, item.ready_at = None, tables.now
    running = run.state is InstanceState.RUNNING
    if running and item.phase is Phase.SIGNAL and item.event is None:
        tables.begin_wait(run, item)
    tables.refresh(run, item)
