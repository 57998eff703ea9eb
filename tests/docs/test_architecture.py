"""The page of the way of a value names every module on its floor."""

from __future__ import annotations

import re
from typing import Final

from tests.docs.pages import ROOT

ROWS: Final = re.findall(
    r"^\| \d \| (.+?) \|",
    (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)
NO_FLOOR: Final = {"__init__", "__main__", "py.typed", "stores"}


def test_each_module_stands_in_the_table() -> None:
    """One that is added without a word is one that a newcomer doesn't find."""
    told = {name.removesuffix(".py") for row in ROWS for name in re.findall(r"`([\w./]+)`", row)}
    modules = {
        prefix + entry.stem
        for folder, prefix in ((ROOT / "sayiir", ""), (ROOT / "sayiir" / "stores", "stores/"))
        for entry in folder.iterdir()
        if entry.suffix == ".py" or (entry / "__init__.py").is_file()
    }
    known = {name for name in modules if name.split("/")[-1] not in NO_FLOOR}
    assert known - told == set()
