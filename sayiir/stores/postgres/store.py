"""The verbs of the PostgreSQL store. Each is written out in a module of its own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sayiir.clock import Clock, SystemClock
from sayiir.stores.postgres import (
    claim,
    commit,
    control,
    create,
    describe,
    history,
    inspecting,
    leases,
    listing,
    load,
    migrations,
    presence,
)
from sayiir.stores.postgres.creations import Creations
from sayiir.stores.postgres.database import Database
from sayiir.stores.postgres.retention import delete_finished
from sayiir.stores.postgres.url import PostgresUrl, parse_url
from sayiir.stores.postgres.work import Work

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    from sayiir.stores.relational.watch import StoreWatch

__all__ = ["PostgresStore", "migrate"]


async def migrate(url: str) -> int:
    """Bring a database to the schema of this version; how many steps that took.

    Any number may do this at once, and whoever is killed in it has done nothing by halves. Where
    there is no schema yet, it is made.

    Args:
        url: as for ``open_store``.

    Raises:
        ValueError: the URL is wrong.
        SchemaVersionError: the schema is too new, or was made by an unreleased version.
        StoreError: the schema holds another program's tables, which were left as they were, or
            the URL's user may not create it.
        StoreUnavailable: the server can't be reached.
    """
    return await migrations.migrate(parse_url(url))


class PostgresStore:
    """A store in one PostgreSQL schema, for any number of processes on any number of machines.

    Made by ``open``. Every method keeps the contract of ``sayiir.stores.protocols.Store``:
    errors and their occasions are told there. It can be used from several event loops, each of
    which gets connections of its own. After ``os.fork`` the child can't use its parent's store.
    """

    def __init__(self, url: PostgresUrl, clock: Clock) -> None:
        self.where = url.where
        self._database = Database(url, clock)
        self._work = Work(self._database)
        self._creations = Creations(self._database, partial(create.create_alone, self._database))

    @classmethod
    async def open(cls, url: str, clock: Clock | None = None) -> PostgresStore:
        """Open the store, its tables made where the schema is new or empty.

        Args:
            url: ``postgresql://user@host:port/database?schema=sayiir``, as libpq knows it.
            clock: what the store takes the time from; tests hand in one that they move. By
                default it is the server's, whatever this machine's says.

        Raises:
            ValueError: the URL is wrong; passwords aren't in the message.
            SchemaVersionError: the schema has to be migrated first, or is too new. It was left
                as it was.
            StoreError: the schema holds another program's tables.
            StoreUnavailable: the server can't be reached, or refuses.
        """
        parsed = parse_url(url)
        connection = await migrations.prepared(parsed)
        store = cls(parsed, SystemClock() if clock is None else clock)
        await store._database.pool().adopt(connection)
        return store

    # -- instances

    async def create(
        self, new: NewInstance, *, replace: bool = False, claim: ClaimRequest | None = None
    ) -> CreateAnswer:
        """Create the instance and its root item, unless the id is taken."""
        return await create.create(
            self._work, self._creations, new, self.describe, replace=replace, claim=claim
        )

    async def describe(self, instance_id: str) -> InstanceRecord | None:
        """The instance as it stands, or None."""
        return await describe.describe(self._database, instance_id)

    async def inspect(self, instance_id: str) -> Inspection | None:
        """The instance with its input, its open items and its kept events, or None."""
        return await inspecting.inspect(self._database, instance_id)

    async def page(self, query: InstanceQuery) -> Page:
        """A page of instances, newest first."""
        return await listing.page(self._database, query)

    async def delete(self, instance_id: str) -> None:
        """Remove a finished instance with all that belongs to it."""
        await control.delete(self._work, instance_id)

    async def delete_finished(self, retention: Retention) -> int:
        """Remove what ended long ago, at most ``retention.limit`` instances; how many."""
        return await delete_finished(self._database, retention)

    async def definition(self, definition_hash: str) -> bytes | None:
        """The portable definition that was stored under this hash, or None."""
        return await history.definition(self._database, definition_hash)

    # -- checkpoints and results

    async def commit(self, checkpoints: Sequence[Checkpoint]) -> list[Answer]:
        """Write the checkpoints in one transaction; each is accepted or refused by itself."""
        return await commit.commit(self._work, checkpoints)

    async def load(self, wanted: Sequence[Wanted]) -> list[Loaded]:
        """Read results, joins, elements, events and inputs, for several runs at once."""
        return await load.load(self._database, wanted)

    async def results(self, instance_id: str) -> list[ResultRecord]:
        """Everything that was executed, in the order it was committed; then errors."""
        return await history.results(self._database, instance_id)

    async def count_results(self, instance_id: str, node_path: str) -> int:
        """How many results of this node path are stored."""
        return await history.count_results(self._database, instance_id, node_path)

    # -- claims and leases

    async def claim(self, request: ClaimRequest) -> ClaimAnswer:
        """Claim what is due, in rank order."""
        return await claim.claim(self._work, request)

    async def renew(self, fences: Sequence[Fence], lease_us: int) -> list[LeaseState]:
        """Prolong leases to ``lease_us`` from now, and learn of control requests."""
        return await leases.renew(self._work, fences, lease_us)

    async def check(self, fences: Sequence[Fence]) -> list[LeaseState]:
        """Learn of lost leases and control requests; writes nothing."""
        return await leases.check(self._work, fences)

    async def report(self, reports: Sequence[ProgressReport]) -> None:
        """Keep what running tasks say of themselves, the last report of each item."""
        await leases.report(self._work, reports)

    async def release(self, fences: Sequence[Fence]) -> None:
        """Give leases back; the items are due at once."""
        await leases.release(self._work, fences)

    # -- workers

    async def present(self, notice: WorkerNotice, lease_us: int) -> None:
        """The worker is here, for so long or until it says so again."""
        await presence.enter(self._database, notice, lease_us)

    async def absent(self, worker_id: str) -> None:
        """The worker leaves."""
        await presence.leave(self._database, worker_id)

    async def workers(self) -> list[WorkerRecord]:
        """The workers that are here, by id."""
        return await presence.present(self._database)

    # -- events and control requests

    async def send_event(
        self, instance_id: str, signal_name: str, payload: bytes, *, path: str | None = None
    ) -> None:
        """Keep an event, or give it to the longest wait (or to the one at ``path``)."""
        await control.send_event(self._work, instance_id, signal_name, payload, path)

    async def request_cancel(
        self, instance_id: str, reason: str | None = None, requested_by: str | None = None
    ) -> None:
        """End every unclaimed item; Cancelled at once if none is claimed."""
        await control.request_cancel(self._work, instance_id, reason, requested_by)

    async def request_pause(
        self, instance_id: str, reason: str | None = None, requested_by: str | None = None
    ) -> None:
        """Let nothing new start."""
        await control.request_pause(self._work, instance_id, reason, requested_by)

    async def unpause(self, instance_id: str) -> None:
        """Let it go on."""
        await control.unpause(self._work, instance_id)

    async def retry(self, instance_id: str) -> None:
        """Make the stopped items of a failed instance ready, with fresh counts and deadline."""
        await control.retry(self._work, instance_id)

    def watch(self, run: int | None = None) -> StoreWatch:
        """A watch that sees every change from now on; its timeouts are by the store's clock."""
        return self._database.watch(run)

    async def close(self) -> None:
        """Let running verbs finish, close all connections, wake who watches. Idempotent."""
        await self._database.close()
