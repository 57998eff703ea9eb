"""Work items as the parameters of a statement: what all of them have alike goes once.

An item has more than thirty columns, and a fork of a hundred arms writes each twice. Nearly all of
that is the same for all arms, and an array costs client and server for each of its elements.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from sayiir.stores.postgres.columns import ITEM_TYPES, KEY, control_of
from sayiir.stores.relational.codes import ENDED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sayiir.stores.postgres.working_set import WorkingSet
    from sayiir.stores.relational.rows import Item

__all__ = ["INSERTED", "UPDATED", "ItemRows", "item_rows", "open_and_ended"]

_VARYING: Final = (
    *KEY, "path", "input", "rank", "due", "epoch", "holder", "lease_until", "output", "error",
)  # fmt: skip
"""What differs between items that are written together. All else may differ, and seldom does."""
_OF_RUN: Final = {"control": "smallint", "own_prio": "smallint"}
_FIXED: Final = ("parent_spawn_path", "parent_idx")

INSERTED: Final = (*ITEM_TYPES, *_OF_RUN)
"""The columns of a new item."""
UPDATED: Final = (*(name for name in ITEM_TYPES if name not in _FIXED), "control")
"""The columns of one that is there: its key, and what can change of it."""
_TYPES: Final = {**ITEM_TYPES, **_OF_RUN}


def _alike(columns: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in columns if name not in _VARYING and name not in _OF_RUN)


def _read(names: Sequence[str]) -> Callable[[Item], tuple[object, ...]]:
    return attrgetter(*names)


_READ_VARYING: Final = _read(_VARYING)
_READ_ALIKE: Final = {columns: _read(_alike(columns)) for columns in (INSERTED, UPDATED)}


class ItemRows(NamedTuple):
    """Items as arrays and single values.

    Attributes:
        arrays: the columns that come as arrays.
        single: those that come once, for all items.
        values: of the first and then of the second.
    """

    arrays: tuple[str, ...]
    single: tuple[str, ...]
    values: list[object]

    @property
    def width(self) -> int:
        """How many parameters there are."""
        return len(self.arrays) + len(self.single)

    def source(self, first: int) -> str:
        """The rows `s (name, …)` in a statement whose parameter ``first`` is the first of these."""
        arrays = ", ".join(
            f"${number}::{_TYPES[name]}[]" for number, name in enumerate(self.arrays, first)
        )
        rows = f"unnest({arrays}) as s ({', '.join(self.arrays)})"
        if not self.single:
            return rows
        single = ", ".join(
            f"${number}::{_TYPES[name]} as {name}"
            for number, name in enumerate(self.single, first + len(self.arrays))
        )
        return f"(select s.*, {single} from {rows}) as s"  # noqa: S608 - names of our own


def item_rows(rows: WorkingSet, items: Sequence[Item], columns: tuple[str, ...]) -> ItemRows:
    """The items with these columns, ``INSERTED`` or ``UPDATED``."""
    read = _READ_ALIKE[columns]
    of_run = [name for name in columns if name in _OF_RUN]
    alike = [(*read(item), *_of_run(rows, item, len(of_run))) for item in items]
    arrays = [list(column) for column in zip(*map(_READ_VARYING, items), strict=True)]
    others = (*_alike(columns), *of_run)
    if len(set(alike)) == 1:
        return ItemRows(_VARYING, others, [*arrays, *alike[0]])
    arrays += [list(column) for column in zip(*alike, strict=True)]
    return ItemRows((*_VARYING, *others), (), [*arrays])


def _of_run(rows: WorkingSet, item: Item, count: int) -> tuple[int, ...]:
    run = rows.runs[item.run]
    return (control_of(run), run.priority)[:count]


def open_and_ended(items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """Items that have ended have much in common, and little with those that have not."""
    still_open = [item for item in items if item.phase != ENDED]
    return still_open, [item for item in items if item.phase == ENDED]
