"""The notebook runs in a real kernel, says what it says, and may be run again."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import nbformat
import pytest
from nbclient import NotebookClient

REPOSITORY: Final = Path(__file__).parents[2]
NOTEBOOK: Final = REPOSITORY / "examples" / "notebook" / "durable_workflows.ipynb"


@dataclass(frozen=True)
class Run:
    """A notebook that was executed from its first cell to its last."""

    cells: list[Any]

    def gave(self, fragment: str) -> str:
        """What the one code cell with this in its source has printed and given."""
        (cell,) = [cell for cell in self.cells if fragment in cell.source]
        return "".join(map(text_of, cell.outputs))


def executed(folder: Path) -> Run:
    book = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(book, timeout=60, resources={"metadata": {"path": str(folder)}}).execute()
    return Run([cell for cell in book.cells if cell.cell_type == "code"])


def text_of(output: dict[str, Any]) -> str:
    if output["output_type"] == "stream":
        assert output["name"] == "stdout", output["text"]
        return str(output["text"])
    return str(output["data"]["text/plain"])


def test_the_notebook_runs_in_a_kernel_and_again_in_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{REPOSITORY}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    first = executed(tmp_path)
    assert 3 < float(first.gave("pi(80_000)")) < 3.3
    assert first.gave("to_mermaid").startswith("flowchart TD")
    status = first.gave('"pi-1", 80_000')
    assert status.startswith("Completed(output=3.")
    assert "map[7]/throw" in first.gave('task_results("pi-1", pi)')
    assert "ZeroDivisionError at estimate" in first.gave("estimate_wrongly")
    assert first.gave("buggy.definition_hash ==") == "True"
    assert first.gave("client.retry").startswith("9 steps kept: True\nCompleted(")
    assert first.gave("throw_until_stopped") == "stopped, with 3 batches thrown\n"
    assert first.gave('runner.ensure(pi, "pi-3"').startswith("Completed(")
    assert "compare: added: task after 'estimate'" in first.gave("diff(pi, compared)")
    assert "was created by definition" in first.gave("runner.resume(compared")
    assert "wrong by 0.0" in first.gave('"pi-4"')

    again = executed(tmp_path)
    for stored in ('"pi-1", 80_000', 'runner.ensure(pi, "pi-3"', '"pi-4"'):
        assert again.gave(stored) == first.gave(stored)


def test_no_output_is_stored_in_the_notebook() -> None:
    book = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(book)
    for cell in book.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
