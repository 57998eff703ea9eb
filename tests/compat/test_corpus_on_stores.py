"""The corpus on stores that outlive a process: programs that make a backend get that one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import sayiir.compat
from sayiir.compat.backends import Backend
from tests.compat.corpus import durable, graphs, running, workers
from tests.compat.corpus.program import Program

PROGRAMS = [
    program for module in (running, graphs, durable, workers) for program in module.corpus.programs
]


class OnBackend:
    """The package, but that what it calls a backend in memory is another one."""

    def __init__(self, make: Callable[[], Backend]) -> None:
        self._make = make
        self.made: list[Backend] = []

    def InMemoryBackend(self) -> Backend:
        self.made.append(self._make())
        return self.made[-1]

    def __getattr__(self, name: str) -> Any:
        return getattr(sayiir.compat, name)


@pytest.fixture(params=["sqlite", "postgres"])
def package(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OnBackend]:
    """The package on one of the stores; its backends are closed after the test."""
    if request.param == "sqlite":
        files = iter(range(1_000))
        found = OnBackend(lambda: sayiir.compat.SqliteBackend(tmp_path / f"{next(files)}.db"))
    else:
        new_schema = request.getfixturevalue("postgres_schemas")
        found = OnBackend(lambda: sayiir.compat.PostgresBackend(new_schema(), max_connections=4))
    yield found
    for backend in found.made:
        backend.close()


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_gives_the_same_on_every_store(program: Program, package: OnBackend) -> None:
    """Where an instance is kept changes nothing of what a program gives."""
    assert repr(program.run(package)) == repr(program.gives)
