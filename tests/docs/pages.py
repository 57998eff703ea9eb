"""The documents as the tests see them: pages, their fenced blocks, their links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["ROOT", "Block", "anchors_of", "blocks_of", "links_of", "pages"]

ROOT: Final = Path(__file__).parents[2]

_FENCE: Final = re.compile(r"^```(?P<info>.*)$")
_LINK: Final = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)|\bsrc=\"(?P<source>[^\"]+)\"")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block.

    Attributes:
        info: what stands behind the opening fence, as ``"python"``.
        text: its lines.
        line: number of its first line in the page, from 1.
    """

    info: str
    text: str
    line: int

    @property
    def skip_reason(self) -> str | None:
        """Why this Python block isn't run, of ``python no-run: REASON``; None: it is run.

        Raises:
            ValueError: the block says neither ``python`` alone, nor a file's name, nor a reason.
        """
        language, mark, rest = self._info()
        if language != "python" or not mark or (mark == "file" and rest):
            return None
        if mark != "no-run" or not rest:
            raise ValueError(
                f"line {self.line}: write `python`, `python file: NAME` or `python no-run: REASON`"
            )
        return rest

    @property
    def file_name(self) -> str | None:
        """The file that a block marked ``python file: NAME`` is to be written to."""
        language, mark, rest = self._info()
        return rest if (language, mark) == ("python", "file") else None

    @property
    def is_command(self) -> bool:
        """Whether it is ``sh run`` or ``sh run: killed``: a command that the tests run."""
        return self._info()[:2] == ("sh", "run")

    @property
    def is_killed(self) -> bool:
        """Whether the command ends by SIGKILL, as the page says; others end well."""
        return self.is_command and self._info()[2] == "killed"

    def _info(self) -> tuple[str, str, str]:
        language, _, marks = self.info.partition(" ")
        mark, _, rest = marks.partition(":")
        return language, mark.strip(), rest.strip()


def pages() -> list[Path]:
    """The README and everything below ``docs``."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks_of(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order.

    Raises:
        ValueError: a fence is opened and never closed.
    """
    blocks: list[Block] = []
    info, lines, begun = "", list[str](), 0
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        fence = _FENCE.match(line)
        if begun:
            if fence and not fence["info"].strip():
                blocks.append(Block(info, "\n".join(lines) + "\n", begun + 1))
                begun = 0
            else:
                lines.append(line)
        elif fence:
            info, lines, begun = fence["info"].strip(), [], number
    if begun:
        raise ValueError(f"{page.name}: the fence of line {begun} is never closed")
    return blocks


def anchors_of(page: Path) -> set[str]:
    """What links can name of a page: its headings, as code hosts write them.

    Lower case, spaces as hyphens, punctuation left out; a heading that comes again is numbered.
    """
    anchors: set[str] = set()
    for heading in re.findall(r"^#{1,6} +(.+?)\s*$", _prose(page), flags=re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        number = 0
        while (unique := f"{anchor}-{number}" if number else anchor) in anchors:
            number += 1
        anchors.add(unique)
    return anchors


def _prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```\s*$", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)


def links_of(page: Path) -> list[str]:
    """The targets of a page's links and pictures, those in fenced blocks left out."""
    text = _prose(page)
    return [found["target"] or found["source"] for found in _LINK.finditer(text)]
