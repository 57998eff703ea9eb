"""The pictures in the documents are what the code draws."""

from __future__ import annotations

from tests.docs.pages import ROOT, links_of
from tools.draw_pictures import FOLDER, pictures


def test_each_picture_is_current() -> None:
    """`python -m tools.draw_pictures` writes them anew; look at them then."""
    for name, svg in pictures().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == svg, name


def test_each_picture_is_drawn_and_shown() -> None:
    assert {file.name for file in FOLDER.glob("*.svg")} == set(pictures())
    shown = links_of(ROOT / "docs" / "how-to" / "pictures.md")
    assert {f"pictures/{name}" for name in pictures()} <= set(shown)
