"""Real processes: the live picture, Ctrl-C and going on, a worker and SIGTERM, ``watch``."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.terminal import Terminal, started

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import CommandLine

ALTERNATE_SCREEN, NORMAL_SCREEN = b"\x1b[?1049h", b"\x1b[?1049l"
HIDE_CURSOR, SHOW_CURSOR = b"\x1b[?25l", b"\x1b[?25h"


def wait_for(holds: Callable[[], Any], what: str) -> Any:
    """Until it holds; what that gives."""
    give_up_at = time.monotonic() + 90
    while not (found := holds()):
        assert time.monotonic() < give_up_at, what
        time.sleep(0.02)
    return found


def test_ctrl_c_leaves_a_durable_run_resumable_and_says_how(
    shop: Path, sayiir: CommandLine
) -> None:
    """The line that it says works, and what was finished isn't done again."""
    terminal = Terminal(shop, "run", "shop:slow", "s-1", "-i", "2")
    screen = terminal.until(lambda text: "● until_open" in text and "25%" in text)
    assert "✓ check" in screen
    assert "looking at \\x1b[2J the door" in screen
    terminal.interrupt()
    assert terminal.end() == 130
    text = terminal.text()
    assert "Go on with:\n  sayiir resume shop:slow s-1" in text
    assert "Traceback" not in text
    assert terminal.written.count(HIDE_CURSOR) == terminal.written.count(SHOW_CURSOR) > 0
    assert b"\x1b[2J the door" not in terminal.written
    (shop / "open").touch()
    ended = sayiir("resume", "shop:slow", "s-1")
    assert (ended.code, ended.json) == (0, 6)
    assert "checking" not in ended.err, "what was finished is not done again"


def test_ctrl_c_of_a_run_in_memory_is_quiet(shop: Path) -> None:
    terminal = Terminal(shop, "run", "shop:slow", "-i", "2")
    terminal.until(lambda text: "● until_open" in text)
    terminal.interrupt()
    assert terminal.end() == 130
    assert "Go on" not in terminal.text()
    assert "Traceback" not in terminal.text()


def test_the_picture_stays_and_the_output_follows(shop: Path) -> None:
    terminal = Terminal(shop, "run", "shop:order", "-i", "2", columns=50)
    assert terminal.end() == 0
    lines = terminal.text().splitlines()
    assert lines[0] == "checking"
    assert lines[1].startswith("order  completed after ")
    assert lines[2].startswith("├─ ✓ check")
    assert lines[-1] == "13"


def test_no_color_is_respected(shop: Path) -> None:
    """No colour at all; bold and dim may stay."""
    terminal = Terminal(shop, "run", "shop:order", "-i", "2", NO_COLOR="1")
    assert terminal.end() == 0
    assert b"\x1b[32m" not in terminal.written
    assert b"\x1b[36m" not in terminal.written


def test_a_low_and_narrow_terminal_breaks_nothing(shop: Path) -> None:
    terminal = Terminal(shop, "run", "shop:slow", "-i", "2", rows=5, columns=24)
    terminal.until(lambda text: "● until_open" in text)
    (shop / "open").touch()
    assert terminal.end() == 0


def test_a_worker_drains_at_sigterm_and_exits_with_0(shop: Path, sayiir: CommandLine) -> None:
    """What runs may finish within the grace; its result is kept, and the rest is given back."""
    sayiir("submit", "shop:slow", "s-1", "-i", "2")
    worker = started(shop, "worker", "shop:slow", "shop:order", "--worker-id", "box", "--json")
    assert worker.stdout is not None
    told = json.loads(worker.stdout.readline())
    assert told == {"worker_id": "box", "workflows": ["slow", "order"]}
    wait_for((shop / "begun").exists, "the task begins")
    worker.send_signal(signal.SIGTERM)
    (shop / "open").touch()
    _, log = worker.communicate(timeout=30)
    assert worker.returncode == 0, log
    assert "Traceback" not in log
    shown = sayiir("show", "s-1", "--json").json
    assert "until_open" in [one["path"] for one in shown["task_results"]]
    (shop / "begun").unlink()
    assert sayiir("resume", "shop:slow", "s-1").json == 6
    assert not (shop / "begun").exists(), "the task that finished did not run again"


