"""The verbs of the SQLite store. Each is one job for the writer's or the reader's thread."""

from __future__ import annotations

import asyncio
import os
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sayiir.clock import Clock, SystemClock
from sayiir.errors import StoreError, StoreUnavailable
from sayiir.loops import OwnLoop
from sayiir.stores.relational import claims, controls
from sayiir.stores.relational.instances import delete
from sayiir.stores.relational.watch import StoreWatch, Watchers
from sayiir.stores.sqlite import claim, commit, inspecting, instances, listing, load
from sayiir.stores.sqlite.forks import watch_forks
from sayiir.stores.sqlite.presence import Presence
from sayiir.stores.sqlite.quick import DONE
from sayiir.stores.sqlite.reader import Reader
from sayiir.stores.sqlite.retention import delete_finished
from sayiir.stores.sqlite.sweep import Sweep
from sayiir.stores.sqlite.worker import Worker
from sayiir.stores.sqlite.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sayiir.stores.inspection import Inspection, ProgressReport, Retention
    from sayiir.stores.presence import WorkerNotice, WorkerRecord
    from sayiir.stores.records import (
        Answer,
        Checkpoint,
        ClaimAnswer,
        ClaimRequest,
        CreateAnswer,
        Fence,
        InstanceQuery,
        InstanceRecord,
        LeaseState,
        Loaded,
        NewInstance,
        Page,
        ResultRecord,
        Wanted,
    )
    from sayiir.stores.sqlite.transaction import Transaction
    from sayiir.stores.sqlite.worker import Job

__all__ = ["SqliteStore"]

Result = TypeVar("Result")


