"""A folder with a workflow module in it, and the command line called in it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from sayiir.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOP = '''
import asyncio
from pathlib import Path
from sayiir import Again, Done, Flow, LoopResult, TaskContext, await_signal, branch, delay, fork
from sayiir import loop, task, workflow

@task
def check(pieces: int) -> int:
    print("checking")
    return pieces

@task
def price(pieces: int) -> int:
    return 3 * pieces

@task
def shelf(pieces: int) -> int:
    return 7

@task
def total(price: int, shelf: int) -> int:
    return price + shelf

@task
def broken(pieces: int) -> int:
    raise ValueError("bad \\x1b[31mline")

@task(retries=2, timeout="30s")
async def until_open(pieces: int, ctx: TaskContext) -> int:
    """Works until somebody makes a file; tells that it has begun by another."""
    ctx.progress(0.25, "looking at \\x1b[2J the door")
    while not Path("open").exists():
        Path("begun").touch()
        await asyncio.sleep(0.01)
    return pieces

@workflow
def order() -> Flow[int, int]:
    return check >> fork(price, shelf) >> total

@workflow
def failing() -> Flow[int, int]:
    return check >> broken

@workflow
def waiting() -> Flow[int, bool]:
    return check >> await_signal("approved", bool)

@workflow
def slow() -> Flow[int, int]:
    return check >> until_open >> price

other = workflow("order", check >> fork(price, shelf) >> total >> check)
not_one = 3
'''


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class CommandLine:
    """Commands, called in this process."""

    def __init__(self) -> None:
        self._runner = CliRunner()

    def __call__(self, *arguments: str, stdin: str | None = None) -> Ended:
        ended = self._runner.invoke(app, list(arguments), input=stdin, prog_name="sayiir")
        if ended.exception is not None and not isinstance(ended.exception, SystemExit):
            raise ended.exception
        return Ended(ended.exit_code, ended.stdout, ended.stderr)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that the commands are given in; the module is ``shop``."""
    (tmp_path / "shop.py").write_text(SHOP, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("SAYIIR_STORE", "sqlite:///shop.db")
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None)
        if file is not None and Path(file).is_relative_to(tmp_path):
            del sys.modules[name]


@pytest.fixture
def sayiir(shop: Path) -> CommandLine:
    """The command line, in the shop's folder."""
    return CommandLine()
