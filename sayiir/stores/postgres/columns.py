"""Which columns the rows have, and how they become objects."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Final

from sayiir.stores.postgres.texts import decode_text
from sayiir.stores.relational.codes import RUNNING
from sayiir.stores.relational.rows import Item, Run

if TYPE_CHECKING:
    from sayiir.stores.postgres.driver import Record

__all__ = [
    "HELD",
    "ITEM_SELECT",
    "ITEM_TYPES",
    "KEY",
    "MAX_BROUGHT_BYTES",
    "RUN_COLUMNS",
    "RUN_ENDED",
    "control_of",
    "item_of",
    "run_of",
]

RUN_ENDED: Final = 3
"""``work_item.control``, after those of ``codes``: the run has ended."""

HELD: Final = "case when {}.holder is null then false else true end"
"""That somebody holds an item, said so that no index is proven to serve it.

``holder is not null`` tells the planner of the index on a run's busy items. While the table is
young that looks as good to it as the key, and it goes on reading all arms of a fork to find one.
"""

KEY: Final = ("run", "spawn_path", "idx")

MAX_BROUGHT_BYTES: Final = 16_384
"""What is most likely read next is brought along; where it is larger it is read when needed."""

# Columns of the item and their types, in the order of the fields. No process holds leases here.
_TYPES: Final = {
    "bigint": (
        "run", "ready_at", "rank", "due", "wake_at", "wait_until", "lease_until", "parked_as",
        "event_id", "error_at",
    ),
    "text": ("spawn_path", "parent_spawn_path", "path", "input", "holder", "signal_name", "output"),
    "smallint": ("prio", "phase", "failed"),
    "bytea": ("error",),
}  # fmt: skip
_TYPE_OF: Final = {name: kind for kind, names in _TYPES.items() for name in names}
_FIELDS: Final = tuple(field.name for field in fields(Item))

ITEM_TYPES: Final = {name: _TYPE_OF.get(name, "integer") for name in _FIELDS if name != "process"}
"""The type of each column that an ``Item`` has, by its name, in order."""

ITEM_SELECT: Final = ", ".join(
    "null::integer" if name == "process" else f"w.{name}" for name in _FIELDS
)
"""The fields of an ``Item``, from the table that a statement calls ``w``."""

RUN_COLUMNS: Final = ", ".join(
    "d.hash" if field.name == "definition_hash" else f"i.{field.name}" for field in fields(Run)
)
"""The fields of a ``Run``, from an instance ``i`` and its definition ``d``."""


def item_of(record: Record, first: int = 0) -> Item:
    """The item whose columns begin at the record's column ``first``."""
    return Item(*record) if first == 0 else Item(*tuple(record)[first:])


def run_of(record: Record, first: int = 0) -> Run:
    """The run whose columns begin at the record's column ``first``."""
    run = Run(*tuple(record)[first:])
    # As they come they are bytes, whatever the fields say.
    for name in ("reason", "requested_by", "labels", "traceparent"):
        setattr(run, name, decode_text(getattr(run, name)))
    return run


def control_of(run: Run) -> int:
    """What the open items of a run say of it."""
    return run.control if run.state == RUNNING else RUN_ENDED
