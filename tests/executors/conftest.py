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


def _children() -> set[int]:
    """Child processes, also those that have ended and were not reaped; those of other tests too."""
    found: set[int] = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, _, rest = stat.read_text(encoding="utf-8").rpartition(")")
        except OSError:  # it ended meanwhile
            continue
        if int(rest.split()[1]) == os.getpid():
            found.add(int(stat.parent.name))
    return found


@contextmanager
def nothing_left() -> Iterator[None]:
    """Neither child processes nor file descriptors stay behind."""
    before, children = _descriptors(), _children()
    yield
    assert _children() <= children, "a process stayed behind, or was never asked for its status"
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
