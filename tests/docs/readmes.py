"""The READMEs of the examples: their sessions run as a reader would type them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.cli.terminal import environment
from tests.docs.pages import ROOT
from tests.docs.sessions import fits, play

__all__ = ["assert_sessions", "ended", "example_environment", "run_python"]


def example_environment(folder: Path) -> dict[str, str]:
    """What a reader's shell has after `. .venv/bin/activate` in a clone."""
    own = environment(folder)
    del own["SAYIIR_STORE"]
    return {**own, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{own['PATH']}"}


def assert_sessions(example: str, folder: Path, *, least: int) -> None:
    """Every session of the README prints what it says; there are at least so many commands."""
    page = ROOT / "examples" / example / "README.md"
    count = 0
    for exchange, printed in play(page, folder, example_environment(folder)):
        count += 1
        assert fits(printed, exchange.printed), f"line {exchange.line}:\n{printed}"
    assert count >= least


def run_python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A program run to its end, as a reader would run it there."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=example_environment(folder),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def ended(program: subprocess.Popen[str], code: int) -> tuple[str, str]:
    """What a program said and complained of; it ends with this code."""
    said, complained = program.communicate(timeout=120)
    assert program.returncode == code, said + complained
    return said, complained
