"""Merge what runs have written into the known figures, and write the page.

``python -m tools.scorecard nightly.json …``; without a file, the page alone is written anew.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tools.scorecard.figures import KNOWN, merged, read, write
from tools.scorecard.lines import is_of_a_line
from tools.scorecard.page import PAGE, page


def main() -> None:
    """The newest of each test is kept; a test that is gone is forgotten."""
    files = [KNOWN, *map(Path, sys.argv[1:])]
    known = [each for each in merged(map(read, files)) if is_of_a_line(each.test)]
    write(KNOWN, known)
    PAGE.write_text(page(known), encoding="utf-8")


if __name__ == "__main__":
    main()
