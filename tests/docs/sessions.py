"""Command lines in the documents: sessions that are run, and all others, which must be possible."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.docs.pages import ROOT, blocks_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.docs.pages import Block

__all__ = ["Exchange", "command_lines", "exchanges", "fits", "play"]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A command of a session, and what the page says that it prints (``…`` is anything)."""

    command: str
    printed: str
    line: int


def exchanges(block: Block) -> list[Exchange]:
    """The commands of a ``console session`` block."""
    found: list[Exchange] = []
    for number, line in enumerate(block.text.splitlines(), start=block.line):
        if line.startswith("$ "):
            found.append(Exchange(line[2:], "", number))
        else:
            last = found[-1]
            found[-1] = Exchange(last.command, f"{last.printed}{line}\n", last.line)
    return found


def play(page: Path, folder: Path, environment: dict[str, str]) -> Iterator[tuple[Exchange, str]]:
    """Run the sessions of a page, one shell for each command; each with what was printed."""
    variables = dict(environment)
    for block in blocks_of(page):
        if block.file_name is not None:
            (folder / block.file_name).write_text(block.text, encoding="utf-8")
        if block.info != "console session":
            continue
        for exchange in exchanges(block):
            if exchange.command.startswith("export "):
                name, _, value = exchange.command.removeprefix("export ").partition("=")
                variables[name] = value
                continue
            line = re.sub(
                r"\bsayiir(?= )", f"{sys.executable} -m sayiir", exchange.command, count=1
            )
            done = subprocess.run(
                line,
                shell=True,
                cwd=folder,
                env=variables,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=60,
            )
            yield exchange, done.stdout


def fits(printed: str, told: str) -> bool:
    """Whether it was printed as the page tells, but for how many spaces stand between words.

    Columns are as wide as what is in them, and a time takes more room on a busy machine.
    """

    def trimmed(text: str) -> str:
        lines = (re.sub(r" +", " ", line).rstrip() for line in text.rstrip().splitlines())
        return "\n".join(lines)

    pattern = re.escape(trimmed(told)).replace("…", ".*")
    return re.fullmatch(pattern, trimmed(printed), re.DOTALL) is not None


def command_lines() -> Iterator[tuple[str, list[str]]]:
    """Every line of the documents that calls ``sayiir``: where it stands, and its arguments."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for page in [*pages, *sorted((ROOT / "examples").rglob("*.md"))]:
        for block in blocks_of(page):
            if not block.info.startswith(("sh", "console")):
                continue
            joined = block.text.replace("\\\n", " ")
            for line in joined.splitlines():
                if block.info.startswith("console") and not line.startswith("$ "):
                    continue  # that is printed
                for part in re.split(r"[|&;>]", line):
                    words = part.strip().removeprefix("$ ")
                    if words.startswith("sayiir "):
                        where = f"{page.relative_to(ROOT)}: {words}"
                        yield where, shlex.split(words, comments=True)[1:]
