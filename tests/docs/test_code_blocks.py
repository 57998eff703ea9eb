"""Every Python block of the documents runs, and prints what the page says that it prints."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import ROOT, Block, blocks_of, pages

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGES = [page for page in pages() if any(b.info.startswith("python") for b in blocks_of(page))]


def page_name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The namespace of one page, in an empty directory.

    A module that Python knows, so that annotations are looked up in it as in a reader's file. The
    page's own files can be imported, as they can where a reader starts Python beside them.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    # So that a page's pytest finds this, and nothing that stands further up on the machine.
    (tmp_path / "pytest.ini").touch()
    module = ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)
    yield module
    for name, imported in list(sys.modules.items()):
        if Path(getattr(imported, "__file__", None) or "/").is_relative_to(tmp_path):
            del sys.modules[name]


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_the_blocks_of_a_page_run_in_order(page: Path, module: ModuleType) -> None:
    """One namespace for a page; a block marked ``output`` is what the block before it prints."""
    blocks = blocks_of(page)
    for index, block in enumerate(blocks):
        if block.is_command:
            printed = run_command(block)
        elif not block.info.startswith("python") or block.skip_reason is not None:
            continue
        elif block.file_name is not None:
            Path(block.file_name).write_text(block.text, encoding="utf-8")
            continue
        else:
            printed = run(page, block, module)
        following = blocks[index + 1] if index + 1 < len(blocks) else None
        if following is not None and following.info == "text output":
            assert printed == following.text, f"{page_name(page)}, line {following.line}"


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "docs/tutorial/first-workflow.md",
        "docs/how-to/in-a-service.md",
        "docs/how-to/cron-and-serverless.md",
        "docs/how-to/retention-and-inspection.md",
    ],
)
def test_the_program_of_a_page_runs_twice(name: str, module: ModuleType) -> None:
    """Whoever pastes a page into a file runs that again, on the database of the first time."""
    page = ROOT / name
    blocks = [each for each in blocks_of(page) if each.info == "python"]
    for _ in range(2):
        for block in blocks:
            run(page, block, module)


def run(page: Path, block: Block, module: ModuleType) -> str:
    """What the block prints; its lines are numbered as the page's, for tracebacks."""
    code = compile("\n" * (block.line - 1) + block.text, str(page), "exec")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, vars(module))
    return printed.getvalue()


def run_command(block: Block) -> str:
    """What the command prints, with this Python as ``python``; it ends as the page says."""
    command = block.text.strip().split()
    assert command[0] == "python", f"line {block.line}: the tests run Python programs only"
    done = subprocess.run(
        [sys.executable, *command[1:]],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    expected = -signal.SIGKILL if block.is_killed else 0
    assert done.returncode == expected, f"line {block.line}: {done.returncode}\n{done.stderr}"
    return done.stdout


def test_a_block_that_is_not_run_says_why() -> None:
    """``python no-run`` without a reason, or any other mark, is refused."""
    assert Block("python", "", 1).skip_reason is None
    assert Block("python no-run: needs a server", "", 1).skip_reason == "needs a server"
    for info in ("python no-run", "python no-run:", "python skip: slow", "python file:"):
        with pytest.raises(ValueError, match="REASON"):
            _ = Block(info, "", 1).skip_reason


def test_marks_of_files_and_commands() -> None:
    """A program's own name, and how a command is to end."""
    assert Block("python file: a.py", "", 1).file_name == "a.py"
    assert Block("python", "", 1).file_name is None
    assert Block("sh run", "", 1).is_command
    assert not Block("sh run", "", 1).is_killed
    assert Block("sh run: killed", "", 1).is_killed
    assert not Block("sh", "", 1).is_command


def test_blocks_are_found_with_their_lines(tmp_path: Path) -> None:
    """A block's line is the page's own, and a fence that stays open is an error."""
    page = tmp_path / "page.md"
    page.write_text("one\n\n```python\nx = 1\n```\n\n```sh\nls\n```\n", encoding="utf-8")
    assert blocks_of(page) == [Block("python", "x = 1\n", 4), Block("sh", "ls\n", 8)]
    page.write_text("```python\nx = 1\n", encoding="utf-8")
    with pytest.raises(ValueError, match="never closed"):
        blocks_of(page)
