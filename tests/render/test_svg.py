"""SVG pictures: well-formed, stable, self-contained, and readable without eyes."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayiir import branch, delay, task, workflow
from sayiir.dsl.portable import from_portable, to_portable
from sayiir.dsl.walk import walk
from sayiir.render.picture import Picture
from sayiir.render.svg import escaped
from sayiir.render.svg_style import STATES
from tests.render.scenes import failed, order, running

if TYPE_CHECKING:
    from collections.abc import Callable

SPACE: Final = "{http://www.w3.org/2000/svg}"
GOLDEN: Final = Path(__file__).parent / "golden"
SCENES: Final[dict[str, Callable[[], str]]] = {
    "definition.svg": order.to_svg,
    "definition.dot": order.to_dot,
    "definition.mmd": order.to_mermaid,
    "running.svg": lambda: running().to_svg(),
    "running.dot": lambda: running().to_dot(),
    "running.mmd": lambda: running().to_mermaid(),
    "failed.svg": lambda: failed().to_svg(),
}


def tree(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


@pytest.mark.parametrize("name", SCENES)
def test_pictures_are_those_that_were_looked_at(name: str) -> None:
    """SAYIIR_WRITE_GOLDEN=1 writes them anew; look at them then."""
    drawn = SCENES[name]().rstrip() + "\n"
    file = GOLDEN / name
    if os.environ.get("SAYIIR_WRITE_GOLDEN"):
        GOLDEN.mkdir(exist_ok=True)
        file.write_text(drawn, encoding="utf-8")
    assert drawn == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("theme", ["auto", "light", "dark"])
def test_it_fetches_nothing_and_runs_nothing(theme: str) -> None:
    for svg in (order.to_svg(theme=theme), failed().to_svg(theme=theme)):  # type: ignore[arg-type]
        root = tree(svg)
        names = {one.tag.removeprefix(SPACE) for one in root.iter()}
        assert names <= {"svg", "title", "desc", "style", "g", "rect", "path", "circle", "text"}
        assert not re.search(r"url\(|@import|@font-face|href|<script", svg)
        events = [name for one in root.iter() for name in one.attrib if name.startswith("on")]
        assert events == []
        assert ("prefers-color-scheme" in svg) is (theme == "auto")


def test_it_can_be_heard() -> None:
    """The picture has a name and a description, each node a title, and text is text."""
    root = tree(running().to_svg())
    title, desc = root.find(f"{SPACE}title"), root.find(f"{SPACE}desc")
    assert title is not None
    assert desc is not None
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    assert title.text == "order-42, workflow order"
    assert "2 running" in (desc.text or "")
    groups = {one.get("data-path"): one for one in root.iter(f"{SPACE}g") if one.get("data-path")}
    assert {path for path, _ in walk(order.definition.root)} <= set(groups)
    spoken = groups["fork[0]/charge"].findtext(f"{SPACE}title") or ""
    assert spoken == "fork[0]/charge: running, attempt 3, 40%, asking the bank, " + (
        "after ConnectionError: no answer from <bank> & co"
    )
    texts = [one.text for one in groups["fork[0]/charge"].iter(f"{SPACE}text")]
    assert texts[0] == "charge"


def test_states_are_told_by_form_too() -> None:
    """Each node's mark is of its state; the classes are of the states that there are."""
    svg = running().to_svg()
    assert set(re.findall(r"sayiir-is-(\w+)\"", svg)) <= set(STATES)
    at = {one.get("data-path"): one.get("class") for one in tree(svg).iter(f"{SPACE}g")}
    told = {path: (css or "").split("-is-")[-1] for path, css in at.items() if path}
    assert told["check"] == "done"
    assert told["fork[0]/charge"] == "running"
    assert told["fork[1]/stock"] == "done"
    assert told["fork[1]/branch[plain]/reserve"] == "done"
    assert told['fork[1]/branch["<&\\">"]/delay'] == "pending"
    assert told["fork[2]/poll/delay"] == "waiting"
    assert told["picked up"] == "pending"
    assert svg.count("sayiir-mark") > len(list(walk(order.definition.root)))


def test_an_instance_is_drawn_without_its_code() -> None:
    portable = from_portable(to_portable(order.definition))
    assert Picture(portable).to_svg() == order.to_svg()


def test_hostile_text_stays_text() -> None:
    svg = failed().to_svg()
    tree(svg)
    assert "<script" not in svg
    assert "\x1b" not in svg
    assert "\u202e" not in svg
    assert "&lt;script&gt;" in svg


@given(st.text())
def test_any_text_can_stand_in_an_attribute_and_in_an_element(text: str) -> None:
    shown = escaped(text)
    made = ElementTree.fromstring(f'<a b="{shown}">{shown}</a>')
    # Line ends and tabs of an attribute become spaces in every reader of XML.
    assert re.sub(r"[\n\t]", " ", made.text or "") == made.get("b")


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60))
def test_any_instance_id_and_branch_key_gives_well_formed_xml(text: str) -> None:
    flow = branch(lambda _: text, {text: delay(1)}, default=delay(2))
    tree(Picture(workflow("w", flow).definition, heading=(text, text)).to_svg())


def test_two_pictures_in_one_page_have_ids_of_their_own() -> None:
    ids = [re.findall(r' id="([^"]+)"', svg) for svg in (order.to_svg(), running().to_svg())]
    assert not set(ids[0]) & set(ids[1])


def test_an_unknown_theme_is_refused() -> None:
    with pytest.raises(ValueError, match="'auto', 'light' or 'dark'"):
        order.to_svg(theme="sepia")  # type: ignore[arg-type]


def test_dot_quotes_what_would_end_a_label() -> None:
    @task('say "\\hi\\"')
    def say(n: int) -> int:
        return n

    dot = workflow('a "b" \\', say).to_dot()
    assert 'digraph "a \\"b\\" \\\\" {' in dot
    assert '[label="say \\"\\\\hi\\\\\\"", shape=box]' in dot
