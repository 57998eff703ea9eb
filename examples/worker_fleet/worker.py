"""``python -m examples.worker_fleet.worker``: one worker, as it would run on any machine."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from examples.worker_fleet.outside import Outside, connected
from examples.worker_fleet.workflow import monthly_bill
from sayiir import PooledWorker

__all__ = ["CONCURRENCY", "LEASE_SECONDS", "SETTINGS", "main"]

LEASE_SECONDS: Final = 2.0
"""Short, so that one sees it end. The default, 30 s, bears a machine that stalls for a while."""

CONCURRENCY: Final = 50
"""So many tasks a worker runs at once."""

SETTINGS: Final = ("FLEET_STORE", "FLEET_BOOKS", "FLEET_WORKER", "FLEET_SEED")
"""Environment variables: the store's URL holds a password, which ``ps`` would show."""


def main() -> None:
    """Work until a signal comes, or whoever has started this has gone."""
    url, books, name, seed = (os.environ[setting] for setting in SETTINGS)

    @asynccontextmanager
    async def outside() -> AsyncGenerator[Outside, None]:
        async with connected(url) as pool:
            yield Outside(pool, books, name, int(seed))

    threading.Thread(target=_stop_with_the_parent, daemon=True).start()
    PooledWorker(
        url,
        workflows=[monthly_bill],
        worker_id=name,
        concurrency=CONCURRENCY,
        lease=LEASE_SECONDS,
        grace="5s",
        resources={Outside: outside},
    ).run()


def _stop_with_the_parent() -> None:
    """The pipe ends when the process that holds its other end does, killed or not."""
    os.read(sys.stdin.fileno(), 1)  # below the buffer, whose lock would be held at the end
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
