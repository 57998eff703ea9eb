"""``run``, ``ensure``, ``resume`` and ``submit``: output, shapes, exit codes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine


def test_the_output_alone_is_on_standard_output(sayiir: CommandLine) -> None:
    """What tasks print goes to standard error, so that the output can be piped."""
    ended = sayiir("run", "shop:order", "--input", "2")
    assert (ended.code, ended.json) == (0, 13)
    assert "checking" in ended.err


def test_json_of_a_run_in_memory(sayiir: CommandLine) -> None:
    ended = sayiir("run", "shop:order", "--input", "2", "--json")
    assert ended.code == 0
    assert ended.json.pop("seconds") >= 0
    assert {k: v for k, v in ended.json.items() if k != "seconds"} == {
        "instance_id": None,
        "workflow_name": "order",
        "status": "Completed",
        "output": 13,
    }


def test_input_comes_from_a_file_or_from_standard_input(sayiir: CommandLine, shop: Path) -> None:
    (shop / "two.json").write_text("2")
    assert sayiir("run", "shop:order", "-i", "@two.json").json == 13
    assert sayiir("run", "shop:order", "-i", "-", stdin="2").json == 13


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("lamp", "a text needs quotes of its own: --input '\"lamp\"'"),
        ("train=48.50; hotel=120", "own: --input '\"train=48.50; hotel=120\"'"),
        ("@none.json", "No such file"),
        ('"x"', "doesn't fit int"),
        ("[1", "is no JSON"),
        ("[" * 100_000, "nests too deep"),
    ],
)
def test_an_input_that_is_none_is_wrong_usage(sayiir: CommandLine, given: str, told: str) -> None:
    ended = sayiir("run", "shop:order", "-i", given)
    assert ended.code == 2
    assert told in ended.err


def test_an_input_that_was_forgotten_is_told(sayiir: CommandLine) -> None:
    """Without --input it is null, which is right for some workflows and a slip with others."""
    for verb in (("run",), ("ensure", "i"), ("submit", "i")):
        ended = sayiir(verb[0], "shop:order", *verb[1:])
        assert ended.code == 2
        assert "no --input was given" in ended.err


def test_a_bare_word_is_told_how_to_be_quoted(sayiir: CommandLine) -> None:
    assert """--input '"lamp"'""" in sayiir("run", "shop:order", "-i", "lamp").err


def test_a_failure_shows_the_users_traceback_and_steers_no_terminal(sayiir: CommandLine) -> None:
    ended = sayiir("run", "shop:failing", "-i", "2")
    assert ended.code == 1
    assert ended.out == ""
    assert "failed at broken (attempt 1): ValueError: bad \\x1b[31mline" in ended.err
    assert "shop.py" in ended.err
    assert "\x1b" not in ended.err


def test_a_wait_in_memory_takes_its_event_from_the_command_line(sayiir: CommandLine) -> None:
    assert sayiir("run", "shop:waiting", "-i", "2", "--event", "approved=true").json is True
    without = sayiir("run", "shop:waiting", "-i", "2")
    assert (without.code, "--event approved=JSON" in without.err) == (2, True)
    wrong = sayiir("run", "shop:waiting", "-i", "2", "--event", "aproved=true")
    assert (wrong.code, "did you mean approved?" in wrong.err) == (2, True)


def test_a_durable_run_that_waits_is_gone_on_with_later(sayiir: CommandLine) -> None:
    began = sayiir("run", "shop:waiting", "w-1", "-i", "2", "--no-wait")
    assert began.code == 0
    assert "sayiir resume shop:waiting w-1" in began.err
    assert sayiir("send-event", "w-1", "approved", "-p", "true").code == 0
    assert sayiir("resume", "shop:waiting", "w-1").json is True
    assert sayiir("ensure", "shop:waiting", "w-1", "-i", "2").json is True


def test_the_line_to_go_on_with_names_the_store_where_the_environment_doesn_t(
    sayiir: CommandLine,
) -> None:
    url = "sqlite:///a file.db"
    began = sayiir("run", "shop:waiting", "w 1", "-i", "2", "--no-wait", "--store", url)
    assert "sayiir resume shop:waiting 'w 1' --store 'sqlite:///a file.db'" in began.err


def test_run_refuses_an_id_that_is_taken_and_ensure_does_not(sayiir: CommandLine) -> None:
    assert sayiir("run", "shop:order", "o-1", "-i", "2").code == 0
    taken = sayiir("run", "shop:order", "o-1", "-i", "2")
    assert (taken.code, "exists already" in taken.err) == (4, True)
    assert sayiir("ensure", "shop:order", "o-1", "-i", "2").json == 13


def test_another_input_is_a_warning_in_one_line(sayiir: CommandLine) -> None:
    sayiir("ensure", "shop:order", "o-1", "-i", "2")
    ended = sayiir("ensure", "shop:order", "o-1", "-i", "3")
    assert ended.json == 13
    assert ended.err.startswith("warning: ")
    assert ended.err.count("\n") == 1


def test_a_failed_instance_is_retried_by_the_lines_that_are_told(sayiir: CommandLine) -> None:
    ended = sayiir("ensure", "shop:failing", "f-1", "-i", "2")
    assert ended.code == 1
    assert "  sayiir retry f-1\n  sayiir resume shop:failing f-1\n" in ended.err
    assert sayiir("retry", "f-1").code == 0
    assert sayiir("resume", "shop:failing", "f-1").code == 1


def test_another_definition_is_refused_with_what_changed(sayiir: CommandLine) -> None:
    sayiir("run", "shop:waiting", "w-1", "-i", "2", "--no-wait")
    ended = sayiir("resume", "shop:order", "w-1")
    assert ended.code == 4
    assert "approved: removed" in ended.err


def test_submit_only_stores(sayiir: CommandLine) -> None:
    ended = sayiir("submit", "shop:order", "o-1", "-i", "2", "-l", "team=blue", "--json")
    assert (ended.code, ended.json) == (
        0,
        {"instance_id": "o-1", "workflow_name": "order", "status": "InProgress", "parked": []},
    )
    assert sayiir("submit", "shop:order", "o-1", "-i", "2").code == 4
    again = sayiir("submit", "shop:order", "o-1", "-i", "2", "--use-existing")
    assert (again.code, again.out) == (0, "o-1: in progress\n")


def test_what_can_t_be_combined_is_told(sayiir: CommandLine) -> None:
    nameless = sayiir("run", "shop:order", "--store", "sqlite:///a.db")
    assert (nameless.code, "INSTANCE" in nameless.err) == (2, True)
    labelled = sayiir("run", "shop:order", "-l", "team=blue")
    assert (labelled.code, "labels are kept by a store" in labelled.err) == (2, True)
    assert not Path("a.db").exists()


@pytest.mark.parametrize("label", ["blue", "=blue", "a=" + "x" * 300])
def test_labels_that_can_t_be_are_wrong_usage(sayiir: CommandLine, label: str) -> None:
    assert sayiir("submit", "shop:order", "o-1", "-i", "2", "-l", label).code == 2
