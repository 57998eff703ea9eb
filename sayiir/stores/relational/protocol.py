"""All that the verbs ask of a transaction.

A store with immediate SQL executes it where a method is called. One that loads rows beforehand
and writes at the end answers from what it has loaded. Both are possible because:

- An object that a method gave out stands for its row until the end of the transaction: asked
  again for the row, the store gives the same object, or one made from what was saved last. A
  verb saves what it has changed before it asks for anything that could meet it.
- Everything that is saved, inserted, kept or removed is seen by every method from then on.
- Sets of rows are changed by one method each. A verb holds on to no object of a row that such
  a method removes or changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sayiir.errors import InstanceNotFound, InvalidTransition
from sayiir.stores.records import ItemKey
from sayiir.stores.relational.codes import RUNNING, STATES
from sayiir.stores.relational.damage import DamagedRow
from sayiir.stores.relational.due import schedule

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sayiir.stores.records import Event, Fence, Result
    from sayiir.stores.relational.rows import Item, Run

__all__ = ["Rows"]


class Rows(Protocol):
    """The rows of one transaction. To be derived from: what follows from the rest is here.

    Attributes:
        now: the store's time of this transaction, in microseconds since the Unix epoch.
        process: the number of this store among those that hold leases; None: it keeps none.
        changed: the runs whose watchers have to be woken once it is committed.
    """

    __slots__ = ()

    now: int
    process: int | None
    changed: set[int]

    # -- finding

    def find_run(self, number: int) -> Run | None:
        """The run of this number, or None."""
        ...

    def find_instance(self, instance_id: str) -> Run | None:
        """The instance's run, or None."""
        ...

    def find_item(self, run: int, key: ItemKey) -> Item | None:
        """The item, or None."""
        ...

    def open_items(self, run: Run) -> list[Item]:
        """All items of the run that haven't ended, in key order."""
        ...

    def interrupted_items(self, run: Run) -> list[Item]:
        """The items of the run that wait because they were interrupted, in key order."""
        ...

    def next_held(self, sibling: Item) -> Item | None:
        """The item of lowest index with the sibling's spawn path that is HELD, or None."""
        ...

    def longest_wait(self, run: Run, signal_name: str) -> Item | None:
        """The SIGNAL item of this name, without event and holder, that has waited longest."""
        ...

    def wait_at(self, run: Run, signal_name: str, path: str) -> Item | None:
        """A SIGNAL item of this name at this path, without event and holder, or None."""
        ...

    def queue_of(self, run: Run, tags: tuple[str, ...]) -> int:
        """The number of the queue of the run's definition and these tags, made where there is none.

        A queue is never removed.
        """
        ...

    # -- writing instances and items

    def write_run(self, run: Run) -> None:
        """Write what can change of an instance."""
        ...

    def write_item(self, item: Item) -> None:
        """Write what can change of an item."""
        ...

    def write_lease(self, item: Item) -> None:
        """The same, where only the lease and what hangs on it has changed."""
        ...

    def write_items(self, items: Sequence[Item]) -> None:
        """The same as ``write_item`` for several items of one run."""
        ...

    def count_later(self, parent: Item) -> None:
        """Write ``pending`` and ``held`` of a parent that waits, at the end at the latest.

        A batch that ends a hundred arms counts them in memory, and writes their parent once.
        """
        ...

    def insert_items(
        self, run: Run, items: Sequence[Item], elements: Mapping[int, bytes] | None = None
    ) -> None:
        """Insert open items of one spawn path, and by index the elements of those that have one.

        ``rank`` and ``due`` are set already. An item whose key is taken takes the row's place,
        element and all, and ``epoch`` grows by the row's: only a node that is executed again
        comes upon such a row, and the fences of the first time must stay stale.
        """
        ...

    def next_park(self, run: Run) -> int:
        """A number that grows with each park of the run: who has waited longest."""
        ...

    # -- results and events

    def add_result(self, run: int, result: Result) -> None:
        """Insert a result of the run of this number.

        Raises:
            StoreError: its path has one; here, or before the transaction ends.
        """
        ...

    def keep_event(self, run: Run, signal_name: str, payload: bytes, address: str | None) -> int:
        """Insert an event that no wait has had; its number, greater than all before."""
        ...

    def oldest_event(self, item: Item) -> Event | None:
        """The oldest event that the wait may have: of its name, sent to its path or to nobody."""
        ...

    def event_payload(self, item: Item) -> bytes:
        """The payload of the event that the item has."""
        ...

    def consume(self, item: Item) -> None:
        """The event that the item has was given to the wait at its path."""
        ...

    # -- sets of rows

    def prune(self, run: Run, prefix: str) -> None:
        """Remove results, ended items and consumed events whose paths begin so.

        The prefix ends in ``/`` and is taken by the letter. Elements and reports go with items.
        """
        ...

    def remove_below(self, run: Run, scope: Item) -> None:
        """Remove all items below a map item (``scope.strand``), whoever works on them."""
        ...

    def remove_run(self, run: Run) -> None:
        """Remove the run and all that belongs to it; its fences are stale from now on."""
        ...

    def unschedule(self, run: Run) -> None:
        """Set ``rank`` and ``due`` of all items of the run to None."""
        ...

    def end_unclaimed(self, run: Run) -> bool:
        """End the open items that have no holder or whose lease is over; whether any are left.

        They end as by ``moves.end_item``, without output and error.
        """
        ...

    # -- what follows from these

    def run_of(self, instance_id: str) -> Run:
        """The instance's run, or ``InstanceNotFound``."""
        run = self.find_instance(instance_id)
        if run is None:
            raise InstanceNotFound(instance_id)
        return run

    def unfinished(self, instance_id: str, verb: str) -> Run:
        """The instance's run, which hasn't ended, or ``InvalidTransition``."""
        run = self.run_of(instance_id)
        if run.state != RUNNING:
            raise InvalidTransition(instance_id, verb, STATES[run.state].value)
        return run

    def held(self, fence: Fence) -> tuple[Run, Item] | None:
        """The item that the fence is for, if the fence still holds.

        A lease that has ended but that nobody has taken is still held: there is one writer.
        """
        try:
            item = self.find_item(fence.run, fence.item)
            if item is None or item.epoch != fence.epoch or item.holder is None:
                return None
            run = self.find_run(fence.run)
        except DamagedRow:
            return None  # a claim meets it, and tells of it
        return None if run is None else (run, item)

    def parent_of(self, item: Item) -> Item | None:
        """The item that spawned this one."""
        if item.parent_spawn_path is None or item.parent_idx is None:
            return None
        return self.find_item(item.run, ItemKey(item.parent_spawn_path, item.parent_idx))

    def save(self, run: Run, item: Item) -> None:
        """Write the item, filed under the time when it next needs looking at."""
        schedule(run, item)
        if item.holder is None:
            self.changed.add(item.run)
        self.write_item(item)

    def save_lease(self, run: Run, item: Item) -> None:
        """The same, where only the lease and what hangs on it has changed."""
        schedule(run, item)
        if item.holder is None:
            self.changed.add(item.run)
        self.write_lease(item)

    def save_all(self, run: Run, items: Iterable[Item]) -> None:
        """The same for several items of one run, whoever holds them."""
        items = list(items)
        for item in items:
            schedule(run, item)
        self.changed.add(run.run)
        self.write_items(items)

    def insert(
        self, run: Run, items: Sequence[Item], elements: Mapping[int, bytes] | None = None
    ) -> None:
        """Insert open items of one spawn path, filed under the times when they need looking at."""
        for item in items:
            schedule(run, item)
        self.changed.add(run.run)
        self.insert_items(run, items, elements)
