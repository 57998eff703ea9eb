"""Tasks that run in processes: importable, as a user's module would be."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from sayiir import RetryPolicy, TaskContext, TaskProcessDied, get_task_context, result_of, task

UNPICKLABLE = threading.Lock()
"""A global that can't travel: a function of a module that can be imported goes by its name."""


class Stubborn(Exception):
    """Its pickle doesn't give it back: __init__ wants two arguments."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")
        self.lock = UNPICKLABLE


class Busy(OSError):
    """Can be pickled as it is."""


class Numbered(Exception):
    """``__new__`` wants an argument, and its pickle fails."""

    def __new__(cls, number: int, /) -> Numbered:
        made = super().__new__(cls, number)
        made.lock = UNPICKLABLE
        return made

    lock: threading.Lock


class Several(ExceptionGroup[Exception]):
    """A group of a class of its own, made of two arguments more."""

    def __new__(cls, errors: list[Exception], note: str, /) -> Several:
        return super().__new__(cls, f"several, {note}", errors)

    def __init__(self, errors: list[Exception], note: str, /) -> None:
        self.note = note


@task(run_in="process")
def double(n: int) -> int:
    with UNPICKLABLE:
        return 2 * n


@task(run_in="process")
class Halve:
    """A class of a module that can be imported goes by its name, though the name is the task's."""

    def __call__(self, n: int) -> int:
        with UNPICKLABLE:
            return n // 2


@task(run_in="process")
async def triple(n: int) -> int:
    await asyncio.sleep(0)
    return 3 * n


@task(run_in="process")
def add(n: int, before: int = result_of(double)) -> int:
    return n + before


@task(run_in="process")
def where(n: int) -> int:
    return os.getpid()


@task(run_in="process")
def told(n: int, ctx: TaskContext) -> dict[str, str]:
    assert get_task_context() is ctx
    ctx.heartbeat()
    ctx.progress(0.25, "a quarter")
    ctx.progress(1.0)
    ctx.check_cancelled()
    ctx.logger.info("on it: %d", n)
    return {
        "instance": ctx.instance_id,
        "path": ctx.path,
        "attempt": str(ctx.attempt),
        "key": ctx.idempotency_key,
        "deadline": str(ctx.deadline),
    }


@task(run_in="process", timeout="300ms")
def hangs(pid_file: str) -> int:
    """Ignores whatever can be ignored, and has started a program."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    Path(pid_file).write_text(f"{os.getpid()} {child.pid}", encoding="utf-8")
    while True:
        with suppress(BaseException):  # SIGTERM included
            time.sleep(60)


@task(run_in="process")
def tidies_up(folder: str) -> int:
    """Leaves a file while it runs."""
    file = Path(folder, "lock")
    file.touch()
    Path(folder, "pid").write_text(str(os.getpid()), encoding="utf-8")
    try:
        time.sleep(60)
    finally:
        file.unlink()
    return 0


@task(run_in="process")
async def sleeps(folder: str) -> int:
    file = Path(folder, "lock")
    file.touch()
    Path(folder, "pid").write_text(str(os.getpid()), encoding="utf-8")
    try:
        await asyncio.sleep(60)
    finally:
        file.unlink()
    return 0


@task(
    run_in="process",
    retries=RetryPolicy(max_retries=2, initial_delay=0, retry_on=TaskProcessDied),
)
def dies_twice(n: int, ctx: TaskContext) -> int:
    if ctx.attempt <= 2:
        os.kill(os.getpid(), 9)
    return n


@task(run_in="process")
def ends(n: int) -> int:
    os._exit(n)


@task(run_in="process")
def raises_stubborn(n: int) -> int:
    raise Stubborn("no", "reason")


@task(run_in="process")
def raises_numbered(n: int) -> int:
    raise Numbered(n)


@task(run_in="process")
def raises_groups(n: int) -> int:
    inner = Several([Stubborn("no", "reason"), Numbered(n)], "inner")
    raise ExceptionGroup("outer", [inner, Busy(11, "busy")])


@task(
    run_in="process",
    retries=RetryPolicy(max_retries=2, initial_delay=0, retry_on=(Numbered, ExceptionGroup)),
)
def raises_each(n: int, ctx: TaskContext) -> int:
    if ctx.attempt == 1:
        raise Numbered(n)
    if ctx.attempt == 2:
        raise ExceptionGroup("outer", [Stubborn("no", "reason")])
    return n


@task(run_in="process", retries=RetryPolicy(max_retries=2, initial_delay=0, retry_on=OSError))
def raises_busy(n: int, ctx: TaskContext) -> int:
    if ctx.attempt < 3:
        raise Busy(11, "busy")
    return n


@task(run_in="process")
def gives_a_lock(n: int) -> object:
    return threading.Lock()


@task(run_in="process")
def asks_to_exit(n: int) -> int:
    sys.exit(n)


@task(run_in="process")
def repeats(text: str) -> str:
    return text + text


@task(run_in="process")
def holds(n: int) -> int:
    time.sleep(0.2)
    return n
