"""``sayiir new``: what it writes runs, its tests and the commands of its README."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

from tests.cli.terminal import environment
from tests.docs.pages import blocks_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import CommandLine


def test_the_starter_project_runs(sayiir: CommandLine, shop: Path) -> None:
    made = sayiir("new", "my-project", "--json")
    assert made.code == 0
    assert set(made.json["files"]) == {
        ".gitignore",
        "README.md",
        "my_project.py",
        "pyproject.toml",
        "test_my_project.py",
    }
    folder = shop / "my-project"
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["name"] == "my-project"
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "3 passed" in tested.stdout


def test_the_commands_of_its_readme_run(sayiir: CommandLine, shop: Path) -> None:
    """All but the installation and the worker, which runs until it is stopped."""
    sayiir("new", "hello")
    folder = shop / "hello"
    lines = [line for block in blocks_of(folder / "README.md") for line in block.text.splitlines()]
    printed = ""
    for line in lines:
        verb = line.split()[1] if line.startswith("sayiir ") else ""
        if verb in ("", "worker"):
            continue
        command = f"{sys.executable} -m {line}"
        done = subprocess.run(
            command,
            shell=True,
            cwd=folder,
            env=environment(folder),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, line + done.stderr
        printed = done.stdout
    assert printed == '"Hello, Ada!"\n'


def test_the_line_to_go_on_with_can_be_pasted(sayiir: CommandLine, shop: Path) -> None:
    assert "cd 'my start'\n" in sayiir("new", "my start").out


def test_nothing_is_written_over(sayiir: CommandLine, shop: Path) -> None:
    (shop / "old").mkdir()
    (shop / "old" / "README.md").write_text("mine")
    ended = sayiir("new", "old")
    assert (ended.code, "README.md already" in ended.err) == (2, True)
    assert [entry.name for entry in (shop / "old").iterdir()] == ["README.md"]
    assert sayiir("new", "1st").code == 2
