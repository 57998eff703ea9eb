"""What the site makes of the pages: no mark that is meant for the tests is left in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import ROOT, blocks_of
from tools.docs.hooks import on_page_markdown

if TYPE_CHECKING:
    from pathlib import Path

PAGES = sorted((ROOT / "docs").rglob("*.md"))
UNDERSTOOD = re.compile(r'\w*( title="[^"]+")?')


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_site_understands_every_fence(page: Path, tmp_path: Path) -> None:
    """One that it doesn't turns the rest of the page inside out."""
    shown = tmp_path / "page.md"
    text = page.read_text(encoding="utf-8")
    shown.write_text(on_page_markdown(text), encoding="utf-8")
    strange = [b.info for b in blocks_of(shown) if not UNDERSTOOD.fullmatch(b.info)]
    assert strange == []
    assert len(blocks_of(shown)) == len(blocks_of(page))
