"""The page of the scorecard has every line, its tests exist, and it says what was written down."""

from __future__ import annotations

import ast
import re

import pytest

from tests.docs.pages import ROOT
from tools.scorecard.figures import KNOWN, Case, Reached, gathered, merged, read
from tools.scorecard.lines import LINES, Line, is_of_a_line
from tools.scorecard.page import PAGE, page


def test_the_page_has_every_line() -> None:
    """In the overview and with a section of its own, 1 to 30."""
    text = PAGE.read_text()
    numbers = list(range(1, 31))
    assert [line.number for line in LINES] == numbers
    assert [int(n) for n in re.findall(r"^\| \[(\d+)\]\(#", text, re.M)] == numbers
    assert [int(n) for n in re.findall(r"^## (\d+)\. ", text, re.M)] == numbers


def test_the_page_tells_what_was_written_down() -> None:
    """``python -m tools.scorecard`` writes it."""
    assert PAGE.read_text() == page(read(KNOWN))


def test_each_promise_is_shown() -> None:
    """By at least one line."""
    guarantees = (PAGE.parent / "guarantees.md").read_text()
    promises = {int(number) for number in re.findall(r"^\*\*(\d+)\. ", guarantees, re.M)}
    assert {promise for line in LINES for promise in line.promises} == promises


@pytest.mark.parametrize("line", LINES, ids=lambda line: str(line.number))
def test_the_tests_of_a_line_exist(line: Line) -> None:
    """The file is there, and what is named has a test of that name."""
    assert line.tests
    for test in line.tests:
        file, _, name = test.partition("::")
        tree = ast.parse((ROOT / file).read_text())
        functions = {
            node.name
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert not name or name in functions, f"{file} has no {name}"


def test_figures_are_known_of_tests_that_are_there() -> None:
    """A test that is renamed takes its figure along, or loses it."""
    assert [each.test for each in read(KNOWN) if not is_of_a_line(each.test)] == []


def test_parts_are_added_up_and_the_last_run_counts() -> None:
    """Counts of a test's parts by name; what fails is told beside what passed."""
    text = "{runs:,} runs: {wrong} wrong"
    cases = [
        Case("tests/a.py::test_a[sqlite-0]", True, "ci", [_figure(text, runs=900, wrong=0)]),
        Case("tests/a.py::test_a[sqlite-1]", False, "ci", [_figure(text, runs=200, wrong=1)]),
        Case("tests/a.py::test_a[postgres-0]", True, "ci", [_figure("3 {s}")]),
    ]
    postgres, sqlite = gathered(cases, "2026-01-01")
    assert (sqlite.store, sqlite.passed, sqlite.failed) == ("sqlite", 1, 1)
    assert sqlite.figures == ("1,100 runs: 1 wrong",)
    assert (postgres.store, postgres.figures) == ("postgres", ("3 {s}",))
    newer = Reached(*("tests/a.py::test_a", "sqlite", "ci", 2, 0, (), "2026-01-02", "here"))
    assert merged([[sqlite, postgres], [newer]]) == [postgres, newer]


def _figure(text: str, **counts: int) -> dict[str, object]:
    return {"text": text, "counts": counts}
