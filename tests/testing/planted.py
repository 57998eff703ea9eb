"""Workflows with an error that a crash brings out, and sound ones beside them.

In a module of their own, so that their globals are those of a module that a user would write.
"""

from __future__ import annotations

import asyncio
import functools
import random
import time

from sayiir import (
    Again,
    Done,
    ItemFailed,
    RetryPolicy,
    TaskContext,
    await_signal,
    branch,
    delay,
    fork,
    loop,
    resource,
    result_of,
    task,
    workflow,
    workflow_input,
)

# -- sound: every node kind


@task(idempotent=True)
def double(n: int) -> int:
    return 2 * n


@task(idempotent=True)
async def add(n: int) -> int:
    await asyncio.sleep(3)  # takes no time there
    return n + 1


@task(idempotent=True)
def sleepy(n: int) -> int:
    time.sleep(0.001)
    return n


@task(idempotent=True)
def both(left: int, right: int, first: int = workflow_input(int)) -> int:
    return left + right + first


@task(idempotent=True)
def read(n: int, doubled: int = result_of(double)) -> int:
    return n + doubled


@task(idempotent=True)
def split(n: int) -> list[int]:
    return [n, n + 1, n + 2]


@task(idempotent=True, retries=RetryPolicy(max_retries=2, initial_delay=1))
def picky(n: int) -> int:
    if n % 3 == 0:
        raise LookupError("not this one")
    return n


@task(idempotent=True)
def summed(values: list[int | ItemFailed]) -> int:
    return sum(value for value in values if isinstance(value, int))


@task(idempotent=True)
def decide(n: int) -> Again[int] | Done[int]:
    return Done(n) if n > 100 else Again(n * 3)


@task(idempotent=True, retries=3)
def flaky(n: int, ctx: TaskContext) -> int:
    if ctx.attempt == 1:
        raise ConnectionError("busy")
    return n


class Service:
    """Keyed by what its callers hand over, so that calling it twice does no harm."""

    def __init__(self) -> None:
        self.done: dict[str, int] = {}

    def act(self, key: str, n: int) -> int:
        return self.done.setdefault(key, n)


@task(idempotent=True)
class Act:
    def __init__(self, service: Service = resource(Service)) -> None:
        self.service = service

    async def __call__(self, n: int, ctx: TaskContext) -> int:
        return self.service.act(ctx.idempotency_key, n)


@task(idempotent=True, run_in="process")
def elsewhere(n: int) -> int:
    return n + 1


@task(idempotent=True)
def received(n: int, answer: int) -> int:
    return n + answer


def is_even(n: int) -> bool:
    return n % 2 == 0


sound = {
    "tasks": workflow("tasks", double >> add >> sleepy >> elsewhere),
    "fork": workflow("forked", double >> fork(add, sleepy >> add) >> both),
    "branch": workflow(
        "branched", double >> branch(lambda n: n > 3, {True: add, False: sleepy}).merge()
    ),
    "loop": workflow("looped", loop(add >> decide, max_iterations=20, history="all")),
    "map": workflow("mapped", split >> picky.map(on_error="collect", max_concurrency=2) >> summed),
    "delay": workflow("delayed", double >> delay("2d") >> add),
    "signal": workflow(
        "signalled", double >> await_signal("go", int, timeout="3d", keep_input=True) >> received
    ),
    "default": workflow("defaulted", await_signal("never", int, timeout="3d", default=4) >> double),
    "child": workflow("parent", double >> workflow("inner", add >> double) >> read),
    "retried": workflow("retried", double >> flaky >> add, timeout="1h"),
    "class": workflow("classy", double >> task(idempotent=True)(Act.wrapped) >> add),
}

# -- planted: each is wrong in one way

charges: list[str] = []


@task
def charge(n: int) -> str:
    charges.append(f"{n} charged")
    return f"paid {n}"


counted = workflow("counted", double >> charge >> delay("1h"))


@task(idempotent=True)
def tells_attempt(n: int, ctx: TaskContext) -> str:
    return f"attempt {ctx.attempt} of {n}"


by_attempt = workflow("by_attempt", double >> tells_attempt)

cache: dict[str, int] = {}
last = 0


@task(idempotent=True)
def remember(n: int) -> int:
    cache["n"] = n
    return n


@task(idempotent=True)
def recall(n: int) -> int:
    return cache.get("n", -1)


by_global = workflow("by_global", remember >> recall)


@task(idempotent=True)
def remember_name(n: int) -> int:
    global last  # noqa: PLW0603  that is what is planted
    last = n
    return n


@task(idempotent=True)
def recall_name(n: int) -> int:
    return _last()


def _last() -> int:
    return last


by_name = workflow("by_name", remember_name >> delay("1h") >> recall_name)


@functools.cache
def drawn() -> list[int]:
    return []


@task(idempotent=True)
def remember_cached(n: int) -> int:
    drawn()[:] = [n]
    return n


@task(idempotent=True)
def recall_cached(n: int) -> int:
    return len(drawn())


by_cache = workflow("by_cache", remember_cached >> recall_cached)

board: dict[str, int] = {}


@task(idempotent=True)
async def writes(n: int) -> int:
    board["left"] = n
    return n


@task(idempotent=True)
async def peeks(n: int) -> int:
    return board.get("left", 0)


by_sibling = workflow("by_sibling", double >> fork(writes, peeks))


@task(idempotent=True)
def draws(n: int) -> float:
    return n + random.random()


by_chance = workflow("by_chance", double >> draws)


@task(idempotent=True)
def always_fails(n: int) -> int:
    raise PermissionError(f"not {n}")


failing = workflow("failing", double >> always_fails)
