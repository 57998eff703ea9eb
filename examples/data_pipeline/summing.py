"""The reduce: from what is in each file to what is true of each station. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import fsum

from examples.data_pipeline.models import FileReadings, LeftOut, Station, Summary

__all__ = ["sum_up"]


def sum_up(read: Iterable[FileReadings], failed: Sequence[LeftOut]) -> Summary:
    """All stations by name; a file whose bytes were there before is counted once."""
    by_sum: dict[str, FileReadings] = {}
    left_out = list(failed)
    for each in read:
        first = by_sum.setdefault(each.source.sha256, each)
        if first is not each:
            why = f"the same bytes as {first.source.name}"
            left_out.append(LeftOut(name=each.source.name, why=why))
    by_station: dict[str, list[FileReadings]] = defaultdict(list)
    for each in by_sum.values():
        by_station[each.station].append(each)
    return Summary(
        files=len(by_sum),
        stations=[_station(name, files) for name, files in sorted(by_station.items())],
        left_out=sorted(left_out, key=lambda each: each.name),
    )


def _station(name: str, files: Sequence[FileReadings]) -> Station:
    count = sum(each.count for each in files)
    return Station(
        name=name,
        count=count,
        mean=round(fsum(each.total for each in files) / count, 2),
        coldest=min(each.coldest for each in files),
        warmest=max(each.warmest for each in files),
    )
