"""What the site shows otherwise than a code host does, and its list of decisions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

_OUTPUT = re.compile(r"^```text output$", re.MULTILINE)
_NOT_RUN = re.compile(r"^```python no-run: .*$", re.MULTILINE)


def on_config(config: Any) -> Any:
    """Add the numbered decisions to the navigation, each under its own title."""
    folder = Path(config.docs_dir)
    pages = sorted((folder / "decisions").glob("[0-9]*.md"))
    (section,) = (part["Decisions"] for part in config.nav if "Decisions" in part)
    section.extend(page.relative_to(folder).as_posix() for page in pages)
    return config


def on_page_markdown(markdown: str, **_: Any) -> str:
    """``text output`` becomes a block with a title; the site's Markdown knows no such mark."""
    return _NOT_RUN.sub("```python", _OUTPUT.sub('```text title="prints"', markdown))