class SqliteStore:
    """A store in one SQLite file, for any number of processes on one machine.

    Made by ``open``. Every method keeps the contract of ``sayiir.stores.protocols.Store``:
    errors and their occasions are told there. The file must not be on a network file system,
    whose locks can't be relied on. After ``os.fork`` the child can't use its parent's store.

    >>> import asyncio
    >>> async def main() -> object:
    ...     store = await SqliteStore.open(None)
    ...     try:
    ...         return await store.describe("order-42")
    ...     finally:
    ...         await store.close()
    >>> asyncio.run(main()) is None
    True
    """

    def __init__(self, path: Path | None, clock: Clock) -> None:
        self.where = (
            "sqlite:// (each opening is a store of its own)"
            if path is None
            else f"sqlite:///{path}"
        )
        self._process_id = os.getpid()
        self._watchers = Watchers(clock)
        self._writer = Writer(path, clock, self._watchers)
        self._write = Worker("sayiir-sqlite-writer", self._writer)
        self._reader = None if path is None else Reader(path, clock)
        self._read = self._write
        if self._reader is not None:
            self._read = Worker("sayiir-sqlite-reader", self._reader)
        self._sweep = Sweep(self._writer)
        self._presence = Presence(lambda: self._writer.holders)
        self._watchers.begin_waiting = self._write.ring

    @classmethod
    async def open(
        cls, path: str | os.PathLike[str] | None, clock: Clock | None = None
    ) -> SqliteStore:
        """Open the file, made where there is none and migrated where it is older.

        Args:
            path: the file; None: a private database in memory, gone when it is closed.
            clock: what the store takes the time from; tests hand in one that they move.

        Raises:
            SchemaVersionError: the file was made by a version whose format this one can't use.
            StoreError: it is no database, another program's, or damaged. As with
                ``SchemaVersionError`` it is left as it was.
            StoreUnavailable: it can't be read or written now.
        """
        wanted = SystemClock() if clock is None else clock
        loop = asyncio.get_running_loop()
        if isinstance(loop, OwnLoop) and loop.idle:
            return cls._opened(path, wanted)  # nothing else is due there: it may be blocked
        return await asyncio.to_thread(cls._opened, path, wanted)

    @classmethod
    def _opened(cls, path: str | os.PathLike[str] | None, clock: Clock) -> SqliteStore:
        # Several names of one file must find the same locks beside it.
        store = cls(None if path is None else Path(path).resolve(), clock)
        store._start()
        return store

    def _start(self) -> None:
        self._write.start()
        if self._read is not self._write:
            try:
                self._read.start()
            except BaseException:
                self._write.close()
                raise
        watch_forks(self._writer, self._reader)
        # A store that is dropped or left open at the end still finishes what it was given.
        weakref.finalize(self, _close, self._process_id, self._read, self._write)

    def _writing(
        self, verb: Callable[[Transaction], Result], *, urgent: bool = False
    ) -> Job[Result]:
        self._check_process()
        return self._write.submit(verb, urgent=urgent)

    def _reading(self, verb: Callable[[Transaction], Result]) -> Job[Result]:
        self._check_process()
        return self._read.submit(verb)

    def _check_process(self) -> None:
        if os.getpid() != self._process_id:
            raise StoreError(
                f"this store was opened by process {self._process_id} and can't be used in its "
                f"forked child {os.getpid()}; open one there"
            )

    # -- instances

    async def create(
        self, new: NewInstance, *, replace: bool = False, claim: ClaimRequest | None = None
    ) -> CreateAnswer:
        """Create the instance and its root item, unless the id is taken."""
        return await self._writing(
            lambda tx: instances.create(tx, new, replace=replace, claim=claim)
        )

    async def describe(self, instance_id: str) -> InstanceRecord | None:
        """The instance as it stands, or None."""

        def look(tx: Transaction) -> tuple[InstanceRecord | None, bool]:
            run = tx.find_instance(instance_id)
            if run is None:
                return None, False
            return listing.describe(tx, run), self._sweep.dead_hold_up(tx, run)

        return await self._with_no_dead(look)

    async def inspect(self, instance_id: str) -> Inspection | None:
        """The instance with its input, its open items and its kept events, or None."""
        return await self._reading(lambda tx: inspecting.inspect(tx, instance_id))

    async def page(self, query: InstanceQuery) -> Page:
        """A page of instances, newest first."""
        return await self._with_no_dead(
            lambda tx: (listing.page(tx, query), self._sweep.dead_hold_up(tx))
        )

    async def _with_no_dead(self, look: Callable[[Transaction], tuple[Result, bool]]) -> Result:
        """What a look at instances shows, once no dead process holds up what was asked of them."""

        def look_again(tx: Transaction) -> Result:
            self._sweep.end_dead_leases(tx)
            return look(tx)[0]

        found, dead = await self._reading(look)
        return await self._writing(look_again) if dead else found

    async def delete(self, instance_id: str) -> None:
        """Remove a finished instance with all that belongs to it."""
        await self._writing(lambda tx: delete(tx, instance_id))

    async def delete_finished(self, retention: Retention) -> int:
        """Remove what ended long ago, at most ``retention.limit`` instances; how many."""
        return await self._writing(lambda tx: delete_finished(tx, retention))

    async def definition(self, definition_hash: str) -> bytes | None:
        """The portable definition that was stored under this hash, or None."""
        return await self._reading(lambda tx: instances.definition(tx, definition_hash))

    # -- checkpoints and results

    async def commit(self, checkpoints: Sequence[Checkpoint]) -> list[Answer]:
        """Write the checkpoints in one transaction; each is accepted or refused by itself."""
        if len(checkpoints) == 1 and os.getpid() == self._process_id:
            loop = asyncio.get_running_loop()
            # Where somebody waits for a step and for nothing else, no job is made of it.
            if (
                isinstance(loop, OwnLoop)
                and loop.idle
                and self._write.done_at_once(self._writer.step_at_once, checkpoints[0])
            ):
                if loop.turn_is_due:
                    await asyncio.sleep(0)
                return [DONE]
        return await self._writing(lambda tx: commit.commit(tx, checkpoints))

    async def load(self, wanted: Sequence[Wanted]) -> list[Loaded]:
        """Read results, joins, elements, events and inputs, for several runs at once."""
        return await self._reading(lambda tx: [load.load(tx, each) for each in wanted])

    async def results(self, instance_id: str) -> list[ResultRecord]:
        """Everything that was executed, in the order it was committed; then errors."""
        return await self._reading(lambda tx: listing.results(tx, instance_id))

    async def count_results(self, instance_id: str, node_path: str) -> int:
        """How many results of this node path are stored."""
        return await self._reading(lambda tx: load.count_results(tx, instance_id, node_path))

    # -- claims and leases

    async def claim(self, request: ClaimRequest) -> ClaimAnswer:
        """Claim what is due, in rank order."""
        return await self._writing(lambda tx: self._sweep.claim(tx, request))

    async def renew(self, fences: Sequence[Fence], lease_us: int) -> list[LeaseState]:
        """Prolong leases to ``lease_us`` from now, and learn of control requests."""
        return await self._writing(lambda tx: claims.renew(tx, fences, lease_us), urgent=True)

    async def check(self, fences: Sequence[Fence]) -> list[LeaseState]:
        """Learn of lost leases and control requests; writes nothing."""
        return await self._reading(lambda tx: claims.check(tx, fences))

    async def report(self, reports: Sequence[ProgressReport]) -> None:
        """Keep what running tasks say of themselves, the last report of each item."""
        await self._writing(lambda tx: claim.report(tx, reports))

    async def release(self, fences: Sequence[Fence]) -> None:
        """Give leases back; the items are due at once."""
        await self._writing(lambda tx: claims.release(tx, fences))

    # -- workers

    async def present(self, notice: WorkerNotice, lease_us: int) -> None:
        """The worker is here, for so long or until it says so again. Writes nothing in the file."""
        await self._reading(lambda tx: self._presence.enter(notice, lease_us, tx.now))

    async def absent(self, worker_id: str) -> None:
        """The worker leaves."""
        await self._reading(lambda tx: self._presence.leave(worker_id, tx.now))

    async def workers(self) -> list[WorkerRecord]:
        """The workers that are here, by id; whose process has ended isn't."""
        return await self._reading(lambda tx: self._presence.at(tx.now))

    # -- events and control requests

    async def send_event(
        self, instance_id: str, signal_name: str, payload: bytes, *, path: str | None = None
    ) -> None:
        """Keep an event, or give it to the longest wait (or to the one at ``path``)."""
        await self._writing(
            lambda tx: controls.send_event(tx, instance_id, signal_name, payload, path)
        )

    async def request_cancel(
        self, instance_id: str, reason: str | None = None, requested_by: str | None = None
    ) -> None:
        """End every unclaimed item; Cancelled at once if none is claimed."""

        def verb(tx: Transaction) -> None:
            self._sweep.end_dead_leases(tx)
            controls.request_cancel(tx, instance_id, reason, requested_by)

        await self._writing(verb)

    async def request_pause(
        self, instance_id: str, reason: str | None = None, requested_by: str | None = None
    ) -> None:
        """Let nothing new start."""

        def verb(tx: Transaction) -> None:
            self._sweep.end_dead_leases(tx)
            controls.request_pause(tx, instance_id, reason, requested_by)

        await self._writing(verb)

    async def unpause(self, instance_id: str) -> None:
        """Let it go on."""
        await self._writing(lambda tx: controls.unpause(tx, instance_id))

    async def retry(self, instance_id: str) -> None:
        """Make the stopped items of a failed instance ready, with fresh counts and deadline."""
        await self._writing(lambda tx: controls.retry(tx, instance_id))

    def watch(self, run: int | None = None) -> StoreWatch:
        """A watch that sees every change from now on; its timeouts are by the store's clock."""
        self._check_process()
        if self._watchers.closed:
            raise StoreUnavailable("the store is closed")
        return self._watchers.add(run)

    async def close(self) -> None:
        """Finish what was given, let go of files and threads, wake who watches. Idempotent."""
        self._check_process()
        self._watchers.closed = True
        self._watchers.wake()
        await asyncio.to_thread(_close, self._process_id, self._read, self._write)


def _close(process_id: int, read: Worker, write: Worker) -> None:
    if os.getpid() != process_id:
        return  # at the exit of a forked child, which must not touch its parent's store
    # The reader first: the writer's connection, closed last, empties the WAL file.
    if read is not write:
        read.close()
    write.close()
