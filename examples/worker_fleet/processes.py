"""The worker processes: started, killed, stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from types import TracebackType
from typing import Final, Self

from examples.worker_fleet.worker import SETTINGS

__all__ = ["WorkerDied", "Workers"]

STOP_SECONDS: Final = 15.0


class WorkerDied(Exception):
    """A worker has ended that nobody has killed."""


class Workers:
    """Processes that are gone when the ``with`` block ends.

    Args:
        url: the store.
        books: the schema of the outside world's books.
        seed: what is drawn is drawn from it.
    """

    def __init__(self, url: str, books: str, seed: int) -> None:
        self._settings = (url, books, seed)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._started = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let all drain; what doesn't end in time is killed."""
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @property
    def names(self) -> tuple[str, ...]:
        """Those that run."""
        return tuple(self._running)

    def start(self) -> str:
        """Start one more; its name."""
        self._started += 1
        name = f"worker-{self._started}"
        url, books, seed = self._settings
        settings = dict(zip(SETTINGS, (url, books, name, str(seed)), strict=True))
        self._running[name] = subprocess.Popen(
            [sys.executable, "-m", "examples.worker_fleet.worker"],
            env={**os.environ, **settings},
            stdin=subprocess.PIPE,  # it ends with us, and the worker notices
            start_new_session=True,  # Ctrl-C is for us; we tell the workers
        )
        return name

    def kill(self, name: str) -> None:
        """End it as a crash does: it can give nothing back."""
        process = self._running.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def check(self) -> None:
        """Look whether all are there.

        Raises:
            WorkerDied: one isn't.
        """
        for name, process in self._running.items():
            if (status := process.poll()) is not None:
                raise WorkerDied(f"{name} has ended by itself, with status {status}")
