"""One CSV file of readings: ``station,at,celsius``. Pure: bytes in, values or an error out."""

from __future__ import annotations

import csv
import io
import math
from typing import Final

from examples.data_pipeline.models import FileReadings, SourceFile

__all__ = ["HEADER", "Unreadable", "parse_readings"]

HEADER: Final = ["station", "at", "celsius"]
COLDEST_ON_EARTH: Final = -90.0
WARMEST_ON_EARTH: Final = 60.0


class Unreadable(ValueError):
    """The file is none of readings. Reading it again can't help."""


def parse_readings(source: SourceFile, data: bytes) -> FileReadings:
    """The readings of a file.

    Raises:
        Unreadable: with the line and what is wrong there.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable(f"byte {error.start} is no UTF-8") from error
    if not text.endswith("\n"):
        raise Unreadable("it is cut off: its last line has no end")
    rows = csv.reader(io.StringIO(text, newline=""))
    if (header := next(rows, list[str]())) != HEADER:
        raise Unreadable(f"line 1: the header is {','.join(header)!r}, not {','.join(HEADER)!r}")
    stations: set[str] = set()
    values: list[float] = []
    for row in rows:
        if len(row) != len(HEADER):
            raise Unreadable(f"line {rows.line_num}: {len(row)} fields, not {len(HEADER)}")
        stations.add(row[0])
        values.append(_celsius(row[2], rows.line_num))
    if len(stations) != 1:
        raise Unreadable(f"it has {len(stations)} stations, not 1")
    return FileReadings(
        source=source,
        station=stations.pop(),
        count=len(values),
        total=math.fsum(values),
        coldest=min(values),
        warmest=max(values),
    )


def _celsius(text: str, line: int) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise Unreadable(f"line {line}: {text!r} is no temperature") from error
    if not COLDEST_ON_EARTH <= value <= WARMEST_ON_EARTH:  # nan isn't either
        raise Unreadable(f"line {line}: {value:g} °C was never measured on earth")
    return value
