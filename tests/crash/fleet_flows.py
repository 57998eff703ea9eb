"""Flows for real worker processes, which import them by name; their tasks keep a journal."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from itertools import count
from pathlib import Path
from typing import Any

from sayiir import TaskContext, await_signal, delay, fork, task, workflow

JOURNAL = "SAYIIR_TEST_JOURNAL"
DIES_AT = "SAYIIR_TEST_DIES_AT"
STEPS = 10
_noted = count(1)


def note(ctx: TaskContext) -> None:
    """One line, appended at once: what the system has accepted outlives a kill.

    A process that was told a number dies with its line of that number: always within a task.
    """
    entry = [ctx.instance_id, ctx.path, ctx.attempt, os.getpid(), time.time()]
    line = json.dumps(entry) + "\n"
    descriptor = os.open(os.environ[JOURNAL], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)
    if next(_noted) == int(os.environ.get(DIES_AT, "0")):
        os.kill(os.getpid(), signal.SIGKILL)


def journal(path: Path) -> list[tuple[str, str, int, int]]:
    """What has begun so far: (instance, path, attempt, process), in that order."""
    return [entry[:4] for entry in moments(path)]


def moments(path: Path) -> list[tuple[str, str, int, int, float]]:
    """The same, each with its moment: seconds since the Unix epoch."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [tuple(json.loads(line)) for line in lines]


def _step(name: str, seconds: float, *, blocking: bool = False) -> Any:
    async def run(n: int, ctx: TaskContext) -> int:
        note(ctx)
        await asyncio.sleep(seconds)
        return n + 1

    def run_blocking(n: int, ctx: TaskContext) -> int:
        note(ctx)
        time.sleep(seconds)
        return n + 1

    return task(name)(run_blocking if blocking else run)


def _chain(steps: list[Any]) -> Any:
    flow = steps[0]
    for step in steps[1:]:
        flow = flow >> step
    return flow


@task
async def total(values: Any) -> int:
    return sum(values)


steady = workflow("steady", _chain([_step(f"s{number}", 0.01) for number in range(STEPS)]))
hung = workflow("hung", _step("begins", 0) >> _step("hangs", 600))
hung_thread = workflow("hung_thread", _step("hangs", 600, blocking=True))


@task
async def blocks(n: int, ctx: TaskContext) -> int:
    """Holds its whole event loop."""
    note(ctx)
    time.sleep(3)
    return n


blocked = workflow("blocked", blocks)
wide = workflow(
    "wide",
    _step("before", 0) >> fork(*(_step(f"arm{number}", 0.05) for number in range(40))) >> total,
)


@task
async def three(n: int) -> list[int]:
    return [n, n, n]


mixed = workflow(
    "mixed",
    _step("begins", 0.005)
    >> fork(_step("left", 0.005) >> _step("left2", 0), _step("right", 0.005))
    >> total
    >> three
    >> _step("item", 0.005).map()
    >> total
    >> delay("50ms")
    >> await_signal("go", int, keep_input=True)
    >> total
    >> _step("ends", 0),
)


def mixed_output(n: int, payload: int) -> int:
    """What ``mixed`` gives."""
    return 3 * ((n + 3) + (n + 2) + 1) + payload + 1


WORKFLOWS = {each.name: each for each in (steady, hung, hung_thread, blocked, wide, mixed)}
