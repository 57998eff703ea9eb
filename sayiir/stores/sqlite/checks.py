"""Whether rows hold numbers that make sense: SQLite keeps anything in any column.

Asked of each row once, where it is read; which column it is, is found out only of those that
don't.
"""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from operator import is_not, itemgetter
from typing import TYPE_CHECKING, Any, Final

from sayiir.stores.relational.codes import CONTROLS, PHASES, STATES
from sayiir.stores.relational.damage import DamagedRow, are_numbers, check_numbers
from sayiir.stores.relational.rows import Item, Run

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["checked_item", "checked_run", "damage_of_item"]

Row = tuple[Any, ...]

_RUN: Final = {field.name: place for place, field in enumerate(fields(Run))}
_ITEM: Final = {field.name: place for place, field in enumerate(fields(Item))}
_CODES: Final = {
    "state": frozenset(range(len(STATES))),
    "control": frozenset(range(len(CONTROLS))),
    "phase": frozenset(range(len(PHASES))),
}
_OF_RUN: Final = ("priority", "created_at", "parks")
_MAYBE_OF_RUN: Final = ("timeout", "deadline_at", "finished_at")
_OF_ITEM: Final = (
    *("prio", "ready_at", "epoch", "lease_until", "failures", "interruptions"),
    *("interruptions_ever", "parked_as", "created", "pending", "held", "error_at", "failed"),
)
_MAYBE_OF_ITEM: Final = (
    *("rank", "due", "wake_at", "wait_until", "process", "event_id", "total", "max_open"),
)
_run_numbers = itemgetter(*map(_RUN.__getitem__, _OF_RUN))
_run_maybes = itemgetter(*map(_RUN.__getitem__, _MAYBE_OF_RUN))
_item_numbers = itemgetter(*map(_ITEM.__getitem__, _OF_ITEM))
_item_maybes = itemgetter(*map(_ITEM.__getitem__, _MAYBE_OF_ITEM))
_is_there: Final = partial(is_not, None)
_STATE: Final = _RUN["state"]
_CONTROL: Final = _RUN["control"]
_PHASE: Final = _ITEM["phase"]
_STATE_CODES: Final = _CODES["state"]
_CONTROL_CODES: Final = _CODES["control"]
_PHASE_CODES: Final = _CODES["phase"]


def checked_run(row: Row) -> Run:
    """The row of ``instance`` as an object.

    Raises:
        DamagedRow: a number in it makes no sense.
    """
    if not _run_fits(row):
        name = row[_RUN["instance_id"]]
        _refuse(name, "instance", row, _RUN, (*_OF_RUN, *_MAYBE_OF_RUN), ("state", "control"))
    return Run(*row)


def _run_fits(row: Row) -> bool:
    try:
        return (
            row[_STATE] in _STATE_CODES
            and row[_CONTROL] in _CONTROL_CODES
            and are_numbers(_run_numbers(row))
            and are_numbers((0, *filter(_is_there, _run_maybes(row))))
        )
    except TypeError:
        return False


def checked_item(row: Row) -> Item | None:
    """The row of ``work_item`` as an object; None: a number in it makes no sense."""
    try:
        fits = (
            row[_PHASE] in _PHASE_CODES
            and are_numbers(_item_numbers(row))
            and are_numbers((0, *filter(_is_there, _item_maybes(row))))
        )
    except TypeError:
        return None
    return Item(*row) if fits else None


def damage_of_item(instance_id: str, row: Row) -> DamagedRow:
    """What is wrong with the row."""
    try:
        _refuse(instance_id, "work_item", row, _ITEM, (*_OF_ITEM, *_MAYBE_OF_ITEM), ("phase",))
    except DamagedRow as damage:
        return damage
    raise AssertionError("a row that was refused has a column that is wrong")


def _refuse(
    instance_id: str,
    table: str,
    row: Row,
    places: Mapping[str, int],
    numbers: tuple[str, ...],
    codes: tuple[str, ...],
) -> None:
    for name in codes:
        if row[places[name]] not in _CODES[name]:
            raise DamagedRow(instance_id, f"{table}.{name}", row[places[name]])
    for name in numbers:
        check_numbers(instance_id, [(f"{table}.{name}", row[places[name]])])
        if row[places[name]] is None and name in (*_OF_RUN, *_OF_ITEM):
            raise DamagedRow(instance_id, f"{table}.{name}", None)
