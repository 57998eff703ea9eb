"""The store protocols: one method, one transaction; bytes and ids only, never user code.

Every method is safe to call from any task of the event loop that opened the store. All raise
``StoreUnavailable`` where the store can't be reached or is closed, and then either the whole
transaction happened or none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.stores.inspection import Inspection, ProgressReport, Retention
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

__all__ = [
    "SignalStore",
    "SnapshotStore",
    "Store",
    "TaskClaimStore",
    "TaskResultStore",
    "Watch",
]


class SnapshotStore(Protocol):
    """Instances and their definitions: create, describe, inspect, list, delete."""

    async def create(
        self, new: NewInstance, *, replace: bool = False, claim: ClaimRequest | None = None
    ) -> CreateAnswer:
        """Create the instance and its root item, unless the id is taken.

        Taken and not ``replace``, or taken by another definition hash: nothing is written and
        the answer has ``existing``. ``replace`` removes the old run with its results, items
        and events first; who still works for it finds the fence stale. ``claim``: the root is
        claimed in the same transaction.
        """
        ...

    async def describe(self, instance_id: str) -> InstanceRecord | None:
        """The instance as it stands, or None."""
        ...

    async def inspect(self, instance_id: str) -> Inspection | None:
        """The instance with its input, its open items and its kept events, or None."""
        ...

    async def page(self, query: InstanceQuery) -> Page:
        """A page of instances, newest first."""
        ...

    async def delete(self, instance_id: str) -> None:
        """Remove a finished instance with all that belongs to it.

        Raises:
            InstanceNotFound: there is none.
            InvalidTransition: it isn't finished.
        """
        ...

    async def delete_finished(self, retention: Retention) -> int:
        """Remove what ended long ago, at most ``retention.limit`` instances; how many."""
        ...

    async def definition(self, definition_hash: str) -> bytes | None:
        """The portable definition that was stored under this hash, or None."""
        ...


class TaskResultStore(Protocol):
    """Checkpoints and results."""

    async def commit(self, checkpoints: Sequence[Checkpoint]) -> list[Answer]:
        """Write the checkpoints in one transaction; each is accepted or refused by itself.

        The answers stand in the order of the checkpoints. When this returns, what was
        accepted is on disk. What a checkpoint claims is held by the holder of its fence.
        """
        ...

    async def load(self, wanted: Sequence[Wanted]) -> list[Loaded]:
        """Read results, joins, elements, events and inputs, for several runs at once."""
        ...

    async def results(self, instance_id: str) -> list[ResultRecord]:
        """Everything that was executed, in the order it was committed: of one commit in any.

        Then the errors of open items. Empty where there is no such instance.
        """
        ...

    async def count_results(self, instance_id: str, node_path: str) -> int:
        """How many results of this node path are stored."""
        ...


class TaskClaimStore(Protocol):
    """Claims and leases."""

    async def claim(self, request: ClaimRequest) -> ClaimAnswer:
        """Claim what is due, in rank order.

        A lease that has ended counts as an interruption, once, here. What a cancelled or
        ended instance has left over is ended, not answered.
        """
        ...

    async def renew(self, fences: Sequence[Fence], lease_us: int) -> list[LeaseState]:
        """Prolong leases to ``lease_us`` from now, and learn of control requests."""
        ...

    async def check(self, fences: Sequence[Fence]) -> list[LeaseState]:
        """Learn of lost leases and control requests; writes nothing."""
        ...

    async def report(self, reports: Sequence[ProgressReport]) -> None:
        """Keep what running tasks say of themselves, the last report of each item.

        One whose fence is stale, or whose item doesn't stand where it did, is skipped. Prolongs
        nothing and wakes nobody.
        """
        ...

    async def release(self, fences: Sequence[Fence]) -> None:
        """Give leases back; the items are due at once. No interruption. Stale ones are skipped."""
        ...


class SignalStore(Protocol):
    """Events, control requests and wake-ups."""

    async def send_event(
        self, instance_id: str, signal_name: str, payload: bytes, *, path: str | None = None
    ) -> None:
        """Keep an event, or give it to the wait that has waited longest (or the one at ``path``).

        Raises:
            InstanceNotFound: there is none.
            InvalidTransition: it is finished.
        """
        ...

    async def request_cancel(
        self, instance_id: str, reason: str | None = None, requested_by: str | None = None
    ) -> None:
        """End every unclaimed item; Cancelled at once if none is claimed.

        Raises:
            InstanceNotFound: there is none.
            InvalidTransition: it is completed or failed. Harmless on a cancelled one.
        """
        ...

    async def request_pause(
        self, instance_id: str, reason: str | None = None, requested_by: str | None = None
    ) -> None:
        """Let nothing new start.

        Raises:
            InstanceNotFound: there is none.
            InvalidTransition: it is finished. Harmless on a paused one.
        """
        ...

    async def unpause(self, instance_id: str) -> None:
        """Let it go on.

        Raises:
            InstanceNotFound: there is none.
            InvalidTransition: it isn't paused.
        """
        ...

    async def retry(self, instance_id: str) -> None:
        """Make the stopped items of a failed instance ready, with fresh counts and deadline.

        An item that is held keeps its counts, its holder's, and is due when its lease ends.

        Raises:
            InstanceNotFound: there is none.
            InvalidTransition: it isn't failed.
        """
        ...

    def watch(self, run: int | None = None) -> Watch:
        """A watch that sees every change from now on; ``run``: of this run, maybe of others."""
        ...


class Watch(Protocol):
    """Wake-ups: notices that something may be due or has ended. A hint, never the truth."""

    async def changed(self, timeout_seconds: float) -> bool:
        """Wait for a change since the last return, or the timeout (then False)."""
        ...

    def wake(self) -> None:
        """Have ``changed`` return as after a change: there is news of another kind. In its loop."""
        ...

    def close(self) -> None:
        """Stop watching."""
        ...


class Store(SnapshotStore, TaskResultStore, TaskClaimStore, SignalStore, Protocol):
    """All four, and what opens and closes them."""

    async def close(self) -> None:
        """Finish what was acknowledged and let go of files and connections. Idempotent."""
        ...
