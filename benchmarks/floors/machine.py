"""The machine and Python: a bare await, a bare import, a call of the standard process pool."""

from __future__ import annotations

import asyncio
import multiprocessing
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor

__all__ = [
    "bare_await_seconds",
    "bare_import_seconds",
    "bare_run_seconds",
    "import_seconds",
    "pool_call_seconds",
]


async def _increment(number: int) -> int:
    return number + 1


async def bare_await_seconds(count: int = 50_000) -> float:
    """Seconds of one await of a coroutine that adds one."""
    number = 0
    began = time.perf_counter()
    for _ in range(count):
        number = await _increment(number)
    return (time.perf_counter() - began) / count


async def _nothing() -> None:
    pass


def bare_run_seconds(count: int = 300) -> float:
    """Seconds of one ``asyncio.run`` of a coroutine that does nothing."""
    began = time.perf_counter()
    for _ in range(count):
        asyncio.run(_nothing())
    return (time.perf_counter() - began) / count


def import_seconds(module: str) -> float:
    """Seconds of a whole process that imports one module."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
    return time.perf_counter() - began


def _increment_there(number: int) -> int:
    return number + 1


async def pool_call_seconds(count: int = 300) -> float:
    """Seconds of one call of the standard library's warm process pool, awaited."""
    loop = asyncio.get_running_loop()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        await loop.run_in_executor(pool, _increment_there, 0)
        began = time.perf_counter()
        for number in range(count):
            await loop.run_in_executor(pool, _increment_there, number)
        return (time.perf_counter() - began) / count


def bare_import_seconds() -> float:
    """Seconds of a whole process that imports asyncio, plus the 60 ms that are allowed."""
    return import_seconds("asyncio") + 0.060
