"""Our side of the corpus; `make compat` runs the published package's side too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import sayiir.compat
from tests.compat.corpus.every import programs
from tests.compat.corpus.program import SAME, Program

ONE = Path(__file__).with_name("one.py")
TOGETHER = [program for program in programs() if not program.apart]
APART = [program for program in programs() if program.apart]


@pytest.mark.parametrize("program", TOGETHER, ids=lambda program: program.name)
def test_gives_what_the_corpus_says(program: Program) -> None:
    """Each program for the published package gives here what its documentation promises."""
    assert repr(program.run(sayiir.compat)) == repr(program.gives)


@pytest.mark.crash
@pytest.mark.parametrize("program", APART, ids=lambda program: program.name)
def test_gives_it_after_a_crash(program: Program) -> None:
    """An instance whose process is killed is continued by another one, and gives the same."""
    command = [sys.executable, "-W", "error", str(ONE), "sayiir.compat", program.name]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.stdout.strip() == repr(program.gives), ended.stderr


def test_the_corpus_is_large_and_says_why(report_figure) -> None:
    """At least 60 programs, of different names; every difference is explained."""
    found = list(programs())
    differing = [program for program in found if program.published is not SAME]
    report_figure(f"programs for the published package: {len(found)}, differing {len(differing)}")
    assert len({program.name for program in found}) == len(found) >= 60
    assert all(program.why and program.published != program.gives for program in differing)
