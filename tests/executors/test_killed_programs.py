"""Whole programs with workers are killed: nothing stays behind, and nothing else suffers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sayiir import Completed, Failed, WorkflowClient
from tests.executors import programs
from tests.executors.conftest import gone

pytestmark = [pytest.mark.anyio, pytest.mark.crash]
_ROOT = Path(__file__).resolve().parents[2]


def begun(name: str, folder: Path, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.executors.programs", name, str(folder)],
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


def pids_in(folder: Path) -> list[int]:
    until = time.monotonic() + 20
    while not (folder / "pids").exists():
        assert time.monotonic() < until
        time.sleep(0.005)
    return [int(pid) for pid in (folder / "pids").read_text().split()]


async def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    with begun("long", tmp_path) as parent:
        pids = pids_in(tmp_path)
        parent.kill()
    for pid in pids:
        await gone(pid)
    (tmp_path / "second").touch()
    with begun("long", tmp_path) as parent:
        output, _ = parent.communicate(timeout=30)
    assert output == "Completed(output='done')\n"


async def test_ctrl_c_is_the_parents_to_decide(tmp_path: Path) -> None:
    """The terminal sends SIGINT to its foreground processes; the parent stops its workers."""
    with begun("long", tmp_path, start_new_session=True) as parent:
        pids = pids_in(tmp_path)
        os.killpg(parent.pid, signal.SIGINT)
        output, _ = parent.communicate(timeout=30)
    assert output == "interrupted\n"
    for pid in pids:
        await gone(pid)
    assert not (tmp_path / "lock").exists()
    (tmp_path / "second").touch()
    with begun("long", tmp_path) as parent:
        output, _ = parent.communicate(timeout=30)
    assert output == "Completed(output='done')\n"


def test_a_poison_that_kills_its_runner_is_given_up_and_the_others_complete(
    tmp_path: Path, report_figure: Any
) -> None:
    """Scorecard 22: ten runners in a row are killed at one position."""
    with WorkflowClient(programs.url(tmp_path)) as client:
        client.submit(programs.poisonous, "poison", 1)
        for n in range(5):
            client.submit(programs.harmless, f"other-{n}", n)
        ends: list[int] = []
        while len(ends) < 12 and (not ends or ends[-1] != 0):
            with begun("poisoned", tmp_path) as runner:
                ends.append(runner.wait(30))
        assert ends == [-signal.SIGKILL] * 10 + [0]
        status = client.status("poison")
        assert isinstance(status, Failed)
        assert (status.error.kind, status.error.path) == ("WorkerLost", "poison")
        others = [client.status(f"other-{n}", programs.harmless) for n in range(5)]
        assert others == [Completed(n + 4) for n in range(5)]
    report_figure("WorkerLost after 10 killed runners, 5 of 5 other instances completed")
