"""The command lines of the documents run, and the reference is what the code says."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import typer.main

from sayiir.cli.app import COMMANDS, app
from sayiir.cli.exits import ExitCode
from sayiir.cli.shapes import status_fields
from sayiir.errors import FailureInfo
from sayiir.status import (
    AwaitingSignal,
    Cancelled,
    Completed,
    Failed,
    InProgress,
    Parked,
    Paused,
    Waiting,
)
from tests.cli.conftest import sayiir, shop
from tests.cli.terminal import environment
from tests.docs.pages import ROOT, blocks_of
from tests.docs.sessions import command_lines, fits, play
from tools.generate_command_reference import PAGE, generated

if TYPE_CHECKING:
    from pathlib import Path

    from sayiir.status import WorkflowStatus
    from tests.cli.conftest import CommandLine

__all__ = ["sayiir", "shop"]

LINES = dict(command_lines())


@pytest.mark.parametrize(("name", "least"), [("command-line", 15), ("check-a-workflow", 2)])
def test_the_sessions_of_the_how_to_print_what_it_says(
    tmp_path: Path, name: str, least: int
) -> None:
    page = ROOT / "docs" / "how-to" / f"{name}.md"
    count = 0
    for exchange, printed in play(page, tmp_path, environment(tmp_path)):
        count += 1
        assert fits(printed, exchange.printed), f"line {exchange.line}:\n{printed}"
    assert count >= least


def test_the_sessions_of_the_readme_print_what_it_says(tmp_path: Path) -> None:
    """Its first block of Python is the module."""
    page = ROOT / "README.md"
    first = next(block for block in blocks_of(page) if block.info == "python")
    (tmp_path / "shop.py").write_text(first.text, encoding="utf-8")
    played = list(play(page, tmp_path, environment(tmp_path)))
    assert played
    for exchange, printed in played:
        assert fits(printed, exchange.printed), f"line {exchange.line}:\n{printed}"


@pytest.mark.parametrize("where", LINES)
def test_each_command_line_in_the_documents_is_possible(where: str) -> None:
    """The command exists, and takes these options and arguments."""
    name, *arguments = LINES[where]
    if name.startswith("--") or name.isupper():
        return
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    if "--help" not in arguments:
        command.make_context(name, arguments)


def test_the_reference_is_what_the_code_says() -> None:
    """`python -m tools.generate_command_reference` writes it anew."""
    assert generated() == PAGE.read_text(encoding="utf-8")


def test_the_exit_codes_are_told() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for code in ExitCode:
        assert f"\n| {code.value} | " in text


def shapes() -> dict[str, Any]:
    """The JSON blocks of the reference, by the command that is named before each."""
    found: dict[str, Any] = {}
    text = PAGE.read_text(encoding="utf-8")
    part = text.split("## The JSON that is printed")[1].split("\n## ")[0]
    for section in part.split("\n**`")[1:]:
        names = section.split("**")[0]
        block = section.split("```json\n")[1].split("```")[0]
        for name in names.replace("`", "").split(","):
            found[name.strip()] = json.loads(block)
    return found


def keys(value: Any) -> Any:
    """What a document is made of: its keys, of the first element of each list."""
    if isinstance(value, dict):
        return {name: keys(one) for name, one in value.items()}
    if isinstance(value, list):
        return [keys(value[0])] if value else []
    return None


STATUS_FIELDS = {
    *("output", "error", "reason", "cancelled_by", "paused_by"),
    *("parked", "wake_at", "path", "signal_name"),
}
"""What only some statuses have; the reference has a table of them."""

SCENES: dict[str, list[list[str]]] = {
    "run": [["run", "shop:order", "o", "-i", "2"]],
    "ensure": [["ensure", "shop:order", "o", "-i", "2"]],
    "resume": [["run", "shop:order", "o", "-i", "2"], ["resume", "shop:order", "o"]],
    "submit": [["submit", "shop:order", "o", "-i", "2"]],
    "rerun": [
        ["run", "shop:order", "o", "-i", "2"],
        ["rerun", "shop:order", "o", "p", "--from", "total"],
    ],
    "compare": [
        ["run", "shop:order", "o", "-i", "2"],
        ["run", "shop:order", "p", "-i", "3"],
        ["compare", "o", "p"],
    ],
    "list": [["submit", "shop:order", "o", "-i", "2"], ["list"]],
    "workers": [["migrate"], ["workers"]],
    "show": [["run", "shop:waiting", "o", "-i", "2", "--no-wait"], ["show", "o"]],
    "send-event": [["submit", "shop:waiting", "o", "-i", "2"], ["send-event", "o", "approved"]],
    "cancel": [["submit", "shop:waiting", "o", "-i", "2"], ["cancel", "o"]],
    "pause": [["submit", "shop:waiting", "o", "-i", "2"], ["pause", "o"]],
    "unpause": [["submit", "shop:order", "o", "-i", "2"], ["pause", "o"], ["unpause", "o"]],
    "retry": [["run", "shop:failing", "o", "-i", "2"], ["retry", "o"]],
    "delete": [["run", "shop:order", "o", "-i", "2"], ["delete", "o"]],
    "check": [["check", "shop:waiting"]],
    "hash": [["hash", "shop:order"]],
    "diff": [["diff", "shop:order", "shop:other"]],
    "new": [["new", "project"]],
    "migrate": [["migrate"]],
    "doctor": [["migrate"], ["doctor"]],
    "problem": [["hash", "shop:none"]],
}
ELSEWHERE = {"graph", "watch", "worker"}
"""``graph`` prints the portable definition, which has a page; the others are in test_live."""


def test_each_command_s_json_has_its_shape_in_the_reference() -> None:
    assert set(COMMANDS) - ELSEWHERE == set(SCENES) - {"problem"}
    assert set(COMMANDS) | {"problem"} == set(shapes()) | ELSEWHERE


@pytest.mark.parametrize("name", SCENES)
def test_json_is_as_the_reference_shows_it(sayiir: CommandLine, name: str) -> None:
    *before, last = SCENES[name]
    for arguments in before:
        sayiir(*arguments)
    printed = sayiir(*last, "--json").json
    told = shapes()[name]
    assert set(printed) - STATUS_FIELDS == set(told) - STATUS_FIELDS
    for field in (set(printed) & set(told)) - STATUS_FIELDS:
        if printed[field] and told[field]:
            assert keys(printed[field]) == keys(told[field]), field


def test_the_fields_of_each_status_are_those_of_the_table() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    parked = (Parked("a", now),)
    error = FailureInfo("TaskFailed", "ValueError", "bad")
    statuses: list[WorkflowStatus[Any]] = [
        InProgress(parked),
        Waiting(now, "a", parked),
        AwaitingSignal("go", None, "a", parked),
        Paused("late", "ada", parked),
        Completed(1),
        Failed(error),
        Cancelled(),
    ]
    text = PAGE.read_text(encoding="utf-8")
    for status in statuses:
        fields = [field for field in status_fields(status) if field != "status"]
        told = ", ".join(f"`{field}`" for field in fields)
        assert f"\n| `{type(status).__name__}` | {told} |\n" in text
    assert all(f"`{field}`" in text for field in status_fields(statuses[5])["error"])


def test_a_session_that_prints_something_else_is_seen() -> None:
    assert fits("a  \nb 12 ms\n", "a\nb …\n")
    assert not fits("a\n", "b\n")
    assert not fits("a\nb\n", "a\n")


def test_the_generator_writes_the_page(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.generate_command_reference", "--check"],
        cwd=ROOT,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
