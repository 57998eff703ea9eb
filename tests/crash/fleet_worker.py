"""A worker as its users run it: a program of its own, ended by signals."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sayiir import PooledWorker, WorkflowClient, open_store
from tests.crash.fleet_flows import DIES_AT, JOURNAL, STEPS, WORKFLOWS, journal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sayiir.stores.protocols import Store

_ROOT = Path(__file__).resolve().parents[2]
START_US = 1_767_225_600_000_000
"""Where quick clocks begin: 2026, as the corpus of graphs expects."""


class QuickClock:
    """Runs so many times as fast as the real one, alike in all processes that are told so.

    Args:
        factor: how many times.
        began: ``time.time()`` when it stood at its beginning.
    """

    def __init__(self, factor: float, began: float) -> None:
        self._factor = factor
        self._began = began

    def now_us(self) -> int:
        """Microseconds since the Unix epoch."""
        return START_US + round((time.time() - self._began) * self._factor * 1e6)

    async def sleep(self, seconds: float) -> None:
        """Wait so long by this clock."""
        await asyncio.sleep(seconds / self._factor)


class Workers:
    """Worker processes of one store, and the journal of what their tasks have begun.

    Args:
        url: the store.
        folder: for the journal and what the processes print.
    """

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.journal = folder / "journal"
        self._folder = folder
        self.started: list[subprocess.Popen[bytes]] = []

    def start(
        self,
        *names: str,
        clock: tuple[float, float] | None = None,
        dies_at: int = 0,
        **options: Any,
    ) -> subprocess.Popen[bytes]:
        """Start one that runs these workflows (``corpus``: all of the corpus).

        It is killed in the task that it begins as its ``dies_at``-th, if that isn't 0.
        """
        order = {"url": self.url, "names": names, "clock": clock, "options": options}
        told = {"PYTHONPATH": str(_ROOT), JOURNAL: str(self.journal), DIES_AT: str(dies_at)}
        with (self._folder / f"log{len(self.started)}").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.crash.fleet_worker", json.dumps(order)],
                cwd=_ROOT,
                env={**os.environ, **told},
                stderr=log,
            )
        self.started.append(process)
        return process

    def here(self, count: int) -> None:
        """Wait until so many workers look for work."""
        with WorkflowClient(self.url) as client:
            until(lambda: len(client.workers()) == count, 60)

    def feed(self, flow: Any, enough: Any, *, count: int = 0, seconds: float = 60) -> int:
        """Submit instances of ten steps whenever few are left, until it is enough.

        So whoever starts late still finds work, however quick the others are.

        Args:
            flow: the workflow; instances are ``i0``, ``i1`` and so on, each with its number.
            enough: asked again and again.
            count: how many there are already.
            seconds: for all of it.

        Returns:
            How many there are then.
        """
        end = time.monotonic() + seconds
        with WorkflowClient(self.url) as client:
            while not enough():
                assert time.monotonic() < end, "it has not come to that"
                if len(journal(self.journal)) > (count - 40) * STEPS:
                    for _ in range(20):
                        client.submit(flow, f"i{count}", count)
                        count += 1
                time.sleep(0.01)
        return count

    def log(self, number: int = 0) -> str:
        """What one of them has printed."""
        return (self._folder / f"log{number}").read_text()

    def kill_all(self) -> None:
        """Leave nobody behind."""
        for process in self.started:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait(10)


@contextmanager
def workers(url: str, folder: Path) -> Iterator[Workers]:
    """Worker processes that are gone when it ends."""
    made = Workers(url, folder)
    try:
        yield made
    finally:
        made.kill_all()


def stopped(process: subprocess.Popen[bytes], *signals: int, seconds: float = 15) -> int:
    """The exit status after these signals, a moment apart."""
    for number in signals:
        process.send_signal(number)
        time.sleep(0.3)
    return process.wait(seconds)


def until(condition: Any, seconds: float = 30) -> None:
    """Wait in real time until the condition holds: for what other processes do."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it has not come to that"
        time.sleep(0.01)


def main() -> None:
    """Work as ordered until a signal comes."""
    order = json.loads(sys.argv[1])
    logging.basicConfig()
    flows = [WORKFLOWS[name] for name in order["names"] if name != "corpus"]
    if "corpus" in order["names"]:
        from tests.engine.corpus import CASES

        flows += [case.workflow() for case in CASES]
    store: str | Store = order["url"]
    options = order["options"]
    if order["clock"] is None:
        PooledWorker(store, workflows=flows, **options).run()
    else:
        asyncio.run(_on_quick_clock(order["url"], flows, QuickClock(*order["clock"]), options))


async def _on_quick_clock(url: str, flows: Any, clock: QuickClock, options: Any) -> None:
    from sayiir import AsyncPooledWorker

    store = await open_store(url, clock=clock)
    try:
        await AsyncPooledWorker(store, workflows=flows, clock=clock, **options).run()
    finally:
        await store.close()


if __name__ == "__main__":
    # Those who run tests in the background of a shell hand on that Ctrl-C is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main()
