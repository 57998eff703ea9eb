"""The notebooks run in a real kernel, show what they are kept with, and may be run again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import nbformat
import pytest

from tools.run_notebooks import FOLDER, run, said

REPOSITORY: Final = Path(__file__).parents[2]
NAMES: Final = ("first_hour", "experiment")


class Shown:
    """What the cells of a notebook show."""

    def __init__(self, book: Any) -> None:
        self.cells = [cell for cell in book.cells if cell.cell_type == "code"]

    def by(self, fragment: str, kind: str = "text/plain") -> str:
        """What the one code cell with this in its source shows, of one kind; streams as text."""
        (cell,) = [cell for cell in self.cells if fragment in cell.source]
        found: list[str] = []
        for output in cell.outputs:
            if output["output_type"] == "stream":
                assert output["name"] == "stdout", output["text"]
                found += [str(output["text"])] if kind == "text/plain" else []
            elif kind in output["data"]:
                found.append(str(output["data"][kind]))
        return "\n".join(found)


@pytest.mark.parametrize("name", NAMES)
def test_it_shows_what_it_is_kept_with_and_runs_again(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another kernel in the same folder meets what the first one has stored."""
    monkeypatch.setenv("PYTHONPATH", f"{REPOSITORY}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    path = FOLDER / f"{name}.ipynb"
    stored = nbformat.read(path, as_version=4)
    nbformat.validate(stored)
    assert said(run(path, tmp_path)) == said(stored), "python -m tools.run_notebooks"
    again, first = Shown(run(path, tmp_path)), Shown(stored)
    kept = {
        "first_hour": ('= runner.ensure(pi, "pi-1"', 'runner.ensure(pi, "pi-3"'),
        "experiment": ("comparison.different",),
    }
    for fragment in kept[name]:
        assert again.by(fragment) == first.by(fragment)


def test_the_first_hour_says_what_it_says() -> None:
    shown = Shown(nbformat.read(FOLDER / "first_hour.ipynb", as_version=4))
    assert 3 < float(shown.by("pi(80_000)").splitlines()[0]) < 3.3
    assert shown.by("@workflow\ndef pi", "image/svg+xml").startswith("<svg")
    assert shown.by("fork(throw", "image/svg+xml").startswith("<svg")
    started = 'status = runner.ensure(pi, "pi-1", 80_000)'
    assert "pi: completed" in shown.by(started, "image/svg+xml")
    assert "Completed" in shown.by(started, "text/html")
    assert "map[7]/throw" in shown.by('task_results("pi-1", pi)', "text/html")
    assert "pi-async, workflow pi" in shown.by("AsyncCheckpointingRunner(", "image/svg+xml")
    assert shown.by("process_id)").endswith("here: False\n")
    assert "ZeroDivisionError" in shown.by("def estimate_wrongly", "text/html")
    assert "estimate: failed" in shown.by("def estimate_wrongly", "image/svg+xml")
    assert "9 steps kept: True\n" in shown.by("client.retry")
    assert "stopped, with 3 batches thrown\n" in shown.by("throw_until_stopped")
    assert "AwaitingSignal" in shown.by("def publish", "text/html")
    assert "compare: added: task after 'estimate'" in shown.by("diff(pi, compared)")
    assert "was created by definition" in shown.by("runner.resume(compared")
    assert "map/throw: done, 8 done" in shown.by("runner.rerun(compared", "image/svg+xml")
    assert "wrong by 0.0" in shown.by("runner.rerun(compared", "text/html")
    assert "pi-4" in shown.by('client.list("pi")', "text/html")


def test_the_experiment_says_what_it_says() -> None:
    shown = Shown(nbformat.read(FOLDER / "experiment.ipynb", as_version=4))
    assert "a second was saved: True" in shown.by('"medians", start="fork[1]/fit_line"')
    assert "measure: done, kept" in shown.by('start="fork[1]/fit_line"', "image/svg+xml")
    compared = shown.by("comparison = runner")
    assert compared.startswith("least-squares and medians: 2 different, 4 equal")
    assert compared.count("kept") == 3
    assert shown.by("comparison.different").splitlines()[0].startswith("fork[1]/fit_line")
    assert "what differs: measure" in shown.by("RerunRefused as refused")


def test_every_cell_has_run_in_order() -> None:
    for name in NAMES:
        book = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
        counts = [cell.execution_count for cell in book.cells if cell.cell_type == "code"]
        assert counts == list(range(1, len(counts) + 1))
