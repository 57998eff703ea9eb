"""Starting: quickly, with the extra or a clear line, the same as a module and as a script."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import tomllib
from typing import TYPE_CHECKING

import pytest

from sayiir.cli.app import COMMANDS
from tests.docs.pages import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import CommandLine

HEAVY = ("pydantic", "asyncpg", "sqlite3", "cloudpickle", "xxhash")


def run_python(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **more}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False
    )


def test_importing_the_command_line_loads_nothing() -> None:
    listed = f"import sys, sayiir.cli; print([m for m in {('typer', 'rich', *HEAVY)!r} "
    assert run_python("-c", listed + "if m in sys.modules])").stdout.strip() == "[]"


def test_help_loads_neither_pydantic_nor_a_driver() -> None:
    code = (
        "import sys\nfrom sayiir.cli import main\nsys.argv = ['sayiir', '--help']\n"
        f"try: main()\nfinally: sys.stderr.write(str([m for m in {HEAVY!r} if m in sys.modules]))"
    )
    done = run_python("-c", code)
    assert (done.returncode, done.stderr) == (0, "[]")


def test_help_is_quick(report_figure: Callable[[str], None]) -> None:
    """0.4 s on a quiet machine. Judged by processor time, which neighbours change little."""
    times: list[tuple[float, float]] = []
    for _ in range(5):
        began, before = time.perf_counter(), os.times()
        run_python("-m", "sayiir", "--help")
        after, wall = os.times(), time.perf_counter() - began
        used = after.children_user + after.children_system
        times.append((used - before.children_user - before.children_system, wall))
    used, wall = min(times)[0], min(each[1] for each in times)
    report_figure(f"sayiir --help: {used * 1e3:.0f} ms of processor, {wall * 1e3:.0f} ms in all")
    assert used < 0.6


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra_a_line_says_what_to_install(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None\nfrom sayiir.cli import main\nmain()"
    done = run_python("-c", code)
    assert done.returncode == 2
    assert done.stderr == (
        f"the command line needs {missing}, which isn't installed here; "
        "pip install 'sayiir-py[cli]'\n"
    )


def test_the_script_and_the_module_are_the_same() -> None:
    """The script calls ``main``, and so does ``python -m sayiir``."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    assert project["scripts"] == {"sayiir": "sayiir.cli:main"}
    assert run_python("-m", "sayiir", "--version").stdout.startswith("sayiir ")


def test_every_command_has_help_and_json(sayiir: CommandLine) -> None:
    for name in COMMANDS:
        ended = sayiir(name, "--help")
        assert "``" not in ended.out
        assert ended.code == 0
        assert "--json" in ended.out, name


def test_an_unknown_command_and_a_missing_argument_are_wrong_usage(sayiir: CommandLine) -> None:
    assert sayiir("runn").code == 2
    assert sayiir("run").code == 2
    assert sayiir("list", "-n", "0").code == 2


def test_a_shell_is_offered_commands_instances_and_statuses(sayiir: CommandLine) -> None:
    sayiir("submit", "shop:order", "order-1", "-i", "2")

    def offered(words: str) -> list[str]:
        count = str(len(words.split(" ")) - 1)
        done = run_python(
            "-m", "sayiir", _SAYIIR_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=count
        )
        return re.findall(r"[\w-]+", done.stdout)

    assert "send-event" in offered("sayiir se")
    assert offered("sayiir show ord") == ["order-1"]
    assert offered("sayiir list --status awa") == ["awaiting-signal"]
    assert offered("sayiir list --status Awa") == ["AwaitingSignal"]


def test_a_pipe_that_is_closed_early_is_no_error(sayiir: CommandLine) -> None:
    for number in range(3):
        sayiir("submit", "shop:order", f"o-{number}", "-i", "2")
    line = f"{sys.executable} -m sayiir list --json | head -n 1"
    done = subprocess.run(
        line,
        shell=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("{\n", "")


def test_what_an_encoding_lacks_is_escaped(sayiir: CommandLine) -> None:
    sayiir("submit", "shop:order", "größe-1", "-i", "2")
    done = run_python("-m", "sayiir", "show", "größe-1", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "gr\\xf6\\xdfe-1" in done.stdout
    assert "|- . fork" in done.stdout
