"""The simulation notices mistakes: the engine is broken on purpose, a line at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sim.cluster.found import PAGE, known, page, played_with, search
from tests.sim.cluster.mistakes import MISTAKES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.broken import Mistake


def test_each_mistake_is_found(report_figure: Callable[[str], None]) -> None:
    """At the seed where it was found last; where the engine has changed since, by a search.

    A change of the engine changes what a seed plays. ``python -m tests.sim.cluster.found`` then
    spares the searches.
    """
    found = known()
    assert set(found) == {mistake.what for mistake in MISTAKES}
    moved = [
        each for each in MISTAKES if played_with(each, found[each.what].seed).violation is None
    ]
    missed = [mistake.what for mistake in moved if search(mistake) is None]
    caught = len(MISTAKES) - len(missed)
    report_figure(
        f"broken engines caught: {caught} of {len(MISTAKES)}, "
        f"{len(MISTAKES) - len(moved)} of them at the seed of the last search"
    )
    assert len(MISTAKES) >= 30
    assert not missed


def test_the_page_tells_what_was_found() -> None:
    """``python -m tests.sim.cluster.found`` writes it."""
    assert PAGE.read_text() == page(known())


@pytest.mark.nightly
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.what)
def test_a_search_finds_it(mistake: Mistake) -> None:
    """From the first seed on, without knowing which it will be."""
    assert search(mistake) is not None
