"""``list`` and ``show``: shapes, texts, and nothing that steers a terminal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from sayiir import PooledWorker, task, workflow

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine


@task
def nothing() -> None: ...


other = workflow("other", nothing)


@pytest.fixture
def some(sayiir: CommandLine) -> CommandLine:
    sayiir("run", "shop:order", "o-1", "-i", "2")
    sayiir("run", "shop:failing", "f-1", "-i", "2", "-l", "team=blue")
    sayiir("run", "shop:waiting", "w-1", "-i", "2", "--no-wait")
    return sayiir


def test_list_is_newest_first_and_filtered(some: CommandLine) -> None:
    def ids(*options: str) -> list[str]:
        return [each["instance_id"] for each in some("list", "--json", *options).json["instances"]]

    assert ids() == ["w-1", "f-1", "o-1"]
    assert ids("--workflow", "order") == ["o-1"]
    assert ids("--status", "awaiting-signal") == ["w-1"]
    assert ids("--label", "team=blue") == ["f-1"]
    first = some("list", "--json", "-n", "2").json
    assert [each["instance_id"] for each in first["instances"]] == ["w-1", "f-1"]
    assert ids("--cursor", first["cursor"]) == ["o-1"]


def test_json_of_a_list(some: CommandLine) -> None:
    page = some("list", "--json", "-s", "Failed").json
    (entry,) = page["instances"]
    assert set(page) == {"instances", "cursor"}
    assert set(entry) == {
        "instance_id",
        "run_id",
        "workflow_name",
        "workflow_version",
        "definition_hash",
        "status",
        "priority",
        "labels",
        "created_at",
        "finished_at",
    }
    assert entry["labels"] == {"team": "blue"}


def test_list_in_a_pipe_is_a_plain_table_without_cuts(some: CommandLine) -> None:
    name = "a-long-name-" * 12
    some("submit", "shop:order", name, "-i", "2")
    ended = some("list")
    heading, first, *rest = ended.out.splitlines()
    assert heading.split() == ["instance", "workflow", "status", "created", "took", "labels"]
    assert first.split()[:3] == [name, "order", "InProgress"]
    assert len(rest) == 3
    assert "\x1b" not in ended.out


def test_an_unknown_status_is_told_with_the_nearest(some: CommandLine) -> None:
    ended = some("list", "-s", "awaiting_singal")
    assert (ended.code, "did you mean AwaitingSignal?" in ended.err) == (2, True)
    assert some("list", "--cursor", "nonsense").code == 2


def test_show_has_status_graph_results_and_output(some: CommandLine) -> None:
    out = some("show", "o-1").out
    assert "status   completed" in out
    assert "├─ ✓ check" in out
    assert "│  ├─ ✓ [0] price" in out
    assert "fork[1]/shelf" in out
    assert out.endswith("output\n13\n")


def test_show_of_a_failure_has_its_traceback(some: CommandLine) -> None:
    out = some("show", "f-1").out
    assert "✗ broken" in out
    assert "Traceback" in out
    assert "bad \\x1b[31mline" in out
    assert "\x1b" not in out


def test_json_of_show(some: CommandLine) -> None:
    shown = some("show", "w-1", "--json").json
    assert (shown["status"], shown["signal_name"], shown["input"]) == (
        "AwaitingSignal",
        "approved",
        2,
    )
    assert [item["phase"] for item in shown["open_items"]] == ["signal"]
    assert [(one["path"], one["output"]) for one in shown["task_results"]] == [("check", 2)]


def test_results_can_be_cut(some: CommandLine) -> None:
    assert "and 2 before them" in some("show", "o-1", "--results", "2").out
    assert "task result" not in some("show", "o-1", "--results", "0").out


def test_show_tells_who_could_take_what_nobody_works_on(some: CommandLine) -> None:
    """A new definition is deployed, and the instances of the old one stand still: here is why."""
    some("submit", "shop:order", "left", "-i", "2")
    ended = some("show", "left")
    definition = some("hash", "shop:order").out.strip()
    assert f"ready    for a runner, or a worker that has definition {definition}" in ended.out
    assert "workers here: none" in ended.out
    with PooledWorker(os.environ["SAYIIR_STORE"], workflows=[other], worker_id="ada"):
        assert "workers here: ada (other)" in " ".join(some("show", "left").out.split())
    some("ensure", "shop:order", "left", "-i", "2")
    assert "workers here" not in some("show", "left").out


def test_workers_are_listed_while_they_have_nothing_to_do(sayiir: CommandLine) -> None:
    sayiir("submit", "shop:order", "o-1", "-i", "2")
    asked = sayiir("workers")
    assert (asked.code, asked.err) == (0, "no workers are here\n")
    assert sayiir("workers", "--json").json == {"workers": []}
    with PooledWorker(os.environ["SAYIIR_STORE"], workflows=[other], worker_id="ada", tags=["gpu"]):
        (here,) = sayiir("workers", "--json").json["workers"]
        assert here.pop("started_at") <= here.pop("seen_at")
        assert here == {
            "worker_id": "ada",
            "workflows": ["other"],
            "tags": ["gpu"],
            "concurrency": 100,
        }
        shown = sayiir("workers").out
        assert "other" in shown
        assert "gpu" in shown
        assert "\x1b" not in shown


def test_an_instance_that_is_not_there(some: CommandLine) -> None:
    ended = some("show", "o-2")
    assert ended.code == 4
    assert "did you mean o-1?" in ended.err
    assert some("show", "o-2", "--json").json["error"]["kind"] == "Problem"


def test_narrow_terminals_cut_lines_and_break_none(
    some: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    for command in (["show", "o-1"], ["list"]):
        assert max(map(len, some(*command).out.splitlines())) <= 40
