"""The pictures in the documents are what the code draws."""

from __future__ import annotations

from tests.docs.pages import ROOT, links_of
from tools.docs.terminal_pictures import terminal_pictures
from tools.draw_pictures import FOLDER, pictures


def test_each_picture_is_current() -> None:
    """`python -m tools.draw_pictures` writes them anew; look at them then."""
    for name, svg in pictures().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == svg, name


def test_each_picture_is_drawn_and_shown() -> None:
    assert {file.name for file in FOLDER.glob("*.svg")} == set(pictures())
    shown = {link for page in (ROOT / "docs" / "how-to").glob("*.md") for link in links_of(page)}
    assert {f"pictures/{name}" for name in pictures()} <= shown


def test_pictures_of_terminals_fetch_nothing_and_are_light_and_dark() -> None:
    for name, svg in terminal_pictures().items():
        assert "prefers-color-scheme: dark" in svg, name
        assert "http" not in svg.replace("http://www.w3.org/2000/svg", ""), name
        assert "<title>" in svg, name
