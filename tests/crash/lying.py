"""A process whose clock is wrong: ``python -m tests.crash.lying ROLE URL LIE COUNT``.

``LIE`` is by how many seconds, or ``jumping``: by an hour or a day to either side, another every
moment. Before anything is imported that could keep them, Python's ways to the time are bent; the
system's own stays right, and the flows tell the true time by it.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time

JOURNAL = "SAYIIR_TEST_JOURNAL"
LEASE_SECONDS = 8.0
BUSY_SECONDS = 12.0
DELAY_SECONDS = 1.5


def true_time() -> float:
    """Seconds since the Unix epoch, by the system."""
    return time.clock_gettime(time.CLOCK_REALTIME)


def _lie(by: str) -> None:
    dice = random.Random(by)
    jumps = (-86_400, -3_600, 0, 3_600, 86_400)

    def off_by() -> float:
        return dice.choice(jumps) if by == "jumping" else float(by)

    time.time = lambda: true_time() + off_by()
    time.time_ns = lambda: time.clock_gettime_ns(time.CLOCK_REALTIME) + round(off_by() * 1e9)


if __name__ == "__main__":
    _lie(sys.argv[3])


import asyncio  # noqa: E402
from datetime import UTC, datetime  # noqa: E402

from sayiir import (  # noqa: E402
    PooledWorker,
    TaskContext,
    WorkflowClient,
    delay,
    fork,
    task,
    workflow,
)


def note(ctx: TaskContext, **what: float) -> None:
    entry = {"instance": ctx.instance_id, "path": ctx.path, "attempt": ctx.attempt}
    line = json.dumps(entry | {"began": true_time(), **what}) + "\n"
    descriptor = os.open(os.environ[JOURNAL], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, line.encode())
    os.close(descriptor)


@task
async def begins(n: int, ctx: TaskContext) -> float:
    note(ctx)
    return true_time()


@task
async def after(began: float, ctx: TaskContext) -> float:
    note(ctx, due=began + DELAY_SECONDS)
    return began


@task
async def busy(began: float, ctx: TaskContext) -> float:
    """Longer than a lease, which has to be renewed meanwhile."""
    note(ctx)
    await asyncio.sleep(BUSY_SECONDS)
    return began


@task
async def ends(began: tuple[float, float, float]) -> int:
    return len(began)


def _moment(began: float) -> datetime:
    return datetime.fromtimestamp(began + DELAY_SECONDS, UTC)


timed = workflow(
    "timed",
    begins
    >> fork(
        delay(DELAY_SECONDS) >> after,
        delay(until=_moment) >> after,
        busy,
    )
    >> ends,
)


def main(role: str, url: str, count: int) -> None:
    if role == "client":
        with WorkflowClient(url) as client:
            for number in range(count):
                client.submit(timed, f"i{number}", number)
        return
    PooledWorker(url, workflows=[timed], lease=LEASE_SECONDS, concurrency=200).run()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[4]))
