"""The pipeline keeps what its README says: each file once, the broken ones told, never too many."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from examples.data_pipeline.models import FileReadings, LeftOut, Request, SourceFile
from examples.data_pipeline.parsing import Unreadable, parse_readings
from examples.data_pipeline.sample import write_sample
from examples.data_pipeline.summing import sum_up
from examples.data_pipeline.workflow import AT_A_TIME, PARSED, fingerprint, parse, read_folder
from sayiir import CheckpointingRunner, Completed, TaskFailed, WorkflowClient
from sayiir.events import RunnerEvent, TaskFinished, TaskStarted
from tests.docs.readmes import assert_sessions, ended, example_environment

HEAD = "station,at,celsius\n"


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "examples.data_pipeline", *arguments],
        cwd=folder,
        env=example_environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def readings(tmp_path: Path) -> Path:
    """61 files, 4 of them broken and 1 a copy."""
    folder = tmp_path / "readings"
    folder.mkdir()
    assert write_sample(folder, 5) == 61
    return folder


@pytest.mark.crash
def test_the_sessions_of_the_readme(tmp_path: Path) -> None:
    assert_sessions("data_pipeline", tmp_path, least=5)


@pytest.mark.crash
def test_no_file_is_parsed_twice_however_often_it_is_killed(readings: Path, tmp_path: Path) -> None:
    """The results that are stored stay the same ones; only those missing are added."""
    url = f"sqlite:///{tmp_path / 'pipeline' / 'pipeline.db'}"
    before: dict[str, object] = {}
    for _ in range(3):
        _, complained = ended(start(tmp_path, "readings", "--power-cut", "15"), -signal.SIGKILL)
        assert "Traceback" not in complained
        with WorkflowClient(url) as client:
            results = client.task_results(str(readings), read_folder)
            now = {each.path: each for each in results if each.error is None}
            assert client.count_task_results(str(readings), PARSED) >= 15
        assert {path: now.get(path) for path in before} == before
        assert len(now) > len(before)
        before = dict(now)
    said, complained = ended(start(tmp_path, "readings"), 0)
    assert "files were parsed before and are not read again" in complained
    report = (tmp_path / "pipeline" / "report.csv").read_text()
    unbroken, _ = ended(start(tmp_path, "readings", "--out", "unbroken"), 0)
    assert (tmp_path / "unbroken" / "report.csv").read_text() == report
    assert said.splitlines()[:-1] == unbroken.splitlines()[:-1]


def test_ctrl_c_leaves_what_is_done(readings: Path, tmp_path: Path) -> None:
    program = start(tmp_path, "readings")
    url = f"sqlite:///{tmp_path / 'pipeline' / 'pipeline.db'}"
    until = time.monotonic() + 60
    while not (tmp_path / "pipeline" / "pipeline.db").exists():
        assert time.monotonic() < until
    with WorkflowClient(url) as client:
        while not client.list() or not client.count_task_results(str(readings), PARSED):
            assert time.monotonic() < until
    program.send_signal(signal.SIGINT)
    _, complained = ended(program, 130)
    assert complained.endswith("interrupted; the same command continues\n")
    assert "Traceback" not in complained
    _, complained = ended(start(tmp_path, "readings"), 0)
    assert "are not read again" in complained


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["nowhere"], 2, "nowhere is no folder"),
        (["."], 1, "list_files failed: no .csv files in"),
        (["readings", "--out", "readings/bergen-2025-01.csv"], 2, "File exists"),
        (["readings", "--power-cut", "soon"], 2, "invalid int value: 'soon'"),
    ],
)
def test_wrong_input_is_told_in_a_line(
    arguments: list[str], code: int, told: str, readings: Path, tmp_path: Path
) -> None:
    del readings
    said, complained = ended(start(tmp_path, *arguments), code)
    assert said == ""
    assert told in complained
    assert "Traceback" not in complained


# -- as one would test a workflow of one's own


def test_no_more_files_are_open_than_are_allowed(readings: Path, tmp_path: Path) -> None:
    at_work: set[str] = set()
    most = 0

    def watch(event: RunnerEvent) -> None:
        nonlocal most
        if isinstance(event, TaskStarted) and event.path.startswith("map["):
            at_work.add(event.path.partition("/")[0])
            most = max(most, len(at_work))
        elif isinstance(event, TaskFinished) and event.task == "parse":
            at_work.discard(event.path.partition("/")[0])

    for path in sorted(readings.iterdir())[:4]:
        path.unlink()  # the broken ones, so that each file that begins is finished
    request = Request(folder=str(readings), report=str(tmp_path / "report.csv"))
    with CheckpointingRunner("memory://", on_event=watch) as runner:
        status = runner.run(read_folder, "a", request)
    assert isinstance(status, Completed)
    assert status.output.files == 56
    assert 1 < most <= AT_A_TIME
    with (tmp_path / "report.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["station"] for row in rows] == [each.name for each in status.output.stations]


def test_a_file_that_is_changed_while_nothing_runs_is_left_out(tmp_path: Path) -> None:
    """Between its two checkpoints, as after a crash."""
    path = tmp_path / "a.csv"
    path.write_text(f"{HEAD}bern,2025-01-01T00:00Z,1.5\n")
    request = Request(folder=str(tmp_path), report="")
    source = fingerprint("a.csv", request=request)
    assert parse(source, request=request).total == 1.5
    path.write_text(f"{HEAD}bern,2025-01-01T00:00Z,2.5\n")
    with pytest.raises(Exception, match="changed after its checksum was taken"):
        parse(source, request=request)


def test_a_disk_that_fails_is_asked_again_and_a_missing_file_is_not(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()  # no regular file: it isn't listed
    (tmp_path / "b.csv").symlink_to(tmp_path / "c.csv")
    request = Request(folder=str(tmp_path), report=str(tmp_path / "r.csv"))
    with pytest.raises(TaskFailed, match=r"no \.csv files") as failed:
        read_folder(request)
    assert failed.value.info.attempt == 1
    (tmp_path / "a.csv").rmdir()
    (tmp_path / "a.csv").write_text(f"{HEAD}bern,2025-01-01T00:00Z,1.5\n")
    (tmp_path / "no-folder").touch()
    missing = Request(folder=str(tmp_path), report=str(tmp_path / "no-folder" / "r.csv"))
    with pytest.raises(TaskFailed) as failed:
        read_folder(missing)
    assert failed.value.info.path == "write_report"
    assert failed.value.info.attempt == 4


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "cut off"),
        ("station,at\n", "line 1: the header"),
        (HEAD, "0 stations"),
        (f"{HEAD}bern,1\n", "line 2: 2 fields"),
        (f"{HEAD}bern,1,warm\n", "line 2: 'warm' is no temperature"),
        (f"{HEAD}bern,1,nan\n", "line 2: nan °C"),
        (f"{HEAD}bern,1,1\nbern,2,999\n", "line 3: 999 °C"),
        (f"{HEAD}bern,1,1\ncork,2,1\n", "2 stations"),
        (f"{HEAD}bern,1,1", "cut off"),
    ],
)
def test_a_file_of_something_else_is_refused_with_its_line(text: str, told: str) -> None:
    with pytest.raises(Unreadable, match=told):
        parse_readings(SourceFile(name="a", size_bytes=0, sha256=""), text.encode())


def test_the_same_bytes_are_counted_once() -> None:
    def file(name: str, sha256: str, total: float) -> FileReadings:
        source = SourceFile(name=name, size_bytes=1, sha256=sha256)
        return FileReadings(
            source=source, station="bern", count=2, total=total, coldest=-1, warmest=total
        )

    summed = sum_up([file("a", "1", 3.0), file("b", "1", 3.0), file("c", "2", 5.0)], [])
    assert summed.files == 2
    assert (summed.stations[0].count, summed.stations[0].mean) == (4, 2.0)
    assert summed.left_out == [LeftOut(name="b", why="the same bytes as a")]


def test_the_sample_is_written_into_an_empty_folder_alone(readings: Path, tmp_path: Path) -> None:
    again = subprocess.run(
        [sys.executable, "-m", "examples.data_pipeline.sample", str(readings)],
        cwd=tmp_path,
        env={**os.environ, **example_environment(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert again.returncode == 2
    assert "isn't empty, so nothing was written to it" in again.stderr
