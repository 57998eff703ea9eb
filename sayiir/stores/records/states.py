"""How an instance stands, what was asked of it, and what a work item does next."""

from __future__ import annotations

from enum import Enum

__all__ = ["Control", "InstanceState", "Phase", "StatusName"]


class InstanceState(Enum):
    """How an instance stands. The last three are ends."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class StatusName(Enum):
    """The statuses that users filter by; the last four are finer kinds of RUNNING."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    IN_PROGRESS = "in_progress"
    PAUSED = "paused"
    WAITING = "waiting"
    AWAITING_SIGNAL = "awaiting_signal"


class Control(Enum):
    """What somebody asked of a running instance. STOP: it has ended, so stop what runs."""

    NONE = "none"
    PAUSE = "pause"
    CANCEL = "cancel"
    STOP = "stop"


class Phase(Enum):
    """What a work item does next, once nobody holds it back.

    READY: execute at its path. DELAY: a durable timer. BACKOFF: wait, then try again. SIGNAL:
    wait for an event or its timeout. JOIN: wait for its arms. HELD: a map item that waits for
    one of its siblings (``max_concurrency``). ENDED: nothing; the row is kept for the join.
    """

    READY = "ready"
    DELAY = "delay"
    BACKOFF = "backoff"
    SIGNAL = "signal"
    JOIN = "join"
    HELD = "held"
    ENDED = "ended"
