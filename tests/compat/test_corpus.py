"""Our side of the corpus; `make compat` runs the published package's side too."""

from __future__ import annotations

import pytest

import sayiir.compat
from tests.compat.corpus.every import programs
from tests.compat.corpus.program import SAME, Program


@pytest.mark.parametrize("program", list(programs()), ids=lambda program: program.name)
def test_gives_what_the_corpus_says(program: Program) -> None:
    """Each program for the published package gives here what its documentation promises."""
    assert repr(program.run(sayiir.compat)) == repr(program.gives)


def test_the_corpus_is_large_and_says_why(report_figure) -> None:
    """At least 60 programs, of different names; every difference is explained."""
    found = list(programs())
    differing = [program for program in found if program.published is not SAME]
    report_figure(f"programs for the published package: {len(found)}, differing {len(differing)}")
    assert len({program.name for program in found}) == len(found) >= 60
    assert all(program.why and program.published != program.gives for program in differing)
