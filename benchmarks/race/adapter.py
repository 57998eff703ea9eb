"""What all adapters share: a job comes in as JSON, figures go out as JSON.

An adapter is a module with a function for each workload, all of which its end names to ``main``;
``python -m benchmarks.race.systems.NAME JOB`` runs one of them. It runs in the environment of its
system, so this module imports nothing but Python's own. Whatever a system prints goes to the
error output: the figures are all that comes out of the standard output.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import pairwise

__all__ = [
    "Figures",
    "Job",
    "Tripwire",
    "main",
    "repeated",
    "repeated_async",
    "rush",
    "wait_until",
    "workers",
]

Figures = dict[str, float]
"""Names of values and values; ``count`` is how many were done."""

STEADY = 100
"""What a step costs early and late in a chain is the median of so many."""
READY = "ready"


@dataclass(frozen=True, slots=True)
class Job:
    """What an adapter is to do.

    Attributes:
        workload: its name.
        store: memory, sqlite or postgres.
        url: of a store that was prepared and that nobody has used; empty in memory.
        count: instances, or repetitions, at most.
        steps: of each instance.
        seconds: when they are over nothing more is begun.
        role: ``worker`` in a process that helps another one; else empty.
        output: the file descriptor to answer on.
    """

    workload: str
    store: str = "memory"
    url: str = ""
    count: int = 1
    steps: int = 10
    seconds: float = 20.0
    role: str = ""
    output: int = 1

    def say(self, figures: Figures | str) -> None:
        """Answer: a line of JSON."""
        os.write(self.output, (json.dumps(figures) + "\n").encode())


Workload = Callable[[Job], Figures | Awaitable[Figures]]


_FUNCTIONS = {"begin": "long", "go_on": "long", "workers": "two_workers"}
"""Where a workload's function isn't named like it."""


def main(*functions: Workload) -> None:
    """Do the job that the command line holds, answer with its figures, and end."""
    job = Job(**json.loads(sys.argv[1]))
    job = replace(job, output=os.dup(1))
    os.dup2(2, 1)
    named = {function.__name__: function for function in functions}
    wanted = job.role or job.workload
    done = named[_FUNCTIONS.get(wanted, wanted)](job)
    job.say(asyncio.run(_awaited(done)) if inspect.isawaitable(done) else done)
    sys.stderr.flush()
    os._exit(0)  # not every system ends its threads, and nothing is left to do


async def _awaited(done: Awaitable[Figures]) -> Figures:
    return await done


# -- one after the other


def repeated(call: Callable[[int], object], job: Job, *, warm: int = 3, parts: int = 1) -> Figures:
    """Median seconds of a call, made ``job.count`` times or as often as the time lets it.

    ``parts``: told are the seconds of one of so many parts of a call.
    """
    for number in range(warm):
        call(-1 - number)
    times = list[float]()
    give_up_at = time.perf_counter() + job.seconds
    while len(times) < job.count and (not times or time.perf_counter() < give_up_at):
        began = time.perf_counter()
        call(len(times))
        times.append(time.perf_counter() - began)
    return {"seconds": statistics.median(times) / parts, "count": len(times)}


async def repeated_async(
    call: Callable[[int], Awaitable[object]], job: Job, *, warm: int = 3, parts: int = 1
) -> Figures:
    """The same of a call that is awaited."""
    for number in range(warm):
        await call(-1 - number)
    times = list[float]()
    give_up_at = time.perf_counter() + job.seconds
    while len(times) < job.count and (not times or time.perf_counter() < give_up_at):
        began = time.perf_counter()
        await call(len(times))
        times.append(time.perf_counter() - began)
    return {"seconds": statistics.median(times) / parts, "count": len(times)}


# -- long loops, and what is left of them after a kill


class Tripwire:
    """What every step of a long loop calls: it tells what steps cost, and kills the process.

    Where the loop is begun (the workload ``begin``) it kills in step ``job.steps``, counted from
    0, so the store holds an instance that stopped there. Where it is continued (``go_on``) it
    kills in the second step that runs, after telling how long it took to the first, and how many
    steps ran again (``lost``): the next process finds the loop one step further on. The answer
    comes from here, since nobody returns from a kill.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._times = list[float]()
        self._began = 0.0
        self._first = 0

    def begin(self) -> None:
        """Start the clock. What comes next opens the store and begins or continues the loop."""
        # The collector looks through all that imports have made at some moment: 40 ms where they
        # made much, and within the time taken or before it as chance has it. So before it, always.
        gc.collect()
        self._began = time.perf_counter()
        limit = threading.Timer(self._job.seconds, self._out_of_time)
        limit.daemon = True
        limit.start()

    def step(self, number: int) -> None:
        """The step of this number has begun."""
        self._times.append(time.perf_counter())
        if self._job.workload == "go_on":
            if len(self._times) == 1:
                self._first = number
            else:
                lost = max(self._job.steps - self._first, 0)
                seconds = self._times[0] - self._began
                self._tell({"seconds": seconds, "lost": lost, "count": 1})
        elif len(self._times) > self._job.steps:
            self._tell(self._costs())

    def _out_of_time(self) -> None:
        self._tell(self._costs() if self._job.workload == "begin" else {"count": 0})

    def _costs(self) -> Figures:
        each = [after - before for before, after in pairwise(self._times[:])]
        figures = {"count": float(len(each))}
        if len(each) >= 2 * STEADY:
            figures["early"] = statistics.median(each[STEADY // 2 : STEADY * 3 // 2])
            figures["seconds"] = statistics.median(each[-STEADY:])
        return figures

    def _tell(self, figures: Figures) -> None:
        self._job.say(figures)
        os.kill(os.getpid(), signal.SIGKILL)


# -- worker processes


@contextmanager
def workers(job: Job, count: int = 2) -> Iterator[None]:
    """So many processes that run the adapter's ``worker`` and have said that they are ready."""
    spec = sys.modules["__main__"].__spec__
    assert spec is not None
    given = json.dumps(asdict(replace(job, role="worker", output=1)))
    command = [sys.executable, "-P", "-m", spec.name, given]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(count)]
    try:
        for child in children:
            assert child.stdout is not None
            if not child.stdout.readline():
                raise RuntimeError("a worker process ended before it was ready")
        yield
    finally:
        for child in children:
            child.kill()
            child.wait()


def rush(submitted: Mapping[str, float], ended: Mapping[str, float], idle: list[float]) -> Figures:
    """What a client and its workers reached, from moments of ``time.time()`` by instance.

    Instances that have not ended are not counted.
    """
    ways = sorted(ended[name] - began for name, began in submitted.items() if name in ended)
    seconds = max(ended.values()) - min(submitted.values())
    return {
        "seconds": seconds / len(ways),
        "p50": statistics.median(ways),
        "p99": ways[min(len(ways) - 1, int(len(ways) * 0.99))],
        "idle": statistics.median(idle),
        "count": len(ways),
    }


def wait_until(condition: Callable[[], bool], seconds: float, pause: float = 0.01) -> bool:
    """Look again and again; whether it came true in time."""
    give_up_at = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up_at:
            return False
        time.sleep(pause)
    return True
