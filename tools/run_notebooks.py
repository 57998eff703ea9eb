"""Runs the notebooks from the first cell to the last and keeps what they show.

python -m tools.run_notebooks          run them, write their outputs
python -m tools.run_notebooks --check  run them, fail if they would show something else

Times and moments are never the same twice; two outputs are compared without them.
"""

from __future__ import annotations

import html
import os
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "notebooks"
CELL_SECONDS = 120

_VOLATILE = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( UTC|\+00:00)?"), "MOMENT"),
    (re.compile(r"datetime\.datetime\([^)]*\)"), "MOMENT"),
    (re.compile(r"\b\d+(\.\d+)? (ms|s|min|h|d)\b( \d+ (s|min|h)\b)?"), "SPAN"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "DIGITS"),
    (re.compile(r'File "[^"]*", line \d+'), "FILE"),
    (re.compile(r"/tmp/ipykernel_\d+/\d+\.py"), "FILE"),
    (re.compile(r"\s+"), " "),
)
_TAG = re.compile(r"<style>.*?</style>|<[^>]*>", re.DOTALL)


def run(path: Path, folder: Path) -> Any:
    """The notebook as a kernel of its own leaves it, run in this folder."""
    book = nbformat.read(path, as_version=4)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    client = NotebookClient(
        book,
        timeout=CELL_SECONDS,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()
    book.metadata["language_info"] = {"name": "python"}  # which version it was changes nothing
    for cell in book.cells:
        for output in cell.get("outputs", []):
            output.get("metadata", {}).pop("isolated", None)
    return book


def said(book: Any) -> list[tuple[str, list[dict[str, str]]]]:
    """What each cell shows, by MIME type, without times; pictures by their words."""
    return [
        (cell.source, [_words(output) for output in cell.get("outputs", [])]) for cell in book.cells
    ]


def _words(output: Any) -> dict[str, str]:
    if output["output_type"] == "stream":
        return {output["name"]: _steady(output["text"])}
    data = output["data"]
    # Which of two tasks that run beside each other ends first is chance, and so is its row.
    rows = {"text/html": "</tr>", "text/plain": "\n"} if "text/html" in data else {}
    return {
        kind: "\n".join(sorted(_steady(row) for row in text.split(rows.get(kind) or "\0")))
        for kind, text in data.items()
    }


def _steady(text: str) -> str:
    if text.lstrip().startswith("<"):
        text = html.unescape(_TAG.sub(" ", text))
    for pattern, word in _VOLATILE:
        text = pattern.sub(word, text)
    return text.strip()


def main(check: bool) -> int:
    changed: list[str] = []
    for path in sorted(FOLDER.glob("*.ipynb")):
        stored = nbformat.read(path, as_version=4)
        with TemporaryDirectory() as folder:
            book = run(path, Path(folder))
        if said(stored) == said(book):
            continue
        changed.append(path.name)
        if not check:
            nbformat.write(book, path)
    if changed:
        print("would change:" if check else "written:", ", ".join(changed))
    return int(check and bool(changed))


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
