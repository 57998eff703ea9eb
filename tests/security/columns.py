"""The columns in which stored data stands, and how a hostile writer changes one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["COLUMNS", "LEFT_TO_THEIR_LEASES", "NUMBERS", "Column"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the rows of one instance.

    Attributes:
        table: its table.
        name: its name.
        rows: which of the instance's rows, as a condition; empty: all.
        ended: whether it is looked at in instances that have ended; else in running ones.
    """

    table: str
    name: str
    rows: str = ""
    ended: bool = False

    def __str__(self) -> str:
        rows = f" where {self.rows}" if self.rows else ""
        return f"{self.table}.{self.name}{rows}{', ended' if self.ended else ''}"


WAITING: Final = "phase = 3"
ROOT: Final = "spawn_path = ''"
OVER: Final = "phase = 6 and spawn_path <> ''"

_OF_INSTANCES: Final = (
    *("state", "control", "priority", "timeout", "deadline_at", "created_at", "finished_at"),
    "parks",
)
_OF_ITEMS: Final = (
    *("prio", "phase", "ready_at", "rank", "due", "wake_at", "wait_until", "epoch"),
    *("lease_until", "failures", "interruptions", "interruptions_ever", "parked_as", "event_id"),
    *("created", "total", "max_open", "pending", "held", "error_at", "failed"),
)

COLUMNS: Final = (
    Column("instance_input", "body"),
    Column("instance", "labels"),
    Column("instance", "traceparent"),
    Column("instance", "run_id"),
    Column("instance", "workflow_name"),
    Column("instance", "workflow_version"),
    Column("instance", "reason", ended=True),
    Column("instance", "requested_by", ended=True),
    Column("instance", "output", ended=True),
    Column("instance", "error", ended=True),
    Column("work_item", "path", WAITING),
    Column("work_item", "input", WAITING),
    Column("work_item", "signal_name", WAITING),
    Column("work_item", "error", WAITING),
    Column("work_item", "path", ROOT),
    Column("work_item", "input", ROOT),
    Column("work_item", "output", OVER),
    Column("work_item", "error", OVER),
    Column("task_result", "output", "path = 'start'"),
    Column("task_result", "output", "path = 'each[0]/finish'"),
    Column("task_result", "path", "path = 'start'"),
    Column("task_result", "node_path", "path = 'each[0]/finish'"),
    Column("task_result", "ordinal", "path = 'each[0]/finish'"),
    Column("element", "body"),
    Column("event", "payload"),
    Column("event", "signal_name"),
    Column("event", "address"),
    Column("event", "consumed_at_path"),
    Column("progress", "message"),
    Column("progress", "path"),
)
"""Columns of bytes and texts."""

NUMBERS: Final = (
    *(Column("instance", name) for name in _OF_INSTANCES),
    *(Column("instance", name, ended=True) for name in ("state", "created_at", "finished_at")),
    *(Column("work_item", name, rows) for name in _OF_ITEMS for rows in (WAITING, ROOT)),
    *(Column("task_result", name) for name in ("attempts", "duration", "finished_at")),
    *(Column("progress", name) for name in ("failures", "attempt", "fraction", "reported_at")),
    Column("event", "sent_at"),
)
"""Columns of numbers. An instance may well be stuck with a wrong one: it waits for a moment that
never comes, say. But it is read or refused, and nobody else is held up.
"""

LEFT_TO_THEIR_LEASES: Final = str(Column("work_item", "path", ROOT))
"""A root that was set back to an earlier position runs again, and what it stores is refused: its
lease ends, is counted, and the tenth time it is given up as any task that kills its worker."""
