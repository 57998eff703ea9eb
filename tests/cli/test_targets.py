"""Wrong modules, workflows and stores: one clear message, the nearest name, the right code."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import CommandLine


@pytest.mark.parametrize(
    ("target", "told", "hint"),
    [
        ("shop:odrer", "has no 'odrer'", "did you mean shop:order?"),
        ("shpo:order", "nor this Python has a module 'shpo'", "did you mean shop?"),
        ("shop.py:order", "names a file; write the module, as shop:order", ""),
        ("./shop.py:order", "write the module, as shop:order", ""),
        ("shop:check", "is no workflow but a task; the", "shop:order"),
        ("shop:not_one", "is no workflow but of type int", "shop:order"),
        ("shop", "name its workflow too", "shop:order"),
        ("shop:", "is no module:workflow", ""),
        ("a b:c", "is no module:workflow", ""),
        ("\x1b[2Jshop:x", "is no module:workflow", ""),
        ("parcels.none:x", "package parcels has no module 'none'", "did you mean nine?"),
    ],
)
def test_what_is_wrong_with_a_target(
    sayiir: CommandLine, shop: Path, target: str, told: str, hint: str
) -> None:
    (shop / "parcels").mkdir()
    (shop / "parcels" / "__init__.py").touch()
    (shop / "parcels" / "nine.py").touch()
    ended = sayiir("hash", target)
    assert ended.code == 2
    assert told in ended.err
    assert hint in ended.err
    assert "Traceback" not in ended.err
    assert "\x1b" not in ended.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
        ("import not_there_at_all\n", "No module named 'not_there_at_all'"),
        ("def f(:\n", "SyntaxError"),
        (
            "from sayiir import task, workflow\n@task\ndef a(n: int) -> str: return ''\n"
            "w = workflow('w', a >> a)\n",
            "DefinitionError",
        ),
    ],
)
def test_an_error_in_the_users_module_is_the_users_traceback(
    sayiir: CommandLine, shop: Path, text: str, told: str
) -> None:
    """It begins at the user's file: neither our frames nor those of the import stand above."""
    (shop / "mine.py").write_text(text)
    ended = sayiir("hash", "mine:w")
    assert ended.code == 2
    assert told in ended.err
    assert "mine.py" in ended.err
    assert "importlib" not in ended.err
    assert "sayiir/cli" not in ended.err
    as_json = sayiir("hash", "mine:w", "--json").json["error"]
    assert as_json["kind"] == "UserCodeProblem"
    assert told in as_json["traceback"]


def test_the_current_directory_is_searched_first_also_by_the_script(shop: Path) -> None:
    """A console script has its own folder on ``sys.path``, not the one that it is called in."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", "from sayiir.cli import main; main()", "hash", "shop:order"],
        cwd=shop,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(done.stdout.strip()) == 32


@pytest.mark.parametrize(
    ("url", "code", "told"),
    [
        ("sqlit:///shop.db", 2, "did you mean sqlite?"),
        ("shop.db", 2, "a file: sqlite:///shop.db"),
        ("memory://", 2, "ends with this command"),
        ("sqlite://", 2, "ends with this command"),
        ("sqlite:///shpo.db", 3, "did you mean sqlite:///shop.db?"),
        ("sqlite:///no/such/folder/shop.db", 3, "there is no file"),
        ("sqlite:///shop.py", 3, "is not a database"),
        ("sqlite:///shop.db?mode=ro", 2, "takes no options"),
    ],
)
def test_what_is_wrong_with_a_store(sayiir: CommandLine, url: str, code: int, told: str) -> None:
    sayiir("migrate")
    ended = sayiir("list", "--store", url)
    assert ended.code == code, ended.err
    assert told in ended.err
    assert "Traceback" not in ended.err


def test_no_store_is_asked_for(sayiir: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SAYIIR_STORE")
    ended = sayiir("list")
    assert (ended.code, "SAYIIR_STORE" in ended.err) == (2, True)


def test_asking_makes_no_file(sayiir: CommandLine, shop: Path) -> None:
    for command in (["list"], ["show", "a"], ["watch", "a"], ["cancel", "a"], ["doctor"]):
        sayiir(*command, "--store", "sqlite:///new.db")
    assert [entry.name for entry in shop.glob("new.db*")] == []


def test_problems_are_json_where_json_was_asked_for(sayiir: CommandLine) -> None:
    ended = sayiir("hash", "shop:odrer", "--json")
    assert ended.code == 2
    assert ended.err == ""
    error = ended.json["error"]
    assert set(error) == {"kind", "message", "hint"}
    assert error["hint"] == ["did you mean shop:order?"]
