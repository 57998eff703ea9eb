"""The workflows that are measured."""

from __future__ import annotations

import time

from sayiir import Flow, Workflow, fork, task, workflow

__all__ = [
    "FORK",
    "THREE_STEPS",
    "TOLD",
    "WHEN",
    "chain",
    "counted_chain",
    "process_chain",
    "sync_chain",
    "texts",
    "told_chain",
]

TOLD: list[tuple[int, float]] = []
"""What ``tell`` was called with in this process, and when (``time.perf_counter()``)."""


@task
async def increment(number: int) -> int:
    return number + 1


@task
def increment_on_a_thread(number: int) -> int:
    return number + 1


@task(run_in="process")
def increment_in_a_process(number: int) -> int:
    return number + 1


@task
async def tell(number: int) -> int:
    TOLD.append((number, time.perf_counter()))
    return number + 1


@task
def tell_on_a_thread(number: int) -> int:
    TOLD.append((number, time.perf_counter()))
    return number + 1


@task
async def clock_time(number: float) -> float:
    return time.time()


@task
async def measure_text(text: str) -> int:
    return len(text)


@task
async def repeat_text(text: str) -> str:
    return text + "x"


def _many(first: Flow[int, int], steps: int) -> Flow[int, int]:
    flow = first
    for _ in range(steps - 1):
        flow = flow >> first
    return flow


def chain(steps: int) -> Workflow[int, int]:
    """A chain of async tasks on ints."""
    return workflow(f"chain_{steps}", _many(increment, steps))


def sync_chain(steps: int) -> Workflow[int, int]:
    """The same with sync tasks, which run on threads."""
    return workflow(f"sync_chain_{steps}", _many(increment_on_a_thread, steps))


def process_chain(steps: int) -> Workflow[int, int]:
    """The same with tasks that run in worker processes."""
    return workflow("there", _many(increment_in_a_process, steps))


def counted_chain(name: str, steps: int, *, sync: bool) -> Workflow[int, int]:
    """A chain whose last task tells of each instance."""
    if sync:
        return workflow(name, _many(increment_on_a_thread, steps - 1) >> tell_on_a_thread)
    return workflow(name, _many(increment, steps - 1) >> tell)


def told_chain(steps: int) -> Workflow[int, int]:
    """A chain that tells of each of its steps."""
    return workflow(f"told_chain_{steps}", _many(tell, steps))


def texts(steps: int) -> Workflow[str, int]:
    """A chain of tasks that each return the text they are given, a letter longer."""
    flow: Flow[str, str] = repeat_text
    for _ in range(steps - 1):
        flow = flow >> repeat_text
    return workflow("texts", flow >> measure_text)


FORK = workflow("wide", fork(*[increment] * 100) >> sum)
THREE_STEPS = workflow("three_steps", increment >> increment >> increment)
WHEN = workflow("when", clock_time >> clock_time)
"""Its first step's result is the time of that step."""
