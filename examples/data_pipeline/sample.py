"""``python -m examples.data_pipeline.sample FOLDER``: files to try the pipeline with.

A year of hourly readings, a file for each station and month. They are drawn from a seed, so the
same command writes the same bytes. Some files are broken in ways that real ones are.
"""

from __future__ import annotations

import argparse
import calendar
import math
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

__all__ = ["main", "write_sample"]

STATIONS: Final = (
    *("bergen", "bern", "bilbao", "brest", "cadiz", "cork", "delft", "essen", "faro", "ghent"),
    *("graz", "kiel", "lille", "lodz", "malmo", "nantes", "oulu", "porto", "turku", "vigo"),
)
YEAR: Final = 2025


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.data_pipeline.sample",
        description="Write a year of readings, some files of it broken.",
    )
    parser.add_argument("folder", help="a new folder, or an empty one")
    parser.add_argument("--stations", type=int, choices=range(1, len(STATIONS) + 1), default=20)
    options = parser.parse_args(arguments)
    folder = Path(options.folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            print(f"{folder} isn't empty, so nothing was written to it", file=sys.stderr)
            return 2
        written = write_sample(folder, options.stations)
    except OSError as error:
        print(f"{folder}: {error.strerror}", file=sys.stderr)
        return 2
    print(f"{folder}: {written} files, {len(BROKEN)} of them broken and 1 a copy of another")
    return 0


def write_sample(folder: Path, stations: int) -> int:
    """Write the files into a folder that is there; how many there are."""
    for name, text in _months(stations):
        (folder / name).write_text(text, encoding="utf-8")
    whole = sorted(folder.iterdir())
    for path, spoil in zip(whole, BROKEN, strict=False):
        path.write_bytes(spoil(path.read_bytes()))
    (folder / f"{whole[-1].stem}_copy.csv").write_bytes(whole[-1].read_bytes())
    return len(whole) + 1


BROKEN: Final[tuple[Callable[[bytes], bytes], ...]] = (
    lambda data: data[: len(data) // 2 - 3],  # cut off in the middle of a line
    lambda data: data.replace(b"celsius", b"fahrenheit", 1),
    lambda data: data[: data.rindex(b",")] + b",n/a\n",
    lambda data: data.replace(b",-", b",\xb0-", 1).replace(b",1", b",\xb01", 1),
)


def _months(stations: int) -> Iterator[tuple[str, str]]:
    for number, station in enumerate(STATIONS[:stations]):
        drawn = random.Random(f"{station}-{YEAR}")
        for month in range(1, 13):
            lines = ["station,at,celsius"]
            for day in range(1, calendar.monthrange(YEAR, month)[1] + 1):
                season = -math.cos((month + day / 31 - 1) / 12 * math.tau)
                for hour in range(24):
                    daily = -math.cos((hour - 3) / 24 * math.tau)
                    celsius = 9 + number / 4 + 9 * season + 4 * daily + drawn.gauss(0, 2)
                    at = f"{YEAR}-{month:02}-{day:02}T{hour:02}:00Z"
                    lines.append(f"{station},{at},{celsius:.1f}")
            yield f"{station}-{YEAR}-{month:02}.csv", "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
