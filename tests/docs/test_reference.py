"""The reference is whole: each public name stands in it, with a docstring that has an example."""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import re
from pathlib import Path
from typing import Final

import pytest

import sayiir
from sayiir import testing
from tests.docs.pages import ROOT

API: Final = ROOT / "docs" / "reference" / "api"
# Shown where they are written, since `sayiir.testing` gives its names when they are asked for.
OF_TESTING: Final = tuple(
    f"{value.__module__}.{value.__qualname__}"
    for value in (getattr(testing, name) for name in testing.__all__)
)
# A function that has its module's name is told by both: `sayiir.workflow` is the module.
NAMED_AS_THEIR_MODULE: Final = {"sayiir.workflow": "sayiir.workflow.workflow"}


def shown() -> list[str]:
    """What the pages of the reference show, as dotted names."""
    pages = sorted(API.glob("*.md"))
    return [
        name
        for page in pages
        for name in re.findall(r"^::: (\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    ]


def docstring(name: str) -> str:
    """The docstring of a public name; of an alias, the text below its assignment."""
    value = getattr(sayiir, name)
    if inspect.isclass(value) or inspect.isroutine(value):
        return value.__doc__ or ""
    return alias_docstring(Path(inspect.getfile(importlib.import_module("sayiir.status"))), name)


def alias_docstring(source: Path, name: str) -> str:
    body = ast.parse(source.read_text(encoding="utf-8")).body
    for node, following in itertools.pairwise(body):
        if not isinstance(node, ast.AnnAssign) or ast.unparse(node.target) != name:
            continue
        if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            return str(following.value.value)
    return ""


def test_each_public_name_stands_in_the_reference_once() -> None:
    names = [f"sayiir.{name}" for name in sayiir.__all__]
    wanted = [NAMED_AS_THEIR_MODULE.get(name, name) for name in names]
    found = shown()
    missing = sorted({*wanted, *OF_TESTING} - set(found))
    assert not missing, f"write `::: {missing[0]}` into a page of docs/reference/api"
    assert len(found) == len(set(found)), "shown twice"


def test_what_the_reference_shows_exists() -> None:
    for name in shown():
        module, _, attribute = name.rpartition(".")
        if module == "sayiir":
            assert attribute in sayiir.__all__, name
        assert getattr(importlib.import_module(module), attribute) is not None


@pytest.mark.parametrize("name", sayiir.__all__)
def test_each_public_name_has_a_docstring_with_an_example(name: str) -> None:
    """`make test` runs the examples; this holds that there is one."""
    text = docstring(name)
    assert text.strip(), f"{name} has no docstring"
    assert ">>> " in text, f"the docstring of {name} has no example"


def test_what_tests_are_written_with_has_examples_too() -> None:
    for value in (getattr(testing, name) for name in testing.__all__):
        assert ">>> " in (value.__doc__ or ""), value


def test_each_page_of_the_how_to_is_in_its_index_and_in_the_navigation() -> None:
    index = (ROOT / "docs" / "how-to" / "README.md").read_text(encoding="utf-8")
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in sorted((ROOT / "docs" / "how-to").glob("*.md")):
        if page.name == "README.md":
            continue
        assert f"]({page.name})" in index, f"link {page.name} in docs/how-to/README.md"
        assert f": how-to/{page.name}\n" in navigation, f"name {page.name} in mkdocs.yml"


def test_each_page_of_the_explanation_is_in_its_index() -> None:
    folder = ROOT / "docs" / "explanation"
    index = (folder / "README.md").read_text(encoding="utf-8")
    for page in sorted(folder.glob("*.md")):
        assert page.name == "README.md" or f"]({page.name})" in index, page.name
