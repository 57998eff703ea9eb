"""The child's side of a fleet: a worker of its own, told by its parent what to run."""

from __future__ import annotations

import logging
import os
import pickle
import sys
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, NoReturn

from sayiir.portal import Portal
from sayiir.worker.importing import imported_workflow
from sayiir.worker.running import HURRIED_SECONDS, run_until_told
from sayiir.worker.service import WorkerService
from sayiir.worker.signals import Told

if TYPE_CHECKING:
    from sayiir.worker.fleet import ChildOrder

__all__ = ["main"]

logger = logging.getLogger("sayiir.worker")


def main() -> NoReturn:
    """Work until the parent says so by a signal, or is gone."""
    stdin = sys.stdin.buffer
    order = _order(stdin)
    if order is None:
        sys.exit(0)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s [%(process)d] %(message)s")
    logging.getLogger("sayiir").setLevel(order.log_level)
    workflows = tuple(imported_workflow(path, expected) for path, expected in order.workflows)
    service = WorkerService(replace(order.settings, workflows=workflows))
    service.tells_of_unserved = False
    portal = Portal("PooledWorker", HURRIED_SECONDS)
    told = Told()
    threading.Thread(target=_watch_parent, args=(stdin, told), daemon=True).start()
    status: object = 0
    try:
        run_until_told(
            lambda: portal.call(service.start), lambda: portal.close(service.shutdown), told
        )
    except (KeyboardInterrupt, SystemExit) as request:
        status = getattr(request, "code", 130)
    sys.stdout.flush()
    sys.stderr.flush()
    # Without waiting for threads of tasks: a worker that has given everything back may go.
    os._exit(status if isinstance(status, int) else 1)


def _order(stdin: BinaryIO) -> ChildOrder | None:
    """What the parent says; None: it died before it had said all of it."""
    size = stdin.read(8)
    data = stdin.read(int.from_bytes(size)) if len(size) == 8 else b""
    if not data or len(data) < int.from_bytes(size):
        return None
    order: ChildOrder = pickle.loads(data)  # noqa: S301  our own parent process wrote it
    return order


def _watch_parent(stdin: BinaryIO, told: Told) -> None:
    """The pipe ends with the parent: then this one drains, as at a signal."""
    os.read(stdin.fileno(), 1)
    if not told.is_set:
        logger.warning("the process that started this worker has gone; it drains")
    told.set()
