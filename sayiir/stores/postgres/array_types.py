"""The array types that statements take and give, told to the driver before it asks the server.

The driver knows the single types, and of arrays those of text alone. For each other that it meets
it asks the server, once on each connection, by a statement that takes some 8 ms and more on a
connection that is new; a process that continues what another one left would wait for that before
its first step. The types are PostgreSQL's own, and their numbers are the same on every server.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

__all__ = ["tell_array_types"]

# As in PostgreSQL's ``pg_type.dat``: the element's name and number, and the array's number.
_TYPES: Final = (
    ("bool", 16, 1000),
    ("bytea", 17, 1001),
    ("int2", 21, 1005),
    ("int4", 23, 1007),
    ("int8", 20, 1016),
    ("float8", 701, 1022),
)


def tell_array_types(connection: Any) -> None:
    """Have the driver know them on this connection.

    The driver documents no way for types that are no scalars (``set_type_codec`` refuses them), so
    this is the one by which it takes in what the server has told: a method of the settings, which
    are public. A test sees to it that it doesn't ask any more. A release of the driver that has
    changed there asks the server again: slower, and right.
    """
    with suppress(AttributeError, KeyError, TypeError):
        connection.get_settings().register_data_types(
            [_described(element, number, array) for element, number, array in _TYPES]
        )


def _described(element: str, number: int, array: int) -> dict[str, Any]:
    """An array type as the driver's own question to the server would describe it."""
    return {
        "oid": array,
        "ns": "pg_catalog",
        "name": f"_{element}",
        "kind": b"b",
        "basetype": None,
        "elemtype": number,
        "elemdelim": b",",
        "range_subtype": None,
        "attrtypoids": None,
        "attrnames": None,
        "depth": 0,
        "basetype_name": None,
        "elemtype_name": element,
        "range_subtype_name": None,
    }
