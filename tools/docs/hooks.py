"""What the site shows otherwise than a code host does, and its list of decisions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

_OUTPUT = re.compile(r"^```text output$", re.MULTILINE)
_OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./)+(?:SECURITY\.md|(?:notebooks|tests)/[^)]*)\)")
_FILE = re.compile(r"^```python file: (\S+)$", re.MULTILINE)
_ROW = re.compile(r"^\|.*$", re.MULTILINE)
_CODE = re.compile(r"`[^`\n]+`")
_FETCHED = re.compile(
    r"<(?:script|img|iframe|source|video|audio|link(?=[^>]*stylesheet|[^>]*icon))\b[^>]*?"
    r"\s(?:src|href)=\"?((?:https?:)?//[^\"\s>]+)"
)
_MARKED = re.compile(r"^```(python no-run|sh run|console session)\b.*$", re.MULTILINE)


def on_config(config: Any) -> Any:
    """Add the numbered decisions to the navigation, each under its own title."""
    folder = Path(config.docs_dir)
    pages = sorted((folder / "decisions").glob("[0-9]*.md"))
    (section,) = (part["Decisions"] for part in config.nav if "Decisions" in part)
    section.extend(page.relative_to(folder).as_posix() for page in pages)
    return config


def on_post_page(output: str, *, page: Any, **_: Any) -> str:
    """A page that fetches something from elsewhere ends the build: no network may be needed.

    Raises:
        PluginError: with what it fetches.
    """
    if found := fetched(output):
        from mkdocs.exceptions import PluginError

        raise PluginError(
            f"{page.file.src_uri} would fetch {', '.join(found)}: keep a copy in docs"
        )
    return output


def fetched(html: str) -> list[str]:
    """Addresses elsewhere that a browser asks for by itself when it shows a page: no mere links."""
    return [found[1] for found in _FETCHED.finditer(html)]


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Marks become titles, or go: the site's Markdown doesn't know them."""
    markdown = _OUTPUT.sub('```text title="prints"', markdown)
    markdown = _OUTSIDE.sub(r"\1", markdown)  # the site has the documents alone
    markdown = _ROW.sub(lambda row: _CODE.sub(_bare_pipes, row[0]), markdown)
    markdown = _FILE.sub(r'```python title="\1"', markdown)
    return _MARKED.sub(lambda found: f"```{found[1].split()[0]}", markdown)


def _bare_pipes(code: re.Match[str]) -> str:
    r"""In a table's code a code host wants `\|` for a pipe; the site would show both characters."""
    return code[0].replace("\\|", "|")
