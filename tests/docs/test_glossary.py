"""The glossary: the words of the design, each once, in order, and what is said is linked."""

from __future__ import annotations

import re
from typing import Final

from tests.docs.pages import ROOT, anchors_of, links_of, pages

GLOSSARY: Final = ROOT / "docs" / "reference" / "glossary.md"
WORDS: Final = re.findall(r"^## (.+)$", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE)
OF_THE_DESIGN: Final = {
    *("task", "flow", "workflow", "node", "path", "instance", "task result", "position"),
    *("work item", "checkpoint", "claim", "lease", "epoch", "park", "signal", "event"),
    *("store", "codec"),
}


def test_the_words_are_there_once_and_in_order() -> None:
    assert set(WORDS) >= OF_THE_DESIGN
    assert sorted(WORDS) == WORDS
    assert len(set(WORDS)) == len(WORDS)


def test_each_word_is_explained() -> None:
    parts = re.split(r"^## .+$", GLOSSARY.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    short = [word for word, text in zip(WORDS, parts, strict=True) if len(text.split()) < 8]
    assert short == []


def test_whoever_links_to_a_word_finds_it() -> None:
    anchors = anchors_of(GLOSSARY)
    used: set[str] = set()
    for page in pages():
        for target in links_of(page):
            file, _, word = target.partition("#")
            if file.endswith("glossary.md") or (not file and page == GLOSSARY):
                assert not word or word in anchors, f"{page.name} links to {target}"
                used.add(word)
    assert len(used) >= 20
