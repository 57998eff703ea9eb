"""Invariants of how a run stands: they hold after every operation, whatever came before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from sayiir.stores.records import Control, InstanceState, ItemKey, Phase

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.sim.cluster.views import ItemView, RunView

__all__ = ["STANDING"]

Found: TypeAlias = "str | None"


def _open(run: RunView) -> Iterator[tuple[ItemKey, ItemView]]:
    return ((key, item) for key, item in run.items.items() if item.open)


def nothing_claimable_in_what_has_ended(run: RunView) -> Found:
    """No item of an instance that has ended is due."""
    if run.state is InstanceState.RUNNING:
        return None
    due = [key for key, item in run.items.items() if item.due is not None]
    return f"{run.state.value}, but due: {due}" if due else None


def completed_leaves_nothing_open(run: RunView) -> Found:
    """A completed or cancelled instance has no open item."""
    if run.state not in (InstanceState.COMPLETED, InstanceState.CANCELLED):
        return None
    left = [key for key, _ in _open(run)]
    return f"{run.state.value}, but open: {left}" if left else None


def an_owner_a_time_or_a_wait(run: RunView) -> Found:
    """Whatever is open in a running instance has an owner, a time, or something it waits for."""
    if run.state is not InstanceState.RUNNING:
        return None
    nobody = [key for key, item in _open(run) if not _looked_after(run, key, item)]
    if nobody:
        return f"nobody looks after {nobody}"
    root = run.items.get(ItemKey())
    if run.control is Control.CANCEL:
        return None if any(_open(run)) else "it is to be cancelled, and nobody is left to do it"
    return None if root is not None and root.open else "it runs, but its root has ended"


def _looked_after(run: RunView, key: ItemKey, item: ItemView) -> bool:
    if run.control is Control.CANCEL:
        return item.holder is not None and item.due is not None
    if item.due is not None:
        return True
    if run.control is Control.PAUSE:
        return item.holder is not None or item.phase is not Phase.ENDED
    match item.phase:
        case Phase.SIGNAL:
            return item.waits
        case Phase.JOIN:
            return item.pending > 0
        case Phase.HELD:
            return item.lined_up and any(
                other.open and other.phase is not Phase.HELD
                for sibling, other in _open(run)
                if sibling.spawn_path == key.spawn_path
            )
        case _:
            return False


def pending_counts_equal_open_arms(run: RunView) -> Found:
    """A parent's count of open arms is the number of its arms that are open."""
    arms: dict[tuple[ItemKey, str], list[ItemView]] = {}
    for key, item in run.items.items():
        if item.parent is not None:
            arms.setdefault((item.parent, key.spawn_path), []).append(item)
    for key, item in _open(run):
        if item.total is None:
            continue
        between_batches = item.created < item.total
        at_the_deadline = item.parent is None and item.holder is not None
        if run.control is Control.CANCEL and (between_batches or at_the_deadline):
            continue  # a cancel has ended its arms under a holder, and nobody goes on from it
        mine = arms.get((key, item.path), [])
        still = sum(arm.open for arm in mine)
        if (item.pending, item.created) != (still, len(mine)):
            return (
                f"{key} counts {item.pending} of {item.created}, there are {still} of {len(mine)}"
            )
        running = sum(arm.open and arm.phase is not Phase.HELD for arm in mine)
        if item.limit is not None and running > item.limit:
            return f"{key} has {running} arms beside each other, at most {item.limit} were allowed"
    return None


def an_event_meets_its_wait(run: RunView) -> Found:
    """No event is kept while somebody waits for it: for one of its name, there if it says where."""
    if run.state is not InstanceState.RUNNING or not run.kept:
        return None
    for key, item in _open(run):
        if item.waits and item.holder is None:
            name = item.path.rsplit("/", 1)[-1].split("#")[0]
            here = (None, item.path)
            kept = [event for event, (of, to) in run.kept.items() if of == name and to in here]
            if kept:
                return f"{key} waits for {name} beside {kept}"
    return None


def an_event_has_one_wait(run: RunView) -> Found:
    """No two items have the same event, and none that is kept is also with an item."""
    had = [item.event for item in run.items.values() if item.event is not None and item.open]
    twice = {event for event in had if had.count(event) > 1 or event in run.kept}
    return f"delivered twice: {sorted(twice)}" if twice else None


def a_lease_is_looked_at_when_it_ends(run: RunView) -> Found:
    """Who is held by somebody is due when the lease ends: no death is overlooked."""
    if run.state is not InstanceState.RUNNING or run.control is Control.PAUSE:
        return None
    for key, item in _open(run):
        if item.holder is not None and item.due != item.lease_until:
            return f"{key} is leased until {item.lease_until}, but due at {item.due}"
    return None


def a_deadline_is_looked_at(run: RunView) -> Found:
    """Whoever stands at the root is due at the deadline at the latest, unless somebody holds it."""
    if run.deadline_at is None or run.state is not InstanceState.RUNNING:
        return None
    root = run.items.get(ItemKey())
    if run.control is Control.PAUSE or root is None or not root.open or root.holder is not None:
        return None
    if root.due is None or root.due > run.deadline_at:
        return f"the root is due at {root.due}, the deadline is at {run.deadline_at}"
    return None


STANDING: Final[tuple[Callable[[RunView], Found], ...]] = (
    nothing_claimable_in_what_has_ended,
    completed_leaves_nothing_open,
    an_owner_a_time_or_a_wait,
    pending_counts_equal_open_arms,
    an_event_meets_its_wait,
    an_event_has_one_wait,
    a_lease_is_looked_at_when_it_ends,
    a_deadline_is_looked_at,
)
