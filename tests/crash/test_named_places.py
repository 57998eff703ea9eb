"""A program is killed with SIGKILL at a named place, and the same line continues it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from sayiir import WorkflowClient
from tests.crash.programs import INSTANCE, Place

pytestmark = pytest.mark.crash
_ROOT = Path(__file__).resolve().parents[2]


def begin(name: str, place: Place) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.crash.programs", name, str(place.folder)],
        cwd=_ROOT,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(name: str, place: Place) -> tuple[int, str]:
    """Exit status and what it printed."""
    process = begin(name, place)
    out, errors = process.communicate(timeout=100)
    assert process.returncode in (0, -signal.SIGKILL), errors
    return process.returncode, out.strip()


def killed(name: str, place: Place) -> list[str]:
    """The paths of the tasks that began before the program died."""
    status, _ = run(name, place)
    assert status == -signal.SIGKILL
    return [path for path, *_ in place.log()]


def check_attempts(place: Place) -> None:
    """Each path has one idempotency key and one input, and no attempt twice."""
    keys = {(path, key) for path, _, key, _ in place.log()}
    inputs = {(path, repr(value)) for path, _, _, value in place.log()}
    attempts = Counter((path, attempt) for path, attempt, *_ in place.log())
    paths = {path for path, *_ in place.log()}
    assert len(keys) == len(inputs) == len(paths)
    assert set(attempts.values()) == {1}


@pytest.mark.parametrize(
    ("name", "again", "output"),
    [
        ("third_iteration", ["loop[2]/grow", "loop[3]/grow"], 5),
        ("second_arm", ["fork[1]/right"], 32),
        ("second_step_of_an_arm", ["fork[first]/b"], 132),
        ("branch_whose_key_has_changed", ["branch[left]/b"], 111),
        ("in_a_child", ["child/b", "after"], 1_112),
        ("in_a_map_item", ["map[2]/item"], 50),
        ("between_retries", ["flaky"], 12),
        ("parked_by_a_delay", ["after"], 12),
    ],
)
def test_it_continues_where_it_was_killed(
    name: str, again: list[str], output: int, tmp_path: Path
) -> None:
    place = Place(tmp_path)
    before = killed(name, place)
    status, printed = run(name, place)
    assert status == 0
    assert printed == f"Completed(output={output})"
    after = [path for path, *_ in place.log()][len(before) :]
    assert after == again
    check_attempts(place)
    # Once it has ended, the same line runs nothing more.
    assert run(name, place) == (0, printed)
    assert len(place.log()) == len(before) + len(after)


def test_an_event_sent_while_nobody_lives_is_found_by_the_next_process(tmp_path: Path) -> None:
    place = Place(tmp_path)
    assert killed("parked_by_a_signal", place) == ["before"]
    with WorkflowClient(place.url) as client:
        client.send_event(INSTANCE, "go", 10)
    assert run("parked_by_a_signal", place) == (0, "Completed(output=12)")
    assert [path for path, *_ in place.log()] == ["before"]


@pytest.mark.parametrize("round_number", range(3))
def test_two_processes_that_resume_an_instance_run_its_pending_task_once(
    round_number: int, tmp_path: Path
) -> None:
    del round_number
    place = Place(tmp_path)
    assert killed("slow_second_step", place) == ["before", "slow"]
    both = [begin("slow_second_step", place) for _ in range(2)]
    printed = [process.communicate(timeout=100) for process in both]
    assert [out.strip() for out, _ in printed] == ["Completed(output=12)"] * 2, printed
    assert [path for path, *_ in place.log()] == ["before", "slow", "slow"]
    check_attempts(place)
