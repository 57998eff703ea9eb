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
    from collections.abc import Callable, Iterable, Sequence

    from sayiir.stores.postgres.working_set import WorkingSet
    from sayiir.stores.relational.rows import Item

__all__ = ["INSERTED", "UPDATED", "ItemRows", "item_rows", "open_and_ended"]

_ARMS: Final = ("idx", "path", "input", "output")
"""What differs between the arms of one spawn that are written together."""
_VARYING: Final = (
    *KEY, "path", "input", "rank", "due", "epoch", "holder", "lease_until", "output", "error",
)  # fmt: skip
"""What differs between items of several runs. All else may differ, and seldom does."""
_OF_RUN: Final = {"control": "smallint", "own_prio": "smallint"}
_FIXED: Final = ("parent_spawn_path", "parent_idx")

INSERTED: Final = (*ITEM_TYPES, *_OF_RUN)
"""The columns of a new item."""
UPDATED: Final = (*(name for name in ITEM_TYPES if name not in _FIXED), "control")
"""The columns of one that is there: its key, and what can change of it."""
_TYPES: Final = {**ITEM_TYPES, **_OF_RUN}


class _Shape(NamedTuple):
    """Which columns come as arrays, and which once; how each are read of an item."""

    arrays: tuple[str, ...]
    single: tuple[str, ...]
    of_run: tuple[str, ...]
    read_arrays: Callable[[Item], tuple[object, ...]]
    read_single: Callable[[Item], tuple[object, ...]]


def _shape(columns: tuple[str, ...], arrays: tuple[str, ...]) -> _Shape:
    single = tuple(name for name in columns if name not in arrays and name not in _OF_RUN)
    of_run = tuple(name for name in columns if name in _OF_RUN)
    return _Shape(arrays, single, of_run, attrgetter(*arrays), attrgetter(*single))


# Two shapes and the one in which nothing is alike, not one for each set of columns: the server
# has to plan each statement anew that it is sent.
_SHAPES: Final = {
    columns: tuple(_shape(columns, arrays) for arrays in (_ARMS, _VARYING))
    for columns in (INSERTED, UPDATED)
}


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
    shape = _SHAPES[columns][0]
    for shape in _SHAPES[columns]:
        single = {shape.read_single(item) + _of_run(rows, item, shape) for item in items}
        if len(single) == 1:
            arrays = _columns(map(shape.read_arrays, items))
            return ItemRows(shape.arrays, shape.single + shape.of_run, [*arrays, *single.pop()])
    every = (shape.read_arrays(i) + shape.read_single(i) + _of_run(rows, i, shape) for i in items)
    return ItemRows(shape.arrays + shape.single + shape.of_run, (), [*_columns(every)])


def _columns(values: Iterable[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*values, strict=True)]


def _of_run(rows: WorkingSet, item: Item, shape: _Shape) -> tuple[object, ...]:
    run = rows.runs[item.run]
    return (control_of(run), run.priority)[: len(shape.of_run)]


def open_and_ended(items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """Items that have ended have much in common, and little with those that have not."""
    still_open = [item for item in items if item.phase != ENDED]
    return still_open, [item for item in items if item.phase == ENDED]
