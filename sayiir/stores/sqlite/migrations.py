"""The schema's numbered steps, in ``schema/``, and bringing a file to the newest one.

``version`` is the newest step that a file has had. ``min_reader`` is the oldest version of
this code that may use it (a new index doesn't shut out older code, a new meaning does); it
stands in the header as ``user_version``, so that it can be read before anything else.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

import xxhash

from sayiir.errors import SchemaVersionError

__all__ = ["MIN_READER", "Step", "check_steps", "migrate", "newest_version", "steps"]

MIN_READER: Final = 3
"""What ``user_version`` is set to by the newest step."""


@dataclass(frozen=True, slots=True)
class Step:
    """One file of ``schema/``; ``checksum`` is the XXH3-128 of its text."""

    version: int
    name: str
    checksum: str
    statements: tuple[str, ...]


@cache
def steps() -> tuple[Step, ...]:
    """All steps, oldest first."""
    folder = resources.files("sayiir.stores.sqlite") / "schema"
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".sql")),
        key=lambda file: file.name,
    )
    return tuple(_step(file.name, file.read_text(encoding="utf-8")) for file in files)


def _step(name: str, text: str) -> Step:
    checksum = xxhash.xxh3_128_hexdigest(text.encode())
    return Step(int(name.split("_", maxsplit=1)[0]), name, checksum, tuple(_statements(text)))


def _statements(text: str) -> list[str]:
    """The statements one by one: ``executescript`` would commit the transaction it is in."""
    found: list[str] = []
    pending = ""
    for line in text.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            found.append(pending.strip())
            pending = ""
    return found


def newest_version() -> int:
    """The newest format that this code knows."""
    return steps()[-1].version


def check_steps(connection: sqlite3.Connection, where: str) -> dict[int, str]:
    """The checksums of the steps that the file has had, by version. Writes nothing.

    Raises:
        SchemaVersionError: a step that the file has had is another one here.
    """
    had = dict(connection.execute("select version, checksum from schema_step"))
    for step in steps():
        if had.get(step.version, step.checksum) != step.checksum:
            raise SchemaVersionError(
                f"{where} was made with another {step.name} than this version of sayiir has "
                f"(checksum {had[step.version]}, not {step.checksum}); use a released version"
            )
    return had


def migrate(connection: sqlite3.Connection, where: str, application_id: int) -> bool:
    """Bring the file to the newest version; whether anything was done.

    Inside an exclusive transaction of the caller: whoever is killed here has done nothing.

    Raises:
        SchemaVersionError: a step that the file has had is another one here.
    """
    connection.execute(
        "create table if not exists schema_step "
        "(version integer primary key, name text not null, checksum text not null)"
    )
    had = check_steps(connection, where)
    missing = [step for step in steps() if step.version not in had]
    for step in missing:
        for statement in step.statements:
            connection.execute(statement)
        connection.execute(
            "insert into schema_step values (?, ?, ?)", (step.version, step.name, step.checksum)
        )
    if missing:
        # Pragmas take no parameters; both are integers of ours.
        connection.execute(f"pragma application_id = {application_id:d}")
        connection.execute(f"pragma user_version = {MIN_READER:d}")
    return bool(missing)
