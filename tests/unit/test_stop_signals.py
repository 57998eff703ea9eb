"""A signal that tells a worker to stop may come at any moment, and is heard at each."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = """
import faulthandler, itertools, signal, sys
from sayiir.worker import running

faulthandler.dump_traceback_later(20, exit=True)
running.SIGNAL_SECONDS = 0.001


def told_at(wanted):
    '''Whether the wait was still going on at that line of it, where SIGTERM then comes.'''
    lines, waiting = itertools.count(1), False

    def trace(frame, event, arg):
        if event == "line" and waiting and next(lines) == wanted:
            signal.raise_signal(signal.SIGTERM)
        return trace

    def start():
        nonlocal waiting
        waiting = True

    def shutdown():
        nonlocal waiting
        waiting = False

    sys.settrace(trace)
    running.run_until_told(start, shutdown)
    sys.settrace(None)
    return next(lines) > wanted


print(sum(told_at(line) for line in range(1, 61)))
"""


def test_sigterm_at_any_line_of_the_wait_ends_it() -> None:
    """Through the lines of the standard library too, where a lock may be held."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.strip() == "60", done.stderr
