"""What the site makes of the pages: no mark that is meant for the tests is left in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from sayiir import limits
from tests.docs.pages import ROOT, blocks_of
from tools.docs.hooks import fetched, on_page_markdown

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


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ('<script src="https://a.b/shim"></script>', ["https://a.b/shim"]),
        ("<script async src=//a.b/shim></script>", ["//a.b/shim"]),
        ('<link rel="stylesheet" href="https://a.b/c.css">', ["https://a.b/c.css"]),
        ('<img alt="x" src="http://a.b/c.svg">', ["http://a.b/c.svg"]),
        ('<script src="iframe-worker.js"></script><img src="a/b.svg">', []),
        ('<a href="https://a.b">there</a><link rel="canonical" href="https://a.b">', []),
        ("<code>&lt;script src=&quot;https://a.b&quot;&gt;</code>", []),
    ],
)
def test_what_a_page_fetches_from_elsewhere_is_seen(html: str, found: list[str]) -> None:
    """`make docs` ends where a page fetches something; what is followed by a click is no matter."""
    assert fetched(html) == found


def test_the_search_of_pages_on_the_disk_is_of_our_own() -> None:
    """A plugin of the theme has each page fetch a script, unless one of that name is there."""
    assert "polyfills: [iframe-worker.js]" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert (ROOT / "docs" / "iframe-worker.js").is_file()


def test_pipes_in_a_tables_code_are_shown_as_they_are() -> None:
    """A code host needs them escaped, and shows them bare; so does the site then."""
    row = r"| `A \| B` | a \| b | `x` |"
    assert on_page_markdown(row) == r"| `A | B` | a \| b | `x` |"
    assert on_page_markdown(r"`a \| b`") == r"`a \| b`"


def test_a_default_is_shown_as_the_value_that_it_is() -> None:
    """`DEFAULT_LEASE_SECONDS` tells a reader nothing; 30 does."""
    griffe = pytest.importorskip("griffe", reason="the site is built with other packages")
    from tools.docs.docstrings import SayiirDocstrings

    package = griffe.load(
        "sayiir", search_paths=[ROOT], extensions=griffe.Extensions(SayiirDocstrings())
    )
    for name in ("worker.pooled.AsyncPooledWorker", "blocking.worker.PooledWorker"):
        shown = {each.name: str(each.default) for each in package[name].parameters}
        assert shown["lease"] == f"{limits.DEFAULT_LEASE_SECONDS:g}"
        assert shown["grace"] == f"{limits.DEFAULT_GRACE_SECONDS:g}"
        assert shown["concurrency"] == str(limits.WORKER_CONCURRENCY)
        assert shown["tags"] == "()"
