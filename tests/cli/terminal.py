"""Commands in real processes: on a terminal of their own, or in pipes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pyte

from tests.docs.pages import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Terminal", "environment", "started"]

PATIENCE_SECONDS = 90.0


def environment(folder: Path, **more: str) -> dict[str, str]:
    """What a command is started with: this source tree, and the folder's store."""
    kept = {
        name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")
    }
    own = {"PYTHONPATH": str(ROOT), "SAYIIR_STORE": f"sqlite:///{folder / 'shop.db'}"}
    return {**kept, **own, "TERM": "xterm-256color", **more}


def started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """A command in the folder, its output in pipes."""
    return subprocess.Popen(
        [sys.executable, "-m", "sayiir", *arguments],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Terminal:
    """A command on a terminal of its own, as somebody would see it."""

    def __init__(
        self, folder: Path, *arguments: str, rows: int = 24, columns: int = 80, **variables: str
    ) -> None:
        self.written = b""
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._child = pexpect.spawn(
            sys.executable,
            ["-m", "sayiir", *arguments],
            cwd=str(folder),
            env=environment(folder, **variables),
            dimensions=(rows, columns),
        )

    def text(self) -> str:
        """What stands on the screen now."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    def until(self, holds: Callable[[str], bool]) -> str:
        """Read until what stands on the screen is so; the screen."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while not holds(self.text()):
            assert time.monotonic() < give_up_at, self.text()
            assert self._read(), self.text()
        return self.text()

    def interrupt(self) -> None:
        """Ctrl-C."""
        self._child.sendintr()

    def end(self) -> int:
        """Read until the command ends; its exit code, or the negative number of the signal."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while self._read():
            assert time.monotonic() < give_up_at, self.text()
        self._child.wait()
        if self._child.signalstatus is not None:
            return -int(self._child.signalstatus)
        return int(self._child.exitstatus or 0)

    def _read(self) -> bool:
        try:
            data = self._child.read_nonblocking(65_536, timeout=0.1)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.written += data
        self._stream.feed(data)
        return True
