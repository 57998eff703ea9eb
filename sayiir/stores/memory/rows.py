"""What the memory store keeps: runs, their items, results and events, as mutable rows."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sayiir.stores.memory.agenda import Agendas, Slot, new_agendas
from sayiir.stores.memory.below import Below
from sayiir.stores.records import (
    Control,
    InstanceState,
    ItemKey,
    Latest,
    NewInstance,
    Phase,
    Result,
)

if TYPE_CHECKING:
    from sayiir.stores.inspection import ProgressReport

__all__ = ["EventRow", "Item", "ResultRow", "Run"]


@dataclass(slots=True, eq=False)
class EventRow:
    """An event of one run, kept or consumed; ``address``: the path it was sent to."""

    event_id: int
    signal_name: str
    payload: bytes
    address: str | None
    sent_at: int


@dataclass(slots=True, eq=False)
class ResultRow:
    """A stored result and when it was committed."""

    result: Result
    finished_at: int


@dataclass(slots=True, eq=False)
class Item:
    """A work item. Times are microseconds of the store's clock."""

    key: ItemKey
    parent: Item | None
    path: str
    input: str
    priority: int | None
    tags: tuple[str, ...] = ()
    """What its next task asks of a worker."""
    element: bytes | None = None
    phase: Phase = Phase.READY
    ready_at: int = 0
    """Since when it is ready: READY, SIGNAL with an event, JOIN with all arms ended."""
    wake_at: int | None = None
    """When a DELAY or BACKOFF is over, or a SIGNAL times out."""
    wait_until: int | None = None
    """The end of the wait that follows interruptions."""
    epoch: int = 0
    holder: str | None = None
    lease_until: int = 0
    failures: int = 0
    interruptions: int = 0
    interruptions_ever: int = 0
    signal_name: str | None = None
    parked_as: int = 0
    """A number that grows with each park: who has waited longest."""
    event: EventRow | None = None
    created: int = 0
    total: int | None = None
    limit: int | None = None
    pending: int = 0
    held: deque[Item] = field(default_factory=deque["Item"])
    """Its arms in phase HELD, lowest index first."""
    output: str | None = None
    error: bytes | None = None
    error_at: int = 0
    failed: bool = False
    """The error ended it (or its instance): no attempt follows by itself."""
    report: tuple[ProgressReport, int] | None = None
    """What a running task said last, and when."""

    @property
    def joined(self) -> bool:
        """All arms are created and have ended."""
        return self.phase is Phase.JOIN and self.pending == 0 and self.created == self.total

    @property
    def strand(self) -> str:
        """How the spawn paths of all items below a map item begin."""
        return f"{self.key.spawn_path}[{self.key.index}]/"

    def forget_arms(self) -> None:
        """It has gone on from its spawn."""
        self.created = self.pending = 0
        self.total = self.limit = None
        self.held.clear()

    def forget_attempts(self) -> None:
        """It stands at a new position: nothing has failed there yet."""
        self.failures = self.interruptions = self.interruptions_ever = 0
        self.error, self.failed = None, False


@dataclass(slots=True, eq=False)
class Run:
    """One run of an instance, with everything that belongs to it."""

    number: int
    new: NewInstance
    created_at: int
    deadline_at: int | None
    state: InstanceState = InstanceState.RUNNING
    control: Control = Control.NONE
    reason: str | None = None
    requested_by: str | None = None
    finished_at: int | None = None
    output: str | None = None
    error: bytes | None = None
    agendas: Agendas = field(default_factory=new_agendas)
    spawns: dict[str, dict[int, Item]] = field(default_factory=dict[str, dict[int, Item]])
    """All items by spawn path and index; the root is ``spawns[""][0]``."""
    open: dict[ItemKey, Item] = field(default_factory=dict[ItemKey, Item])
    """The items that haven't ended."""
    interrupted: dict[ItemKey, Item] = field(default_factory=dict[ItemKey, Item])
    """The items that wait because they were interrupted."""
    results: dict[str, ResultRow] = field(default_factory=dict[str, ResultRow])
    ordinals: dict[str, list[tuple[bytes, str]]] = field(
        default_factory=dict[str, list[tuple[bytes, str]]]
    )
    """By node path: (ordinal, path) of each result, sorted."""
    events: dict[int, EventRow] = field(default_factory=dict[int, EventRow])
    kept: dict[tuple[str, str | None], deque[EventRow]] = field(
        default_factory=dict[tuple[str, str | None], deque[EventRow]]
    )
    """Events that no wait has had yet, by signal name and address."""
    waits: dict[str, dict[str, Item]] = field(default_factory=dict[str, dict[str, Item]])
    """Waits without an event, by signal name and path, the longest waiting first."""
    spawns_below: Below[str] = field(default_factory=Below[str])
    results_below: Below[str] = field(default_factory=Below[str])
    events_below: Below[int] = field(default_factory=Below[int])
    """Consumed events, by the path of the wait that had them."""

    @property
    def root(self) -> Item:
        """The item that the instance began with."""
        return self.spawns[""][0]

    def item(self, key: ItemKey) -> Item | None:
        """The item of this key, or None."""
        return self.spawns.get(key.spawn_path, {}).get(key.index)

    def slot(self, key: ItemKey) -> Slot:
        """The item's place in agendas."""
        return (self.number, key.spawn_path, key.index)

    def add_item(self, item: Item) -> None:
        """Insert an open item; one that ended under the same key leaves it its epoch."""
        spawn_path, index = item.key.spawn_path, item.key.index
        if spawn_path not in self.spawns:
            self.spawns[spawn_path] = {}
            self.spawns_below.add(spawn_path, spawn_path)
        before = self.spawns[spawn_path].get(index)
        if before is not None:
            item.epoch = before.epoch
        self.spawns[spawn_path][index] = item
        self.open[item.key] = item

    def add_result(self, result: Result, now: int) -> None:
        """Insert a result."""
        self.results[result.path] = ResultRow(result, now)
        self.results_below.add(result.path, result.path)
        insort(self.ordinals.setdefault(result.node_path, []), (result.ordinal, result.path))

    def latest(self, wanted: Latest) -> tuple[str, bytes] | None:
        """Path and output of the highest ordinal; of equal ones that of the last node path."""
        prefix = wanted.ordinal_prefix
        best: tuple[bytes, str] | None = None
        for node_path in wanted.node_paths:
            known = self.ordinals.get(node_path, [])
            at = bisect_right(known, prefix, key=lambda entry: entry[0][: len(prefix)]) - 1
            if at < 0 or not known[at][0].startswith(prefix):
                continue
            if best is None or known[at][0] >= best[0]:
                best = known[at]
        return None if best is None else (best[1], self.results[best[1]].result.output)

    def prune(self, prefix: str) -> None:
        """Remove the results, ended items and consumed events whose paths begin so."""
        for path in self.results_below.pop(prefix):
            result = self.results.pop(path).result
            known = self.ordinals[result.node_path]
            del known[bisect_left(known, (result.ordinal, path))]
            if not known:
                del self.ordinals[result.node_path]
        for spawn_path in self.spawns_below.pop(prefix):
            still_open = {
                index: item
                for index, item in self.spawns.pop(spawn_path).items()
                if item.phase is not Phase.ENDED
            }
            if still_open:
                self.spawns[spawn_path] = still_open
                self.spawns_below.add(spawn_path, spawn_path)
        for event_id in self.events_below.pop(prefix):
            del self.events[event_id]
