"""The chains of ``tests/typing`` are accepted and rejected as they say, by both checkers."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def check(*command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
def test_mypy_agrees_with_every_chain() -> None:
    # Errors elsewhere are for `make check` to tell; here only the chains are judged.
    check("mypy", "--follow-imports=silent", "tests/typing")


@pytest.mark.skipif(importlib.util.find_spec("pyright") is None, reason="pyright is not installed")
def test_pyright_agrees_with_every_chain() -> None:
    check("pyright", "--pythonpath", sys.executable, "tests/typing")


@pytest.mark.skipif(importlib.util.find_spec("ruff") is None, reason="ruff is not installed")
def test_the_overloads_are_what_their_generator_writes() -> None:
    done = subprocess.run(
        [sys.executable, "tools/generate_task_overloads.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
