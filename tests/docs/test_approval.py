"""Asking in one process, deciding in another; either may be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest

from examples.approval.desk import decide
from examples.approval.workflow import Decision, Request, approval
from sayiir import AwaitingSignal, CheckpointingRunner, SayiirError

REPOSITORY: Final = Path(__file__).parents[2]
ENVIRONMENT: Final = {**os.environ, "PYTHONPATH": str(REPOSITORY)}

Finished = subprocess.CompletedProcess[str]


class Waiter:
    """A process that has asked and waits."""

    def __init__(self, arguments: list[str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "examples.approval", "request", *arguments],
            cwd=REPOSITORY,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said: list[str] = []

    def until(self, text: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.strip())
            if text in line:
                return
        raise AssertionError(f"{text!r} was never said: {self.said}")

    def ended(self) -> int:
        rest, _ = self.process.communicate(timeout=30)
        self.said += rest.splitlines()
        return self.process.returncode

    def kill(self) -> None:
        self.process.kill()
        assert self.ended() == -signal.SIGKILL


@pytest.fixture
def waiter(tmp_path: Path) -> Iterator[Callable[..., Waiter]]:
    started: list[Waiter] = []

    def start(*arguments: str) -> Waiter:
        options = ["--db", str(tmp_path / "a.db"), "--by", "Ada", "--id", "fair"]
        started.append(Waiter([*options, "--amount", "1200", "--for", "the fair", *arguments]))
        return started[-1]

    yield start
    for each in started:
        with each.process as process:  # closes its pipe, and waits for it
            process.kill()


@pytest.fixture
def desk(tmp_path: Path) -> Callable[..., Finished]:
    def run(command: str, *arguments: str) -> Finished:
        line = ["-m", "examples.approval", command, "--db", str(tmp_path / "a.db"), *arguments]
        return subprocess.run(
            [sys.executable, *line],
            cwd=REPOSITORY,
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return run


def test_a_decision_from_another_process_ends_the_wait(
    waiter: Callable[..., Waiter], desk: Callable[..., Finished]
) -> None:
    asking = waiter()
    asking.until("a decision is needed on fair: 1200 for the fair")
    while "AwaitingSignal" not in (listed := desk("list").stdout):
        assert asking.process.poll() is None
    assert "fair" in listed
    assert "Ada, 1200 for the fair" in listed
    assert "reminds at" in desk("show", "fair").stdout

    sent = desk("approve", "fair", "--by", "Bob", "--note", "enjoy")
    began = time.monotonic()
    assert sent.returncode == 0, sent.stderr
    assert asking.ended() == 0
    assert time.monotonic() - began < 5
    assert asking.said[-1] == "fair: approved by Bob: enjoy"

    assert "approved by Bob" in desk("show", "fair").stdout
    late = desk("reject", "fair", "--by", "Cleo")
    assert late.returncode == 1
    assert "it is completed" in late.stderr


@pytest.mark.crash
def test_a_decision_is_kept_while_nobody_waits(
    waiter: Callable[..., Waiter], desk: Callable[..., Finished]
) -> None:
    asking = waiter()
    asking.until("a decision is needed")
    asking.kill()
    assert desk("reject", "fair", "--by", "Bob").returncode == 0
    second = desk("approve", "fair", "--by", "Cleo")
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr == "fair: a decision is stored already, and the first one counts\n"

    again = waiter()
    assert again.ended() == 1
    assert again.said[-1] == "fair: rejected by Bob"


@pytest.mark.crash
def test_reminders_go_on_where_they_were_and_end(
    waiter: Callable[..., Waiter], desk: Callable[..., Finished]
) -> None:
    pace = ("--remind-every", "500ms", "--times", "4")
    asking = waiter(*pace)
    asking.until("reminder 1")
    asking.kill()

    again = waiter(*pace)
    assert again.ended() == 1
    assert again.said[-1] == "fair: asked 4 times, and nobody answered"
    # The question was stored before reminder 1, which may be said twice: its own step may not
    # have been stored. None is left out.
    assert not any("a decision is needed" in line for line in again.said)
    every = ["reminder 1", "reminder 2", "reminder 3"]
    later = reminders_of(again)
    assert later == every[len(every) - len(later) :]
    assert sorted({*reminders_of(asking), *later}) == every


def reminders_of(waiter: Waiter) -> list[str]:
    return [line.partition(":")[0] for line in waiter.said if line.startswith("reminder")]


def test_ctrl_c_leaves_the_request_as_it_is(
    waiter: Callable[..., Waiter], desk: Callable[..., Finished]
) -> None:
    asking = waiter()
    asking.until("a decision is needed")
    asking.process.send_signal(signal.SIGINT)
    assert asking.ended() == 130
    assert asking.said[-1] == "interrupted; the same command continues"

    assert desk("withdraw", "fair", "--by", "Ada").returncode == 0
    again = waiter()
    assert again.ended() == 1
    assert again.said[-1] == "fair: withdrawn by Ada"


def test_what_cannot_be_done_is_told_in_a_line(desk: Callable[..., Finished]) -> None:
    for command, arguments, told in (
        ("approve", ["nowhere"], "there is no instance 'nowhere'"),
        ("show", ["nowhere"], "there is no instance 'nowhere'"),
        ("request", ["--amount", "500", "--remind-every", "soon"], "'soon' is no duration"),
        ("request", ["--amount", "500", "--times", "0"], "max_iterations"),
        ("request", ["--amount", "500", "--id", ""], "an instance id has 1 to 256 bytes"),
    ):
        refused = desk(command, *arguments)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert told in refused.stderr
        assert "Traceback" not in refused.stderr
    assert desk("list").stdout == ""


def test_small_amounts_need_no_decision(desk: Callable[..., Finished]) -> None:
    done = desk("request", "--amount", "99.95", "--for", "paper")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(": less than 100 needs no decision\n")


def test_the_workflow_runs_in_memory() -> None:
    """As one would test a workflow of one's own."""
    request = Request(who="Ada", amount=Decimal(1200), purpose="the fair")
    asked = approval(remind_every="1ms", times=3)
    assert asked.run(request).why == "asked 3 times, and nobody answered"
    decision = Decision(approved=True, by="Bob")
    assert asked.run(request, events={"decision": [decision]}).approved


def test_a_decision_that_has_met_its_wait_is_the_first() -> None:
    """It is no pending event any more, and nobody has gone on with it yet."""
    request = Request(who="Ada", amount=Decimal(900), purpose="fair")
    with CheckpointingRunner("sqlite://") as runner:
        assert isinstance(runner.run(approval(), "fair", request), AwaitingSignal)
        decide(runner.client, "fair", Decision(approved=False, by="Bob"))
        with pytest.raises(SayiirError, match="stored already"):
            decide(runner.client, "fair", Decision(approved=True, by="Cleo"))
