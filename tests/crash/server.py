"""The warm fork server: imports everything, opens no store, starts no thread, and forks.

Each line of its input is an order. It forks, the child lives as ordered, and the answer's line
is the child's exit status as ``os.waitpid`` gives it.
"""

from __future__ import annotations

import concurrent.futures.thread  # noqa: F401  imported late by asyncio
import encodings.idna  # noqa: F401  imported late by sockets
import importlib.resources.readers  # noqa: F401  imported late to read the schema
import json
import os
import sys
import traceback

import sayiir.stores.postgres.store
import sayiir.stores.sqlite  # noqa: F401  imported late by their URLs
from tests.crash.life import live
from tests.sim.case import Case
from tests.sim.flows import case_of
from tests.sim.trace import Trace


def main() -> None:
    """Serve until the input ends."""
    case: Case | None = None
    for line in sys.stdin:
        order = json.loads(line)
        if case is None or case.seed != order["seed"]:
            case = case_of(order["seed"], Trace(), threads=True)
            # Compiled once for all forks, and with it pydantic is imported.
            _ = case.workflow._program().portable
        child = os.fork()
        if child == 0:
            _live_and_leave(case, order)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()


def _live_and_leave(case: Case, order: dict) -> None:
    status = 1
    try:
        live(case, order)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()
