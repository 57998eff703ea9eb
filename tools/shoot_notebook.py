"""Photographs what a notebook shows, in light and in dark side by side, with a headless Chromium.

python -m tools.shoot_notebook     writes docs/how-to/pictures/notebook.png

What is shown is the kept output of ``notebooks/experiment.ipynb``; a real browser draws it.
"""

from __future__ import annotations

import html
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import nbformat

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "notebooks" / "experiment.ipynb"
PICTURE = ROOT / "docs" / "how-to" / "pictures" / "notebook.png"
CELLS: Final = ("status = runner.rerun(", "comparison = runner")
"""Of these cells the outputs are shown, found by what their sources hold."""
SIZE: Final = (1800, 1300)
QUIET: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
_DARK_ONLY = "@media (prefers-color-scheme: dark)"
_STYLE: Final = """
body { margin: 0; display: flex; font: 14px system-ui, sans-serif; }
main { width: 50%; box-sizing: border-box; padding: 20px; min-height: 1300px; overflow: hidden; }
.light { background: #fff; color: #1c2128; } .dark { background: #111317; color: #e1e4ea; }
pre.in { margin: 14px 0 8px; padding: 8px; border-left: 3px solid #5b8bd6; font-size: 12px; }
.light pre.in { background: #f4f6f9; } .dark pre.in { background: #1b1f26; }
"""


def main() -> int:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        print("chromium is needed: apt-get install chromium", file=sys.stderr)
        return 1
    with TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        page.write_text(_page(), encoding="utf-8")
        size = f"--window-size={SIZE[0]},{SIZE[1]}"
        profile, picture = f"--user-data-dir={folder}/profile", f"--screenshot={PICTURE}"
        done = subprocess.run([browser, *QUIET, profile, size, picture, page.as_uri()], check=False)
    return done.returncode


def _page() -> str:
    book = nbformat.read(NOTEBOOK, as_version=4)
    found = [cell for part in CELLS for cell in book.cells if part in cell.source]
    halves = "".join(
        f'<main class="{theme}">{"".join(_cells(found, theme))}</main>'
        for theme in ("light", "dark")
    )
    return f"<!doctype html><meta charset=utf-8><style>{_STYLE}</style><body>{halves}"


def _cells(cells: list[Any], theme: str) -> Iterator[str]:
    for cell in cells:
        yield f'<pre class="in">{html.escape(cell.source)}</pre>'
        for output in cell.outputs:
            data = output.get("data", {})
            if "image/svg+xml" in data:
                yield _in_theme(data["image/svg+xml"], theme)
            else:
                told = output.get("text") or data.get("text/plain", "")
                yield data.get("text/html") or f"<pre>{html.escape(told)}</pre>"


def _in_theme(svg: str, theme: str) -> str:
    """The picture as a reader of that theme sees it, each in a frame with rules of its own."""
    rules = svg.replace(_DARK_ONLY, "@media all" if theme == "dark" else "@media not all")
    content = html.escape(f'<body style="margin:0">{rules}')
    width, height = (_number(svg, name) for name in ("width", "height"))
    size = f'width="{width:.0f}" height="{height:.0f}"'
    return f'<iframe style="border:0" {size} srcdoc="{content}"></iframe>'


def _number(svg: str, name: str) -> float:
    return float(svg.split(f'{name}="')[1].partition('"')[0])


if __name__ == "__main__":
    sys.exit(main())
