"""Links between the documents, and to files of the project, lead somewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import ROOT, anchors_of, links_of, pages

if TYPE_CHECKING:
    from pathlib import Path

PAGES = [
    *pages(),
    *sorted((ROOT / "examples").rglob("*.md")),
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "SECURITY.md",
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_relative_links_lead_to_files_and_headings(page: Path) -> None:
    """Each relative link names a file or folder that is there, and a heading that it has."""
    broken = [
        target for target in links_of(page) if "://" not in target and not leads(page, target)
    ]
    assert not broken, f"{page.name} links to what isn't there: {broken}"


def leads(page: Path, target: str) -> bool:
    """Whether a relative link leads somewhere: to a file, and to its heading if it names one."""
    file, _, anchor = target.partition("#")
    path = page.parent / file if file else page
    if not path.exists():
        return False
    return not anchor or (path.suffix == ".md" and anchor in anchors_of(path))


def test_links_that_lead_nowhere_are_told(tmp_path: Path) -> None:
    """A missing file, a missing heading, and an anchor into what has no headings."""
    page = tmp_path / "page.md"
    page.write_text(
        "# One `two` three\n\n## What's new?\n\n## What's new?\n\n```sh\n# no heading\n```\n"
    )
    (tmp_path / "other.txt").write_text("")
    assert anchors_of(page) == {"one-two-three", "whats-new", "whats-new-1"}
    for target in ("page.md#whats-new", "#one-two-three", "other.txt", "."):
        assert leads(page, target), target
    for target in ("gone.md", "page.md#gone", "#no-heading", "other.txt#a"):
        assert not leads(page, target), target
