"""What flows between the tasks: frozen pydantic models, stored at every step."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["FileReadings", "LeftOut", "Request", "SourceFile", "Station", "Summary"]


class Model(BaseModel):
    """Frozen: a stored value that is changed afterwards would no longer be the stored one."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Request(Model):
    """The input of the pipeline.

    Attributes:
        folder: absolute path of the folder with the CSV files.
        report: absolute path of the report to write.
    """

    folder: str
    report: str


class SourceFile(Model):
    """A file as it was when it was first read."""

    name: str
    size_bytes: int
    sha256: str


class FileReadings(Model):
    """What is in one file: all that the sum needs, and no row of it.

    Attributes:
        source: the file.
        station: where it was measured.
        count: number of readings.
        total: their sum in °C, so that means of means need not be taken.
        coldest: the lowest of them in °C.
        warmest: the highest of them in °C.
    """

    source: SourceFile
    station: str
    count: int
    total: float
    coldest: float
    warmest: float


class Station(Model):
    """All readings of one station, in °C."""

    name: str
    count: int
    mean: float
    coldest: float
    warmest: float


class LeftOut(Model):
    """A file that isn't in the sum, and why."""

    name: str
    why: str


class Summary(Model):
    """The output of the pipeline."""

    files: int
    stations: list[Station]
    left_out: list[LeftOut]
