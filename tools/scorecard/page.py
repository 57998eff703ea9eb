"""The page that tells, line by line, what was asked and what was reached."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tools.scorecard.lines import LINES, Line, shows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tools.scorecard.figures import Reached

__all__ = ["PAGE", "page"]

PAGE: Final = Path(__file__).parents[2] / "docs" / "explanation" / "reliability.md"
_UP: Final = "../../"
_SIZES: Final = {"nightly": "night", "ci": "push", "both": "the same"}
_STORES: Final = {"memory": "memory", "sqlite": "SQLite", "postgres": "PostgreSQL", "": ""}

_HEAD: Final = """\
# What was shown

Each [promise](guarantees.md#promises) has tests, and each test a figure. Every push runs them at
a small figure (`make test`), `make nightly` at the full one, which takes hours. This page is made
of what those runs have written down; nobody wrote a figure by hand:

```sh
make nightly
python -m tools.scorecard nightly.json nightly-alone.json
```

Real processes are killed and stopped, a real PostgreSQL is stopped and started, and disks are
really full. What is only simulated says so; [the simulator](simulation.md) and
[the engines broken on purpose](broken-engines.md) have pages of their own.
"""
_OVERVIEW: Final = """\
## All lines

*Night* means that each test of the line has passed at its full figure, *push* that some or all have
only been run at the small one, *failed* that one didn't pass when it was run last. The last column
says where a line falls short of what was asked of it. Below, *the same* marks a test that does the
same at night and on every push.

| line | shows | promises | run | short |
| --- | --- | --- | --- | --- |
"""
_MACHINES: Final = """\
## Machines

Shared with others, who worked on it meanwhile: times are what was seen then, and counts don't
depend on it.

"""


def page(reached: Sequence[Reached]) -> str:
    """The whole page, from the last figures of each test."""
    machines = list(dict.fromkeys(each.machine for each in reached))
    parts = [_HEAD, _OVERVIEW + "".join(_row(line, reached) for line in LINES)]
    parts += [_section(line, reached, machines) for line in LINES]
    if machines:
        told = [f"- **{_letter(at)}**: {machine}\n" for at, machine in enumerate(machines)]
        parts.append(_MACHINES + "".join(told))
    return "\n".join(parts)


def _row(line: Line, reached: Sequence[Reached]) -> str:
    promises = ", ".join(map(str, line.promises))
    link = f"[{line.number}](#{_anchor(line)})"
    state, short = _state(line, reached), _short(line, reached)
    return f"| {link} | {line.what} | {promises} | {state} | {short} |\n"


def _of(test: str, reached: Iterable[Reached]) -> list[Reached]:
    return [each for each in reached if shows(test, each.test)]


def _state(line: Line, reached: Sequence[Reached]) -> str:
    """How far the line was run; what was run at night only counts as the last that was run."""
    of_tests = [_of(test, reached) for test in line.tests]
    if any(each.failed for found in of_tests for each in found):
        return "failed"
    if all(_whole(found) for found in of_tests):
        return "night"
    if all(found for found in of_tests):
        return "push"
    return "in part" if any(of_tests) else "not yet"


def _whole(found: Sequence[Reached]) -> bool:
    """Whether it was run at its full figure, on each store on which it was run at all."""
    full = {each.store for each in found if each.size in {"nightly", "both"} and each.passed}
    return bool(found) and full == {each.store for each in found}


def _short(line: Line, reached: Sequence[Reached]) -> str:
    said = [line.short] if line.short else []
    small = [test for test in line.tests if not _whole(_of(test, reached))]
    if small:
        said.append(f"Not yet at the full figure: {len(small)} of {len(line.tests)} tests.")
    return " ".join(said)


def _section(line: Line, reached: Sequence[Reached], machines: list[str]) -> str:
    text = (
        f"## {_title(line)}\n\n"
        f"Asked: {line.asked}. On every push: {line.push}.\n\n"
        "| test | store | run | cases | reached | date | machine |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
    )
    for test in line.tests:
        file, _, name = test.partition("::")
        words = (name or Path(file).stem).removeprefix("test_").replace("_", " ")
        link = f"[{words}]({_UP}{file})"
        found = _together(_of(test, reached))
        if not found:
            text += f"| {link} | | not yet | | | | |\n"
        for each in found:
            cases = f"{each.passed:,}" + (f", **{each.failed:,} failed**" if each.failed else "")
            text += (
                f"| {link} | {_STORES[each.store]} | {_SIZES[each.size]} | {cases} | "
                f"{_cell(each.figures)} | {each.date} | {_letter(machines.index(each.machine))} |\n"
            )
    return text + (f"\n{line.short}\n" if line.short else "")


def _together(found: list[Reached]) -> list[Reached]:
    """The tests of a whole file as one, so that a page isn't a listing of tests."""
    made: dict[tuple[str, ...], Reached] = {}
    for each in found:
        key = (each.store, each.size, each.date, each.machine)
        before = made.get(key)
        made[key] = (
            each
            if before is None
            else replace(
                each,
                passed=before.passed + each.passed,
                failed=before.failed + each.failed,
                figures=before.figures + each.figures,
            )
        )
    return sorted(made.values(), key=lambda each: (each.store, each.size == "ci"))


def _cell(figures: tuple[str, ...]) -> str:
    return "; ".join(figures).replace("|", "\\|") or "passed"


def _letter(at: int) -> str:
    return chr(ord("A") + at)


def _title(line: Line) -> str:
    return f"{line.number}. {line.what[0].upper()}{line.what[1:]}"


def _anchor(line: Line) -> str:
    kept = "".join(each for each in _title(line).lower() if each.isalnum() or each in " -_")
    return kept.replace(" ", "-")
