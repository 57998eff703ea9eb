"""The simulation notices mistakes: the engine is broken on purpose, a line at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sim.cluster.found import PAGE, known, page, played_with, search
from tests.sim.cluster.mistakes import MISTAKES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.broken import Mistake


def test_each_mistake_is_found_at_its_seed(report_figure: Callable[[str], None]) -> None:
    """By the invariant that the page tells of."""
    found = known()
    assert set(found) == {mistake.what for mistake in MISTAKES}
    missed: list[str] = []
    for mistake in MISTAKES:
        violation = played_with(mistake, found[mistake.what].seed).violation
        if violation is None or violation.invariant != found[mistake.what].invariant:
            missed.append(f"{mistake.what}: {violation}")
    report_figure(f"broken engines caught: {len(MISTAKES) - len(missed)} of {len(MISTAKES)}")
    assert len(MISTAKES) >= 30
    assert not missed, "; ".join(missed)


def test_the_page_tells_what_was_found() -> None:
    """``python -m tests.sim.cluster.found`` writes it."""
    assert PAGE.read_text() == page(known())


@pytest.mark.nightly
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.what)
def test_a_search_finds_it(mistake: Mistake) -> None:
    """From the first seed on, without knowing which it will be."""
    assert search(mistake) == known()[mistake.what]
