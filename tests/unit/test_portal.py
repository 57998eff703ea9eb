"""A blocking object never keeps a program from ending."""

from __future__ import annotations

import subprocess
import sys

import pytest

UNCLOSED = """
from sayiir import WorkflowClient, task, workflow

@task
def same(number: int) -> int:
    return number

client = WorkflowClient({url!r})
client.submit(workflow("same", same), "a", 1)
print("submitted")
"""

CANNOT_OPEN = """
from sayiir import CheckpointingRunner, StoreError

try:
    with CheckpointingRunner("sqlite:///no/such/folder/x.db"):
        pass
except StoreError:
    print("refused")
"""


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (UNCLOSED.format(url="memory://"), "submitted"),
        (UNCLOSED.format(url="sqlite://"), "submitted"),
        (CANNOT_OPEN, "refused"),
    ],
    ids=["unclosed-memory", "unclosed-sqlite", "store-cannot-be-opened"],
)
def test_a_program_ends_without_close(program: str, said: str) -> None:
    """A client that nobody closed, and a runner whose store can't be opened, hold up no exit."""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.stdout, ended.stderr, ended.returncode) == (f"{said}\n", "", 0)
