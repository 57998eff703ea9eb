"""The rows of one transaction: locked and loaded before a verb, written after it.

The verbs of ``stores.relational`` are plain functions. They run on this in memory, and where
one asks for what isn't here, ``Missing`` says what has to be loaded, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sayiir.stores.postgres.columns import control_of
from sayiir.stores.postgres.needs import Kept, Missing, Needs, Place
from sayiir.stores.records import Event
from sayiir.stores.relational.codes import ENDED, HELD
from sayiir.stores.relational.protocol import Rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sayiir.stores.postgres.queues import Queues
    from sayiir.stores.records import ItemKey, Result
    from sayiir.stores.relational.rows import Item, Run

__all__ = ["NewEvent", "WorkingSet", "is_below"]

NewEvent = tuple[int, int, str, str, bytes]
"""Number, run, signal, address, payload."""


def is_below(path: str, prefix: str) -> bool:
    """Whether a path begins with a prefix, as ranges in statements have it."""
    return path.startswith(prefix)


class WorkingSet(Rows):
    """What was loaded, and what has changed of it.

    The attributes without a comment are filled by ``locking`` and emptied by ``flush``.
    """

    def __init__(self, queues: Queues, needs: Needs) -> None:
        self.now = 0
        self.process = None
        self.changed: set[int] = set()
        self.items: dict[Place, Item] = {}
        self.runs: dict[int, Run] = {}
        self.payloads: dict[int, bytes] = {}
        self.kept: dict[Kept, list[int]] = {}
        self.waits: dict[tuple[int, str, str | None], Place | None] = {}
        self.held_asked: dict[tuple[int, str], int] = {}
        self.no_more_held: set[tuple[int, str]] = set()
        """Spawn paths of which fewer were found than asked for."""
        self.event_numbers: list[int] = []
        self.dirty: dict[Place, Item] = {}
        self.inserted: dict[Place, Item] = {}
        """New items; those whose key was taken are in ``replaced`` as well."""
        self.replaced: set[Place] = set()
        self.elements: dict[Place, bytes] = {}
        self.dirty_runs: dict[int, Run] = {}
        self.results: list[tuple[int, Result]] = []
        self.consumed: dict[int, tuple[int, str]] = {}
        """By event: the run, and the path of the wait that has it."""
        self.pruned_events: set[int] = set()
        """Events that a prune takes which were consumed before it in this transaction."""
        self.new_events: list[NewEvent] = []
        self.pruned: list[tuple[int, str]] = []
        self.deleted: set[Place] = set()
        """Items that a prune takes which ended in this transaction."""
        self.removed_strands: list[tuple[int, str]] = []
        self.removed_runs: list[int] = []
        self._needs = needs
        self._queues = queues
        self._controls: dict[int, int] = {}

    # -- filling

    def keep_item(self, item: Item) -> Place:
        """An item was loaded."""
        place = (item.run, item.spawn_path, item.idx)
        self.items.setdefault(place, item)
        return place

    def keep_run(self, run: Run) -> None:
        """An instance was loaded."""
        self.runs[run.run] = run
        self._controls[run.run] = control_of(run)
        self._queues.learn(run.run, run.definition)

    def loaded_parent(self, place: Place) -> Item | None:
        """The parent of a loaded item, if that is loaded."""
        item = self.items.get(place)
        if item is None or item.parent_spawn_path is None or item.parent_idx is None:
            return None
        return self.items.get((item.run, item.parent_spawn_path, item.parent_idx))

    # -- finding

    def find_run(self, number: int) -> Run | None:
        """The run of this number, or None."""
        run = self.runs.get(number)
        if run is None and number not in self._asked_runs() and number not in self.removed_runs:
            raise Missing(Needs(runs={number}))
        return run

    def _asked_runs(self) -> set[int]:
        needs = self._needs
        return needs.runs | needs.whole | {run for run, _, _ in needs.items}

    def find_instance(self, instance_id: str) -> Run | None:
        """The instance's run, or None. Its root was locked by its id, before all else."""
        for run in self.runs.values():
            if run.instance_id == instance_id:
                return run
        return None

    def find_item(self, run: int, key: ItemKey) -> Item | None:
        """The item, or None."""
        place = (run, key.spawn_path, key.index)
        item = self.items.get(place)
        if item is None and place not in self._needs.items and not self._is_removed(place):
            raise Missing(Needs(items={place}))
        return item

    def _is_removed(self, place: Place) -> bool:
        run, spawn_path, _ = place
        return (
            run in self.removed_runs
            or place in self.deleted
            or any(run == of and is_below(spawn_path, low) for of, low in self.removed_strands)
        )

    def open_items(self, run: Run) -> list[Item]:
        """All items of the run that haven't ended, in key order."""
        self._check_whole(run.run)
        found = [
            (place, item)
            for place, item in self.items.items()
            if place[0] == run.run and item.phase != ENDED
        ]
        found.sort(key=lambda each: each[0])
        return [item for _, item in found]

    def _check_whole(self, run: int) -> None:
        if run not in self._needs.whole:
            raise Missing(Needs(whole={run}))

    def _check_root(self, run: int) -> None:
        if (run, "", 0) not in self.items:
            raise Missing(Needs(items={(run, "", 0)}))

    def interrupted_items(self, run: Run) -> list[Item]:
        """The items of the run that wait because they were interrupted, in key order."""
        return [item for item in self.open_items(run) if item.wait_until is not None]

    def next_held(self, sibling: Item) -> Item | None:
        """The item of lowest index with the sibling's spawn path that is HELD, or None."""
        where = (sibling.run, sibling.spawn_path)
        found = [
            item for place, item in self.items.items() if item.phase == HELD and place[:2] == where
        ]
        if not found and where in self.no_more_held:
            return None
        if not found:
            raise Missing(Needs(held={where: self.held_asked.get(where, 0) + 1}))
        return min(found, key=lambda item: item.idx)

    def longest_wait(self, run: Run, signal_name: str) -> Item | None:
        """The SIGNAL item of this name, without event and holder, that has waited longest."""
        return self._wait(run.run, signal_name, None)

    def wait_at(self, run: Run, signal_name: str, path: str) -> Item | None:
        """A SIGNAL item of this name at this path, without event and holder, or None."""
        return self._wait(run.run, signal_name, path)

    def _wait(self, run: int, signal_name: str, path: str | None) -> Item | None:
        place = self.waits[run, signal_name, path]
        return None if place is None else self.items[place]

    def queue_of(self, run: Run, tags: tuple[str, ...]) -> int:
        """The number of the queue of the run's definition and these tags."""
        number = self._queues.number(run.definition, tags)
        if number is None:
            raise Missing(Needs(queues={(run.definition, tags)}))
        return number

    # -- writing instances and items

    def write_run(self, run: Run) -> None:
        """Write what can change of an instance; its open items say what was asked of it."""
        self._check_root(run.run)
        if control_of(run) != self._controls[run.run]:
            for item in self.open_items(run):
                self.write_item(item)
            self._controls[run.run] = control_of(run)
        self.dirty_runs[run.run] = run

    def write_item(self, item: Item) -> None:
        """Write what can change of an item."""
        place = (item.run, item.spawn_path, item.idx)
        if place not in self.inserted:
            self.dirty[place] = item

    def write_lease(self, item: Item) -> None:
        """The same; all that has changed is written at the end anyway."""
        self.write_item(item)

    def write_items(self, items: Sequence[Item]) -> None:
        """The same as ``write_item`` for several items of one run."""
        for item in items:
            self.write_item(item)

    def count_later(self, parent: Item) -> None:
        """Write ``pending`` and ``held`` of a parent that waits."""
        self.write_item(parent)

    def insert_items(
        self, run: Run, items: Sequence[Item], elements: Mapping[int, bytes] | None = None
    ) -> None:
        """Insert open items of one spawn path, and by index the elements of those that have one.

        That the keys are free is taken for granted; ``flush`` raises ``Missing`` where one isn't.
        """
        self._check_root(run.run)
        for item in items:
            place = (item.run, item.spawn_path, item.idx)
            before = self.items.get(place)
            if before is not None:
                item.epoch += before.epoch
                self.replaced.add(place)
                self.dirty.pop(place, None)
            self.items[place] = self.inserted[place] = item
            element = (elements or {}).get(item.idx)
            if element is not None:
                self.elements[place] = element

    def next_park(self, run: Run) -> int:
        """A number that grows with each park of the run: who has waited longest."""
        self._check_root(run.run)
        run.parks += 1
        self.dirty_runs[run.run] = run
        return run.parks

    # -- results and events

    def add_result(self, run: int, result: Result) -> None:
        """Insert a result; that its path has none yet is found when it is written."""
        self.results.append((run, result))

    def keep_event(self, run: Run, signal_name: str, payload: bytes, address: str | None) -> int:
        """Insert an event that no wait has had; its number, greater than all before."""
        self._check_root(run.run)
        if not self.event_numbers:
            raise Missing(Needs(event_numbers=1))
        number = self.event_numbers.pop(0)
        self.new_events.append((number, run.run, signal_name, address or "", payload))
        self.payloads[number] = payload
        return number

    def oldest_event(self, item: Item) -> Event | None:
        """The oldest event that the wait may have: of its name, sent to its path or to nobody."""
        self._check_root(item.run)
        assert item.signal_name is not None
        first: list[int] = []
        for address in ("", item.path):
            key = (item.run, item.signal_name, address)
            numbers = self.kept.get(key, [])
            left = [each for each in numbers if not self._is_taken(each)]
            if not left and len(numbers) == self._needs.kept.get(key, 0):
                raise Missing(Needs(kept={key: len(numbers) + 1}))
            first += left[:1]
        if not first:
            return None
        return Event(min(first), self.payloads[min(first)])

    def event_payload(self, item: Item) -> bytes:
        """The payload of the event that the item has."""
        assert item.event_id is not None
        payload = self.payloads.get(item.event_id)
        if payload is None:
            raise Missing(Needs(payloads={item.event_id}))
        return payload

    def _is_taken(self, event: int) -> bool:
        return event in self.consumed or event in self.pruned_events

    def consume(self, item: Item) -> None:
        """The event that the item has was given to the wait at its path."""
        assert item.event_id is not None
        self.consumed[item.event_id] = (item.run, item.path)

    # -- sets of rows

    def prune(self, run: Run, prefix: str) -> None:
        """Remove results, ended items and consumed events whose paths begin so."""
        self.results = [
            (of, result)
            for of, result in self.results
            if of != run.run or not is_below(result.path, prefix)
        ]
        for place, item in list(self.items.items()):
            if place[0] == run.run and item.phase == ENDED and is_below(place[1], prefix):
                self._forget(place)
                self.deleted.add(place)
        for event, (of, path) in list(self.consumed.items()):
            if of == run.run and is_below(path, prefix):
                del self.consumed[event]
                self.pruned_events.add(event)
        self.pruned.append((run.run, prefix))

    def remove_below(self, run: Run, scope: Item) -> None:
        """Remove all items below a map item, whoever works on them."""
        strand = (run.run, scope.strand)
        if strand not in self._needs.below:
            raise Missing(Needs(below={strand}))
        for place in list(self.items):
            if place[0] == run.run and is_below(place[1], scope.strand):
                self._forget(place)
        self.removed_strands.append(strand)

    def remove_run(self, run: Run) -> None:
        """Remove the run and all that belongs to it; its fences are stale from now on."""
        self._check_whole(run.run)
        for place in list(self.items):
            if place[0] == run.run:
                self._forget(place)
        del self.runs[run.run]
        self.dirty_runs.pop(run.run, None)
        self.results = [(of, result) for of, result in self.results if of != run.run]
        self.removed_runs.append(run.run)

    def _forget(self, place: Place) -> None:
        for rows in (self.items, self.dirty, self.inserted, self.elements):
            rows.pop(place, None)
        self.replaced.discard(place)

    def unschedule(self, run: Run) -> None:
        """Set ``rank`` and ``due`` of all items of the run to None."""
        for item in self.open_items(run):
            item.rank = item.due = None
            self.write_item(item)

    def end_unclaimed(self, run: Run) -> bool:
        """End the open items that have no holder or whose lease is over; whether any are left."""
        left = False
        for item in self.open_items(run):
            if item.holder is not None and item.lease_until > self.now:
                left = True
                continue
            item.drop_lease()
            item.forget_attempts()
            item.phase, item.error_at, item.output = ENDED, self.now, None
            item.wait_until = item.rank = item.due = None
            self.write_item(item)
        return left
