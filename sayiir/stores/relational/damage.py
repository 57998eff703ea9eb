"""Rows whose numbers make no sense: somebody else has written them, or a disk has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sayiir.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["BEGINNING_OF_TIME", "END_OF_TIME", "DamagedRow", "are_numbers", "check_numbers"]

END_OF_TIME: Final = 253_402_300_800_000_000
"""The year 10000, in microseconds since the Unix epoch. No time and no count comes to that."""
BEGINNING_OF_TIME: Final = -62_135_596_800_000_000
"""The year 1, likewise."""
_SHOWN_CHARACTERS: Final = 80


class DamagedRow(StoreError):
    """A stored row holds a number that makes no sense. It hurts its own instance only."""

    def __init__(self, instance_id: str, column: str, value: object) -> None:
        shown = repr(value)[:_SHOWN_CHARACTERS]
        super().__init__(
            f"instance {instance_id!r} is damaged: {column} holds {shown}, which makes no sense "
            "there; restore the row from a copy of the database"
        )


def are_numbers(values: Sequence[Any]) -> bool:
    """Whether all are whole numbers, none of them negative or beyond all times.

    Raises:
        TypeError: no, for they can't even be compared.
    """
    # Of whole numbers alone the sum is one.
    return type(sum(values)) is int and min(values) >= 0 and max(values) < END_OF_TIME


def check_numbers(instance_id: str, columns: Iterable[tuple[str, object]]) -> None:
    """Refuse the first column that holds neither nothing nor such a number.

    Raises:
        DamagedRow: with the names of the instance and the column.
    """
    for column, value in columns:
        if value is not None and not (type(value) is int and 0 <= value < END_OF_TIME):
            raise DamagedRow(instance_id, column, value)
