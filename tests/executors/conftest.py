"""What the executors' tests are written with."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sayiir.executors import ProcessPool
from tests.engine.bench import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest.fixture
def anyio_backend() -> str:
    """asyncio is the one promised loop."""
    return "asyncio"


def _descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


@contextmanager
def nothing_left() -> Iterator[None]:
    """Neither child processes nor file descriptors stay behind."""
    before = _descriptors()
    yield
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    until = time.monotonic() + 3  # the thread that keeps leases looks up once a second
    while _descriptors() > before:
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.fixture
async def pool(anyio_backend: str) -> AsyncIterator[ProcessPool]:
    """Two workers."""
    async with ProcessPool(max_workers=2) as made:
        yield made


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be asked for its status doesn't."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return not Path("/proc").exists()  # macOS: whoever started it has reaped it
    return stat.rpartition(")")[2].split()[0] != "Z"


async def gone(pid: int) -> None:
    """Wait until a process has ended."""
    await eventually(lambda: not is_alive(pid), 5)
