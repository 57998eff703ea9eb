"""The page of limits says what the code does, and leaves none out that users can reach."""

from __future__ import annotations

import re
from typing import Final

import pytest

from sayiir import limits
from tests.docs.pages import ROOT

ROWS: Final = re.findall(
    r"^\| .+ \| ([\d,]+) ?([^|]*?) \| `(\w+)` \|$",
    (ROOT / "docs" / "reference" / "limits.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)
FACTORS: Final = {"MiB": 1024 * 1024, "years": 366 * 86_400}
WITHIN: Final = {"MAX_INTERRUPTION_WAIT_SECONDS"}
"""Told where it matters, and by no error."""


@pytest.mark.parametrize(("number", "unit", "name"), ROWS)
def test_a_limit_is_what_the_page_says(number: str, unit: str, name: str) -> None:
    factor = FACTORS.get(unit, 1)
    assert int(number.replace(",", "")) * factor == getattr(limits, name)


def test_each_bound_stands_on_the_page() -> None:
    bounds = {name for name in vars(limits) if name.startswith("MAX_")} - WITHIN
    assert bounds <= {name for _, _, name in ROWS}
