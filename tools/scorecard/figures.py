"""What the tests of the scorecard reached: read from reports, written to files, merged.

A run of the tests writes what those of each line reached into the file that is named by
``SAYIIR_FIGURES_FILE``; ``make nightly`` names two. ``python -m tools.scorecard FILE …`` merges
such files into ``figures.json`` beside this one, the newest of each test, and writes the page.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sqlite3
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["KNOWN", "Case", "Reached", "gathered", "machine", "merged", "read", "write"]

KNOWN: Final = Path(__file__).with_name("figures.json")
_STORES: Final = ("sqlite", "postgres", "memory")
_ON: Final = {
    "tests/postgres/": "postgres",
    "tests/sim/test_crash_postgres": "postgres",
    "tests/sim/test_crash_sqlite": "sqlite",
    "tests/sim/": "memory",
    "tests/crash/test_lying_clocks": "postgres",
    "tests/crash/test_server_stops": "postgres",
    "tests/crash/test_sigkill.py::test_a_killed_process_is_continued_by_the_next_on_a_server": (
        "postgres"
    ),
    "tests/crash/test_sigkill": "sqlite",
    "tests/engine/test_payloads.py::test_equal_through_every_node": "memory",
    "tests/executors/test_killed_programs": "sqlite",
    "tests/security/test_hostile_blobs.py::test_hostile_definitions": "",
    "tests/stores/test_broken": "memory",
    "tests/stores/test_events.py::test_a_send_between": "sqlite",
    "tests/stores/test_parked.py::test_claims_of_a_server": "postgres",
    "tests/stores/test_parked": "sqlite",
}
"""Tests that don't say in their names which store they are of; the first that fits counts."""


@dataclass(frozen=True, slots=True)
class Reached:
    """What one test reached on one store, all its parts and cases together.

    Attributes:
        test: ``tests/file.py::name``, without parameters.
        store: ``memory``, ``sqlite``, ``postgres``, or empty where it is no test of one store.
        size: ``ci``, ``nightly``, or ``both`` where the test is the same in both.
        passed: how many of its cases passed.
        failed: how many didn't.
        figures: what they printed, each text once; counts are added up over the parts.
        date: ISO, in UTC.
        machine: what it ran on.
    """

    test: str
    store: str
    size: str
    passed: int
    failed: int
    figures: tuple[str, ...]
    date: str
    machine: str


class Case(NamedTuple):
    """One case of a run: its id, whether it passed, its size, and its figures.

    A figure has a ``text``, and the ``counts`` that this names in braces.
    """

    nodeid: str
    passed: bool
    size: str
    figures: list[dict[str, Any]]


def machine() -> str:
    """This machine, in a few words."""
    return (
        f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


def name_of(nodeid: str) -> str:
    """The test without its parameters."""
    return nodeid.partition("[")[0]


def store_of(nodeid: str) -> str:
    """The store that a case ran on, as far as its name tells."""
    name, _, parameters = nodeid.partition("[")
    for store in _STORES:
        if store in re.split(r"\W+", parameters):
            return store
    for beginning, store in _ON.items():
        if name.startswith(beginning):
            return store
    found = [store for store in _STORES if store in name.lower()]
    return found[0] if found else ""


def gathered(cases: Iterable[Case], date: str) -> list[Reached]:
    """One entry for each test and store.

    Args:
        cases: of one run.
        date: of the run.
    """
    found: dict[tuple[str, str, str], Reached] = {}
    sums: dict[tuple[str, str, str], dict[str, dict[str, float]]] = {}
    for case in cases:
        key = name_of(case.nodeid), store_of(case.nodeid), case.size
        before = found.get(key) or Reached(*key, 0, 0, (), date, machine())
        found[key] = replace(
            before,
            passed=before.passed + case.passed,
            failed=before.failed + (not case.passed),
        )
        of_test = sums.setdefault(key, {})
        for each in case.figures:
            counts = of_test.setdefault(each["text"], dict.fromkeys(each["counts"], 0))
            for name, count in each["counts"].items():
                counts[name] += count
    return [
        replace(each, figures=tuple(told(text, counts) for text, counts in sums[key].items()))
        for key, each in sorted(found.items())
    ]


def told(text: str, counts: dict[str, float]) -> str:
    """A figure's text with its counts in it."""
    return text.format(**counts) if counts else text


def merged(files: Iterable[Iterable[Reached]]) -> list[Reached]:
    """The last of each test, store and size, in the order of the files."""
    found = {(each.test, each.store, each.size): each for file in files for each in file}
    return [found[key] for key in sorted(found)]


def read(path: Path) -> list[Reached]:
    """What a file holds."""
    if not path.exists():
        return []
    return [
        Reached(**{**each, "figures": tuple(each["figures"])})
        for each in json.loads(path.read_text(encoding="utf-8"))
    ]


def write(path: Path, reached: Iterable[Reached]) -> None:
    """Write a file of this form."""
    text = json.dumps([asdict(each) for each in reached], indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
