"""One instance seen closely, and the workers: what ``describe`` and ``workers`` give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sayiir.errors import FailureInfo
from sayiir.render.shown import Shown
from sayiir.status import WorkflowStatus

__all__ = ["InstanceDescription", "OpenItem", "PendingEvent", "Progress", "WorkerInfo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a running task said of itself last.

    Attributes:
        fraction: from 0 to 1; None: it only gave signs of life (``ctx.heartbeat()``).
        message: a few words for people, or None.
        at: when the store got it (aware, UTC): about a second after it was said.
    """

    fraction: float | None
    message: str | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenItem:
    """One strand of an instance that hasn't ended.

    Attributes:
        path: where it stands, as ``"poll[3]/ask_carrier"``.
        phase: ``"running"`` (somebody holds it), ``"ready"``, ``"delay"``, ``"backoff"``,
            ``"signal"``, ``"join"`` (waits for its arms), ``"held"`` (waits for
            ``max_concurrency``) or ``"stopped"`` (its instance failed; ``retry`` continues it).
        attempt: the number of the attempt that runs or comes next, of a step that stopped its
            instance the one that did; every start counts, and ``client.retry`` counts anew.
        failures: failed attempts at this step, the one that stopped the instance included; an
            attempt whose process died isn't one.
        last_error: what the last of them failed with, or None.
        failed_at: when that was (aware, UTC), or None.
        progress: what the running attempt said of itself, or None.
        due_at: when a timer, a backoff or a wait's timeout is over (aware, UTC); None: no time
            holds it up.
        signal_name: the signal it waits for, or None.
        leased_until: while somebody holds it: when that ends without a sign of life (aware, UTC).
        holder: who holds it: a name that each runner or worker makes up for itself.
    """

    path: str
    phase: str
    attempt: int
    failures: int
    last_error: FailureInfo | None
    failed_at: datetime | None
    progress: Progress | None
    due_at: datetime | None
    signal_name: str | None
    leased_until: datetime | None
    holder: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingEvent:
    """An event that was sent and that no wait has had yet.

    Attributes:
        signal_name: the signal it was sent to.
        path: the one wait that may have it; None: any wait for this signal.
        sent_at: when it was accepted (aware, UTC); None where the store didn't keep that.
    """

    signal_name: str
    path: str | None
    sent_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerInfo:
    """A worker that is here, busy or idle: what ``client.workers`` gives.

    Attributes:
        worker_id: its name, as in ``OpenItem.holder``; each process of several has one.
        workflows: names of the workflows that it runs, sorted.
        tags: what it has, sorted.
        concurrency: how many items it runs at once.
        started_at: since when it is here (aware, UTC).
        seen_at: when it last said so (aware, UTC): every third of its lease.
    """

    worker_id: str
    workflows: tuple[str, ...]
    tags: tuple[str, ...]
    concurrency: int
    started_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceDescription(Shown):
    """An instance as of one moment.

    Attributes:
        instance_id: its id.
        run_id: this creation of it.
        workflow_name: name of its workflow.
        workflow_version: version of its workflow.
        definition_hash: the definition it runs.
        status: how it stands, as ``client.status`` tells it.
        input: its input; plain JSON data where the workflow wasn't named.
        labels: what it was labelled with.
        priority: 1 (most urgent) to 5.
        traceparent: the W3C trace context of its submitter, or None.
        created_at: when it was created (aware, UTC).
        finished_at: when it ended, or None.
        deadline: when the workflow's timeout ends it, or None.
        described_at: the moment that all of this is of, by the store's clock.
        open_items: its strands that haven't ended: those that run first, those held last; at
            most 1,000.
        open_item_count: how many there are.
        pending_events: events that no wait has had, in the order of their acceptance; at most
            1,000.
        pending_event_count: how many there are.

    >>> from sayiir import WorkflowClient, await_signal, workflow
    >>> with WorkflowClient("memory://") as client:
    ...     _ = client.submit(
    ...         workflow("hello", await_signal("go", str)), "a", 7, labels={"team": "blue"}
    ...     )
    ...     client.send_event("a", "go", "now")
    ...     described = client.describe("a")
    >>> described.input, dict(described.labels)
    (7, {'team': 'blue'})
    >>> [item.path for item in described.open_items]
    ['go']
    >>> [event.signal_name for event in described.pending_events]
    ['go']
    """

    instance_id: str
    run_id: str
    workflow_name: str
    workflow_version: str
    definition_hash: str
    status: WorkflowStatus[Any]
    input: Any
    labels: Mapping[str, str]
    priority: int
    traceparent: str | None
    created_at: datetime
    finished_at: datetime | None
    deadline: datetime | None
    described_at: datetime
    open_items: tuple[OpenItem, ...]
    open_item_count: int
    pending_events: tuple[PendingEvent, ...]
    pending_event_count: int
