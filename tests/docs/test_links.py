"""Links between the documents, and to files of the project, lead somewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import ROOT, links_of, pages

if TYPE_CHECKING:
    from pathlib import Path

PAGES = [
    *pages(),
    *sorted((ROOT / "examples").rglob("*.md")),
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_relative_links_lead_to_files(page: Path) -> None:
    """Every relative link of the page names a file or folder that is there."""
    local = [target.partition("#")[0] for target in links_of(page) if "://" not in target]
    missing = [target for target in local if target and not (page.parent / target).exists()]
    assert not missing, f"{page.name} links to what isn't there: {missing}"
