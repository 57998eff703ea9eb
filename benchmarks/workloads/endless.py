"""A very long loop that is killed: ``python -m benchmarks.workloads.endless URL STEPS``.

The process kills itself in the task of step STEPS, counted from 0, after a line of JSON with what
the steps before it cost. With ``--go-on`` it opens the store that another one left, continues, and
kills itself in the first task, after a line with how long it took to come there.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import time
from array import array
from dataclasses import asdict, dataclass
from typing import Never

from benchmarks.workloads import flows
from sayiir import Again, CheckpointingRunner, Done, loop, open_store, task, workflow

__all__ = ["Endless", "begun", "continuing_seconds"]

LEASE_SECONDS = 1
"""Whoever continues waits until the lease of the killed one has ended, before its clock starts."""
WINDOW = 1_000
WARM = 100


@dataclass(frozen=True, slots=True)
class Endless:
    """What the steps of a loop cost before it was killed.

    Attributes:
        early_seconds: a step, the median of a thousand from the hundredth on.
        late_seconds: a step, the median of the last thousand.
        grown_bytes: what the process held more at its end than after 1,100 steps.
        grown_blocks: the same in Python's own blocks of memory, one or more for each object.
    """

    early_seconds: float
    late_seconds: float
    grown_bytes: float
    grown_blocks: float


def begun(url: str, steps: int) -> Endless:
    """Begin a loop in a process that is killed in step ``steps``; at least 2,200 of them."""
    return Endless(**_answer(url, steps))


def continuing_seconds(url: str) -> float:
    """Seconds from opening the store in a new process until the first task of the loop begins."""
    return float(_answer(url, 0, "--go-on")["seconds"])


def _answer(url: str, steps: int, *more: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.workloads.endless", url, str(steps), *more]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.returncode
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


class _Steps:
    """What the task of the loop calls."""

    def __init__(self, last: int, *, goes_on: bool) -> None:
        self._last = last
        self._goes_on = goes_on
        self._times = array("d")
        self._grown_from = 0
        self._blocks_from = 0
        self.began = 0.0

    def note(self, number: int) -> None:
        self._times.append(time.perf_counter())
        if self._goes_on:
            _die({"seconds": self._times[0] - self.began})
        if number == WARM + WINDOW:
            self._grown_from = _peak_bytes()
            self._blocks_from = sys.getallocatedblocks()
        if number == self._last:
            _die(asdict(self._costs()))

    def _costs(self) -> Endless:
        # Before the lists below are made.
        grown_bytes = _peak_bytes() - self._grown_from - 8 * len(self._times)
        grown_blocks = sys.getallocatedblocks() - self._blocks_from
        each = [after - before for before, after in itertools.pairwise(self._times)]
        return Endless(
            early_seconds=statistics.median(each[WARM : WARM + WINDOW]),
            late_seconds=statistics.median(each[-WINDOW:]),
            grown_bytes=grown_bytes,
            grown_blocks=grown_blocks,
        )


def _peak_bytes() -> int:
    """The most that the process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _die(answer: dict[str, float]) -> Never:
    print(json.dumps(answer), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("killed")


def run(url: str, steps: int, *, goes_on: bool) -> None:
    """Begin the loop, or continue it, and be killed."""
    told = _Steps(steps, goes_on=goes_on)

    @task
    async def counted(number: int) -> Again[int] | Done[int]:
        told.note(number)
        return Again(number + 1)

    looping = workflow("endless", loop(counted, max_iterations=10**9))
    asyncio.run(_made(url))  # tables, and what is imported at first use
    with CheckpointingRunner("memory://") as warm:
        warm.run(flows.chain(2), "warm", 0)
    if goes_on and not url.startswith("sqlite"):
        time.sleep(LEASE_SECONDS + 0.2)
    gc.collect()
    told.began = time.perf_counter()
    with CheckpointingRunner(url, lease=LEASE_SECONDS) as runner:
        runner.ensure(looping, "endless", 0)


async def _made(url: str) -> None:
    store = await open_store(url)
    await store.close()


def main() -> None:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("steps", type=int)
    parser.add_argument("--go-on", action="store_true")
    given = parser.parse_args()
    run(given.url, given.steps, goes_on=given.go_on)


if __name__ == "__main__":
    main()
