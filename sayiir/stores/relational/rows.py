"""Rows as objects: an instance and a work item, as they stand in the transaction.

A store may derive from these where its tables have more columns.
"""

from __future__ import annotations

from dataclasses import dataclass

from sayiir.stores.records import ItemKey
from sayiir.stores.relational.codes import ENDED, JOIN

__all__ = ["Item", "Run"]


@dataclass(slots=True, eq=False)
class Run:
    """A row of ``instance`` with its definition's hash at the end."""

    run: int
    instance_id: str
    run_id: str
    definition: int
    workflow_name: str
    workflow_version: str
    state: int
    control: int
    reason: str | None
    requested_by: str | None
    priority: int
    timeout: int | None
    deadline_at: int | None
    created_at: int
    finished_at: int | None
    parks: int
    output: str | None
    error: bytes | None
    labels: str
    traceparent: str | None
    definition_hash: str


@dataclass(slots=True, eq=False)
class Item:
    """A row of ``work_item``."""

    run: int
    spawn_path: str
    idx: int
    parent_spawn_path: str | None
    parent_idx: int | None
    queue: int
    path: str
    input: str
    prio: int
    phase: int
    ready_at: int
    """Since when it is ready: READY, SIGNAL with an event, JOIN with all arms ended."""
    rank: int | None = None
    due: int | None = None
    wake_at: int | None = None
    """When a DELAY or BACKOFF is over, or a SIGNAL times out."""
    wait_until: int | None = None
    epoch: int = 0
    holder: str | None = None
    process: int | None = None
    """Which of the processes that share the store has it; None where the store keeps none."""
    lease_until: int = 0
    failures: int = 0
    interruptions: int = 0
    interruptions_ever: int = 0
    signal_name: str | None = None
    parked_as: int = 0
    event_id: int | None = None
    created: int = 0
    total: int | None = None
    max_open: int | None = None
    pending: int = 0
    held: int = 0
    """How many of its arms are in phase HELD."""
    output: str | None = None
    error: bytes | None = None
    error_at: int = 0
    failed: int = 0
    """1: the error ended it or its instance; no attempt follows by itself."""

    @property
    def key(self) -> ItemKey:
        """Its key within the run."""
        return ItemKey(self.spawn_path, self.idx)

    @property
    def joined(self) -> bool:
        """All arms are created and have ended."""
        return self.phase == JOIN and self.pending == 0 and self.created == self.total

    @property
    def has_room(self) -> bool:
        """Whether one more arm may run: those open and not held are below the limit."""
        return self.max_open is None or self.pending - self.held < self.max_open

    @property
    def ended(self) -> bool:
        """Whether nothing follows."""
        return self.phase == ENDED

    @property
    def quiet(self) -> bool:
        """Nobody waits for it to stand as it does: it has ended, or waits for its arms.

        What its end makes of its parent or its instance is told by those.
        """
        return self.phase == ENDED or (self.phase == JOIN and not self.joined)

    @property
    def strand(self) -> str:
        """How the spawn paths of all items below a map item begin."""
        return f"{self.spawn_path}[{self.idx}]/"

    def drop_lease(self) -> None:
        """Nobody holds it any more."""
        self.holder = self.process = None

    def forget_attempts(self) -> None:
        """It stands at a new position: nothing has failed there yet."""
        self.failures = self.interruptions = self.interruptions_ever = self.failed = 0
        self.error = None

    def forget_arms(self) -> None:
        """It has gone on from its spawn."""
        self.created = self.pending = self.held = 0
        self.total = self.max_open = None
