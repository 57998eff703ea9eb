"""The pipeline: list the files, check and parse each, sum up, report."""

from __future__ import annotations

import csv
import hashlib
import os
from pathlib import Path
from typing import Final

from examples.data_pipeline.models import FileReadings, LeftOut, Request, SourceFile, Summary
from examples.data_pipeline.parsing import parse_readings
from examples.data_pipeline.summing import sum_up
from sayiir import Flow, ItemFailed, RetryPolicy, result_of, task, workflow, workflow_input

__all__ = ["AT_A_TIME", "PARSED", "FileChanged", "list_files", "read_folder"]

PARSED: Final = "map/parse"
"""Node path of the parsed files: the map's items without their numbers."""

AT_A_TIME: Final = 2 * (os.cpu_count() or 1)
"""Files that are open at once; all others are rows in the store, however many there are."""

# A disk may answer next time; a file that has gone stays gone.
DISK: Final = RetryPolicy(
    max_retries=3, initial_delay="200ms", retry_on=OSError, give_up_on=FileNotFoundError
)


class FileChanged(Exception):
    """A file isn't any more what it was when its checksum was taken."""


@task(retries=DISK)
def list_files(request: Request) -> list[str]:
    """The names of all CSV files, sorted: what comes into the folder later isn't in this run.

    Raises:
        FileNotFoundError: there is none.
    """
    names = sorted(path.name for path in Path(request.folder).glob("*.csv") if path.is_file())
    if not names:
        raise FileNotFoundError(f"no .csv files in {request.folder}")
    return names


@task(retries=DISK, idempotent=True)
def fingerprint(name: str, request: Request = workflow_input(Request)) -> SourceFile:
    """A checkpoint of its own: whatever is said about the file later is about these bytes."""
    data = (Path(request.folder) / name).read_bytes()
    return SourceFile(name=name, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


@task(run_in="process", retries=DISK, timeout="1m", idempotent=True)
def parse(source: SourceFile, request: Request = workflow_input(Request)) -> FileReadings:
    """On another core, in a process that can be killed when a file takes too long.

    Raises:
        FileChanged: somebody has written to the file, maybe while nothing ran here.
        Unreadable: it holds no readings.
    """
    data = (Path(request.folder) / source.name).read_bytes()
    if hashlib.sha256(data).hexdigest() != source.sha256:
        raise FileChanged("it was changed after its checksum was taken")
    return parse_readings(source, data)


@task
def summarise(
    outcomes: list[FileReadings | ItemFailed], names: list[str] = result_of(list_files)
) -> Summary:
    """What failed stands in the list as an ``ItemFailed``, at the place of its file."""
    read = [each for each in outcomes if isinstance(each, FileReadings)]
    failed = [
        LeftOut(name=names[each.index], why=each.error.message)
        for each in outcomes
        if isinstance(each, ItemFailed)
    ]
    return sum_up(read, failed)


@task(retries=DISK, idempotent=True)
def write_report(summary: Summary, request: Request = workflow_input(Request)) -> Summary:
    """Write the file whole or not at all: after a crash in here the task runs once more."""
    target = Path(request.report)
    partial = target.with_suffix(".partial")
    with partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["station", "readings", "mean", "coldest", "warmest"])
        for each in summary.stations:
            writer.writerow([each.name, each.count, each.mean, each.coldest, each.warmest])
    partial.replace(target)
    return summary


@workflow
def read_folder() -> Flow[Request, Summary]:
    """One file that can't be read is told in the report, and stops none of the others."""
    return (
        list_files
        >> (fingerprint >> parse).map(max_concurrency=AT_A_TIME, on_error="collect")
        >> summarise
        >> write_report
    )
