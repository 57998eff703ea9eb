"""Columns of a batch as parameters, so that they cost as little as may be.

The driver looks at each element of an array several times before it writes it. So they go as texts
in the server's own notation: a hundred texts are 6 µs and not 37. And what all rows have alike goes
once: a column of one element stands for all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["as_columns", "as_text", "rows_of"]

MAX_BYTES_AS_TEXT: Final = 65_536
"""A column of more bytes than that goes as it is: as text it takes twice the room."""


def as_columns(
    rows: Iterable[Sequence[Any]], types: Mapping[str, str]
) -> tuple[list[object], bool]:
    """The rows as parameters of a statement that has ``rows_of`` these types in it.

    And whether they are large: then it has to be the one for large columns.
    """
    columns: list[Sequence[Any]] = [
        column[:1] if column.count(column[0]) == len(column) else column
        for column in zip(*rows, strict=True)
    ]
    kinds = types.values()
    large = any(
        kind == "bytea" and sum(len(each) for each in column if each) > MAX_BYTES_AS_TEXT
        for column, kind in zip(columns, kinds, strict=True)
    )
    return [
        column if large and kind == "bytea" else as_text(column, kind)
        for column, kind in zip(columns, kinds, strict=True)
    ], large


def as_text(values: Sequence[Any], kind: str) -> str:
    """Values, or None among them, as the server writes an array of this type."""
    if not values:
        return "{}"
    if None in values:
        each = ("NULL" if value is None else _element(value, kind) for value in values)
        return f"{{{','.join(each)}}}"
    if kind == "bytea":
        return '{"\\\\x' + '","\\\\x'.join([value.hex() for value in values]) + '"}'
    if kind != "text":
        return f"{{{','.join(map(str, values))}}}"
    joined = '","'.join(values)
    if "\\" in joined or joined.count('"') != 2 * (len(values) - 1):
        return f"{{{','.join([_quoted(value) for value in values])}}}"
    return f'{{"{joined}"}}'


def _element(value: Any, kind: str) -> str:
    if kind == "bytea":
        return f'"\\\\x{value.hex()}"'
    return _quoted(value) if kind == "text" else str(value)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def rows_of(
    types: Mapping[str, str],
    head: str,
    *,
    nullable: Sequence[str] = (),
    first: int = 1,
    large: bool = False,
) -> str:
    """A query for the rows that ``as_columns`` has made parameters of.

    Args:
        types: the columns' names and types, in order.
        head: a column that differs in all rows: it tells how many there are.
        nullable: columns that may be null in some rows, and that somebody reads there.
        first: the first parameter's number.
        large: whether bytes come as they are.
    """
    arrays = {
        name: f"${number}::{kind}[]" if large and kind == "bytea" else f"${number}::text::{kind}[]"
        for number, (name, kind) in enumerate(types.items(), first)
    }
    columns: list[str] = []
    for name, array in arrays.items():
        # In queries of their own, which are executed once and not for each row.
        alone = f"(select ({array})[1])"
        if name == head:
            columns.append(f"s.{name}")
        elif name in nullable:
            columns.append(
                f"case when (select cardinality({array})) = 1 then {alone} else s.{name} end "
                f"as {name}"
            )
        else:
            columns.append(f"coalesce(s.{name}, {alone}) as {name}")
    return (
        f"select {', '.join(columns)} from unnest({', '.join(arrays.values())}) "  # noqa: S608
        f"as s ({', '.join(types)})"
    )
