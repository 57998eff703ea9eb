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


FORKED = """
import multiprocessing, os, sys, tempfile, warnings
from sayiir import CheckpointingRunner, StoreError, WorkflowClient, task, workflow

warnings.simplefilter("ignore")  # Python warns of forks with threads, which is what this is about

@task
def same(number: int) -> int:
    return number

flow = workflow("same", same)
folder = tempfile.TemporaryDirectory()
url = {url!r}.format(folder.name)

def in_child(*opened):
    for blocking in opened:
        try:
            blocking.store()
        except StoreError as error:
            print(type(error).__name__, "forked child" in str(error), flush=True)
        blocking.close()
        blocking.close()
    with unused:
        print(unused.submit(flow, "in-child", 1), flush=True)

unused = WorkflowClient(url)
with CheckpointingRunner(url) as runner, WorkflowClient(url) as client:
    runner.run(flow, "a", 1)
    if {how!r} == "fork":
        child = os.fork()
        if child == 0:
            in_child(runner, client, runner.client)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    else:
        child = multiprocessing.get_context("fork").Process(
            target=in_child, args=(runner, client, runner.client)
        )
        child.start()
        child.join()
        assert child.exitcode == 0
    print(runner.run(flow, "b", 2), flush=True)
"""


@pytest.mark.parametrize("how", ["fork", "multiprocessing"])
@pytest.mark.parametrize("url", ["memory://", "sqlite:///{}/forked.db"])
def test_a_forked_child_is_told_and_never_waits(url: str, how: str) -> None:
    """What its parent opened is refused, closing it does nothing, and the parent goes on.

    One that the parent never used opens in the child.
    """
    ended = subprocess.run(
        [sys.executable, "-c", FORKED.format(url=url, how=how)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    told = ["StoreError True"] * 3 + ["InProgress(parked=())", "Completed(output=2)"]
    assert (ended.stdout.splitlines(), ended.stderr, ended.returncode) == (told, "", 0)
