"""The verbs of the memory store. Each is one synchronous transaction behind an ``async def``."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sayiir.clock import Clock, SystemClock
from sayiir.errors import InvalidTransition, StoreUnavailable
from sayiir.stores.dial import Dial
from sayiir.stores.memory import claims, commits, controls, looks, reads
from sayiir.stores.memory.rows import Item, Run
from sayiir.stores.memory.tables import Keeper, Tables
from sayiir.stores.memory.watch import MemoryWatch, Watchers
from sayiir.stores.presence import Roll
from sayiir.stores.records import (
    Answer,
    Checkpoint,
    ClaimAnswer,
    ClaimRequest,
    CreateAnswer,
    Fence,
    InstanceQuery,
    InstanceRecord,
    InstanceState,
    ItemKey,
    LeaseState,
    Loaded,
    NewInstance,
    Page,
    ResultRecord,
    Wanted,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from sayiir.stores.inspection import Inspection, ProgressReport, Retention
    from sayiir.stores.presence import WorkerNotice, WorkerRecord

__all__ = ["MemoryStore"]


class MemoryStore:
    """A store that lives as long as the object, for all loops and threads of one process.

    Every method keeps the contract of ``sayiir.stores.protocols.Store``. Errors and their
    occasions are told there; after ``close`` every method raises ``StoreUnavailable``.

    Args:
        clock: what the store takes the time from; tests hand in one that they move.

    >>> import asyncio
    >>> asyncio.run(MemoryStore().describe("order-42")) is None
    True
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.where = "memory:// (each opening is a store of its own)"
        clock = SystemClock() if clock is None else clock
        self._dial = Dial(clock)
        self._tables = Tables()
        self._roll = Roll()
        self._watchers = Watchers(clock)
        # Leases are renewed on a thread of their own, so that no task can hold them up.
        self._lock = threading.RLock()

    @contextmanager
    def _transaction(self) -> Generator[Tables]:
        """The tables at the time of this transaction; watchers are woken at its end."""
        with self._lock:
            if self._watchers.closed:
                raise StoreUnavailable("the memory store is closed")
            tables = self._tables
            (tables.now, ahead_us), tables.changed = self._dial.read(), set()
            if ahead_us is not None:
                claims.follow(tables, self._dial.settle(ahead_us, self._dial.ahead_us))
            yield tables
            if tables.changed:
                self._watchers.wake(tables.changed)

    # -- instances

    async def create(
        self, new: NewInstance, *, replace: bool = False, claim: ClaimRequest | None = None
    ) -> CreateAnswer:
        """Create the instance and its root item, unless the id is taken."""
        with self._transaction() as tables:
            before = tables.by_instance.get(new.instance_id)
            if before is not None:
                same = before.new.definition_hash == new.definition_hash
                if not (replace and same):
                    return CreateAnswer(existing=reads.describe(before, tables.now))
                tables.remove(before)
            run = _insert(tables, new)
            claimed = None
            if claim is not None:
                keeper = Keeper(claim.holder, tables.now + claim.lease_us)
                claimed = tables.take(run, run.root, keeper)
            return CreateAnswer(claimed=claimed)

    async def describe(self, instance_id: str) -> InstanceRecord | None:
        """The instance as it stands, or None."""
        with self._transaction() as tables:
            run = tables.by_instance.get(instance_id)
            return None if run is None else reads.describe(run, tables.now)

    async def inspect(self, instance_id: str) -> Inspection | None:
        """The instance with its input, its open items and its kept events, or None."""
        with self._transaction() as tables:
            run = tables.by_instance.get(instance_id)
            return None if run is None else looks.inspect(run, tables.now)

    async def page(self, query: InstanceQuery) -> Page:
        """A page of instances, newest first."""
        with self._transaction() as tables:
            return reads.page(tables, query)

    async def delete(self, instance_id: str) -> None:
        """Remove a finished instance with all that belongs to it."""
        with self._transaction() as tables:
            run = tables.run_of(instance_id)
            if run.state is InstanceState.RUNNING:
                raise InvalidTransition(instance_id, "delete", run.state.value)
            tables.remove(run)

    async def delete_finished(self, retention: Retention) -> int:
        """Remove what ended long ago, at most ``retention.limit`` instances; how many."""
        with self._transaction() as tables:
            return looks.delete_finished(tables, retention)

    async def definition(self, definition_hash: str) -> bytes | None:
        """The portable definition that was stored under this hash, or None."""
        with self._transaction() as tables:
            return tables.definitions.get(definition_hash)

    # -- checkpoints and results

    async def commit(self, checkpoints: Sequence[Checkpoint]) -> list[Answer]:
        """Write the checkpoints; each is accepted or refused by itself."""
        with self._transaction() as tables:
            return commits.commit(tables, checkpoints)

    async def load(self, wanted: Sequence[Wanted]) -> list[Loaded]:
        """Read results, joins, elements, events and inputs, for several runs at once."""
        with self._transaction() as tables:
            return [reads.load(tables, each) for each in wanted]

    async def results(self, instance_id: str) -> list[ResultRecord]:
        """Everything that was executed, in the order it was committed; then errors."""
        with self._transaction() as tables:
            run = tables.by_instance.get(instance_id)
            return [] if run is None else reads.results(run)

    async def count_results(self, instance_id: str, node_path: str) -> int:
        """How many results of this node path are stored."""
        with self._transaction() as tables:
            run = tables.by_instance.get(instance_id)
            return 0 if run is None else len(run.ordinals.get(node_path, ()))

    # -- claims and leases

    async def claim(self, request: ClaimRequest) -> ClaimAnswer:
        """Claim what is due, in rank order."""
        with self._transaction() as tables:
            return claims.claim(tables, request)

    async def renew(self, fences: Sequence[Fence], lease_us: int) -> list[LeaseState]:
        """Prolong leases to ``lease_us`` from now, and learn of control requests."""
        with self._transaction() as tables:
            return claims.renew(tables, fences, lease_us)

    async def check(self, fences: Sequence[Fence]) -> list[LeaseState]:
        """Learn of lost leases and control requests; writes nothing."""
        with self._transaction() as tables:
            return claims.check(tables, fences)

    async def report(self, reports: Sequence[ProgressReport]) -> None:
        """Keep what running tasks say of themselves, the last report of each item."""
        with self._transaction() as tables:
            claims.report(tables, reports)

    async def release(self, fences: Sequence[Fence]) -> None:
        """Give leases back; the items are due at once."""
        with self._transaction() as tables:
            claims.release(tables, fences)

    # -- workers

    async def present(self, notice: WorkerNotice, lease_us: int) -> None:
        """The worker is here, for so long or until it says so again."""
        with self._transaction() as tables:
            self._roll.enter(notice, lease_us, tables.now)

    async def absent(self, worker_id: str) -> None:
        """The worker leaves."""
        with self._transaction():
            self._roll.leave(worker_id)

    async def workers(self) -> list[WorkerRecord]:
        """The workers that are here, by id."""
        with self._transaction() as tables:
            return self._roll.at(tables.now)

    # -- events and control requests

    async def send_event(
        self, instance_id: str, signal_name: str, payload: bytes, *, path: str | None = None
    ) -> None:
        """Keep an event, or give it to the longest wait (or to the one at ``path``)."""
        with self._transaction() as tables:
            controls.send_event(tables, instance_id, signal_name, payload, path)

    async def request_cancel(
        self, instance_id: str, reason: str | None = None, requested_by: str | None = None
    ) -> None:
        """End every unclaimed item; Cancelled at once if none is claimed."""
        with self._transaction() as tables:
            controls.request_cancel(tables, instance_id, reason, requested_by)

    async def request_pause(
        self, instance_id: str, reason: str | None = None, requested_by: str | None = None
    ) -> None:
        """Let nothing new start."""
        with self._transaction() as tables:
            controls.request_pause(tables, instance_id, reason, requested_by)

    async def unpause(self, instance_id: str) -> None:
        """Let it go on."""
        with self._transaction() as tables:
            controls.unpause(tables, instance_id)

    async def retry(self, instance_id: str) -> None:
        """Make the stopped items of a failed instance ready, with fresh counts and deadline."""
        with self._transaction() as tables:
            controls.retry(tables, instance_id)

    def watch(self, run: int | None = None) -> MemoryWatch:
        """A watch that sees every change from now on; its timeouts are by the store's clock."""
        with self._transaction():
            return self._watchers.add(run)

    async def close(self) -> None:
        """Refuse everything from now on, and wake who watches. Idempotent."""
        with self._lock:
            self._watchers.closed = True
            self._watchers.wake()


def _insert(tables: Tables, new: NewInstance) -> Run:
    deadline = None if new.timeout_us is None else tables.now + new.timeout_us
    run = Run(tables.next_number(), new, created_at=tables.now, deadline_at=deadline)
    tables.runs[run.number] = tables.by_instance[new.instance_id] = run
    tables.definitions.setdefault(new.definition_hash, new.definition)
    root = Item(
        key=ItemKey(),
        parent=None,
        path=new.root_path,
        input=new.root_input,
        priority=new.root_priority,
        tags=new.root_tags,
        ready_at=tables.now,
    )
    run.add_item(root)
    tables.refresh(run, root)
    return run