@pytest.mark.parametrize(("signal_number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_worker_that_is_told_twice_leaves_at_once(
    shop: Path, sayiir: CommandLine, signal_number: signal.Signals, code: int
) -> None:
    """Long before its grace; what ran is due again, and nothing of it is lost."""
    sayiir("submit", "shop:slow", "s-1", "-i", "2")
    worker = started(shop, "worker", "shop:slow", "--grace", "10m")
    wait_for((shop / "begun").exists, "the task begins")
    worker.send_signal(signal_number)
    with pytest.raises(subprocess.TimeoutExpired):
        worker.wait(0.5)  # it drains
    worker.send_signal(signal_number)
    _, log = worker.communicate(timeout=30)
    assert worker.returncode == code, log
    assert "Traceback" not in log
    (shop / "open").touch()
    assert sayiir("resume", "shop:slow", "s-1").json == 6


def test_two_worker_processes_run_what_is_submitted(shop: Path, sayiir: CommandLine) -> None:
    worker = started(shop, "worker", "shop:order", "--processes", "2", "-c", "5")
    try:
        for number in range(6):
            sayiir("submit", "shop:order", f"o-{number}", "-i", "2")
        wait_for(
            lambda: len(sayiir("list", "-s", "completed", "--json").json["instances"]) == 6,
            "all complete",
        )
    finally:
        worker.send_signal(signal.SIGINT)
        _, log = worker.communicate(timeout=30)
    assert worker.returncode == 0, log


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--lease", "soon"], "soon"),
        (["--tags", "x" * 65], "64"),
        (["--worker-id", ""], "worker"),
        (["--log-level", "loud"], "no level is called 'loud'"),
    ],
)
def test_what_a_worker_can_t_be_given(sayiir: CommandLine, options: list[str], told: str) -> None:
    ended = sayiir("worker", "shop:order", *options)
    assert ended.code == 2, ended
    assert told in ended.err


def test_watch_shows_instances_and_workers_and_leaves_the_terminal_as_it_was(
    shop: Path, sayiir: CommandLine
) -> None:
    sayiir("run", "shop:order", "o-1", "-i", "2")
    sayiir("submit", "shop:slow", "s-1", "-i", "2")
    worker = started(shop, "worker", "shop:slow", "--worker-id", "box-1")
    idle = started(shop, "worker", "shop:order", "--worker-id", "box-2")
    try:
        terminal = Terminal(shop, "watch", "--interval", "0.1", columns=140)
        screen = terminal.until(lambda text: "25%" in text and "box-2" in text)
        assert "o-1" in screen
        assert "until_open 25% looking at \\x1b[2J the door" in screen
        assert "box-1   1      s-1 until_open" in screen
        assert "box-2   0      nothing of these" in screen
        terminal.interrupt()
        assert terminal.end() == 130
    finally:
        (shop / "open").touch()
        for each in (worker, idle):
            each.send_signal(signal.SIGTERM)
            each.communicate(timeout=30)
    assert terminal.written.count(ALTERNATE_SCREEN) == terminal.written.count(NORMAL_SCREEN) == 1
    assert terminal.written.rindex(NORMAL_SCREEN) > terminal.written.rindex(ALTERNATE_SCREEN)
    assert terminal.written.count(HIDE_CURSOR) == terminal.written.count(SHOW_CURSOR)
    assert b"Traceback" not in terminal.written
    # The terminal gives back what stood there before; nothing of ours comes after.
    assert not terminal.written.split(NORMAL_SCREEN)[1].replace(SHOW_CURSOR, b"").strip()


def test_watching_one_instance_ends_with_it(shop: Path, sayiir: CommandLine) -> None:
    sayiir("run", "shop:waiting", "w-1", "-i", "2", "--no-wait")
    terminal = Terminal(shop, "watch", "w-1", "--interval", "0.1")
    terminal.until(lambda text: "◷ approved  waits for approved" in text)
    sayiir("cancel", "w-1", "--reason", "late")
    assert terminal.end() == 1
    assert "cancelled: late" in terminal.text()


def test_watch_in_a_pipe_tells_changes_a_line_each(shop: Path, sayiir: CommandLine) -> None:
    sayiir("run", "shop:waiting", "w-1", "-i", "2", "--no-wait")
    watching = started(shop, "watch", "--json", "--interval", "0.1")
    assert watching.stdout is not None
    first = json.loads(watching.stdout.readline())
    assert (first["instance_id"], first["status"]) == ("w-1", "AwaitingSignal")
    sayiir("cancel", "w-1")
    assert json.loads(watching.stdout.readline())["status"] == "Cancelled"
    watching.send_signal(signal.SIGINT)
    assert watching.wait(30) == 130
    assert "\x1b" not in watching.stdout.read()
    assert watching.stderr is not None
    assert watching.stderr.read() == ""
    watching.stdout.close()
    watching.stderr.close()


def test_watching_one_instance_in_a_pipe_ends_with_it(sayiir: CommandLine) -> None:
    sayiir("run", "shop:order", "o-1", "-i", "2")
    ended = sayiir("watch", "o-1")
    assert ended.code == 0
    assert "o-1  completed" in ended.out
    assert sayiir("watch", "o-2").code == 4
