"""Instances as people see them: one, its history, and a list."""

from __future__ import annotations

from sayiir.frozen import frozen
from sayiir.stores.records.states import Control, InstanceState, StatusName

__all__ = ["InstanceQuery", "InstanceRecord", "Page", "ParkedItem", "ResultRecord"]


@frozen
class ParkedItem:
    """An open work item that waits: for a time, a signal, or both.

    ``path`` is the node's; ``signal_name`` None: a timer or a backoff.
    """

    path: str
    wake_at_us: int | None
    signal_name: str | None


@frozen(kw_only=True)
class InstanceRecord:
    """An instance as it stands."""

    run: int
    run_id: str
    instance_id: str
    workflow_name: str
    workflow_version: str
    definition_hash: str
    state: InstanceState
    control: Control
    reason: str | None
    requested_by: str | None
    priority: int
    labels: tuple[tuple[str, str], ...]
    traceparent: str | None
    created_at_us: int
    finished_at_us: int | None
    deadline_at_us: int | None
    output: str | None
    error: bytes | None
    ready: int
    """Open items that could be claimed at this moment, if the instance isn't paused."""
    leased: int
    parked: tuple[ParkedItem, ...]
    """The earliest first; at most 100."""

    @property
    def status(self) -> StatusName:
        """The status that users know the instance by."""
        if self.state is not InstanceState.RUNNING:
            return StatusName(self.state.value)
        if self.control is Control.PAUSE and self.leased == 0:
            return StatusName.PAUSED
        if self.ready or self.leased or not self.parked:
            return StatusName.IN_PROGRESS
        if self.parked[0].signal_name is None:
            return StatusName.WAITING
        return StatusName.AWAITING_SIGNAL


@frozen(kw_only=True)
class ResultRecord:
    """One line of an instance's history: a stored result, or the error an open item met last."""

    path: str
    node_path: str
    output: bytes | None
    error: bytes | None
    attempts: int
    started_at_us: int
    finished_at_us: int


@frozen(kw_only=True)
class InstanceQuery:
    """Which instances to list, newest first. ``cursor`` comes from the page before."""

    workflow_name: str | None = None
    status: StatusName | None = None
    labels: tuple[tuple[str, str], ...] = ()
    """All of them must be the instance's; in any order."""
    limit: int = 50
    cursor: str | None = None


@frozen
class Page:
    """One page of instances, and the cursor of the next (None: this was the last)."""

    records: tuple[InstanceRecord, ...]
    cursor: str | None
