"""Threads for sync tasks: daemons of our own, so that a hung one can be left behind.

A pool of the standard library joins its threads at exit and would hang with the task. Results
of all threads are handed to the event loop by one gathered wake-up: waking the loop costs more
than the rest of the way (MEASURED: 27 µs a hand-off against 172 through a thread pool).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from contextvars import copy_context
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from sayiir.dsl.context import CURRENT_ATTEMPT
from sayiir.engine.attempt import Attempt
from sayiir.errors import SayiirError
from sayiir.limits import MAX_ABANDONED_THREADS
from sayiir.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

__all__ = ["TaskThreads", "TooManyAbandonedThreads"]

logger = logging.getLogger("sayiir.engine")

MAX_NAMED: Final = 10
"""So many tasks are named in one line of the log."""

GATHER_SECONDS: Final = 0.2
"""So long is waited for further abandoned threads before the log is told of them together."""


class TooManyAbandonedThreads(SayiirError):
    """So many timed-out tasks still occupy threads that no further one is started."""


class _Job:
    __slots__ = ("abandoned", "call", "context", "error", "future", "value")

    def __init__(
        self, call: Callable[[], Any], context: Context, future: asyncio.Future[Any]
    ) -> None:
        self.call = call
        self.context = context
        self.future = future
        self.abandoned = False
        self.value: Any = None
        self.error: BaseException | None = None


class TaskThreads:
    """Runs calls on daemon threads for one event loop.

    Threads are made when a call finds none idle, and stay. How many calls run at once is the
    dispatcher's business; abandoned ones are bounded here.
    """

    def __init__(self) -> None:
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._finished: deque[_Job] = deque()
        self._lock = threading.Lock()
        self._idle = 0
        self._threads = 0
        self._abandoned = 0
        self._untold: list[str] = []
        """What was left behind since the last line of the log."""
        self._wake_up_due = False

    async def run(self, call: Callable[[], Any]) -> Any:
        """The result of ``call()`` on a thread, in a copy of the caller's context.

        Cancelling the wait abandons the thread: it runs on, and its result is dropped.

        Raises:
            TooManyAbandonedThreads: 64 abandoned calls still run.
            BaseException: whatever the call raised.
        """
        if self._abandoned >= MAX_ABANDONED_THREADS:
            raise TooManyAbandonedThreads(
                f"{self._abandoned} tasks that were given up still run on threads, and no more "
                "are risked; a task that can hang should check ctx.check_cancelled(), use its "
                "client's own timeout, or run in a process, which can be killed"
            )
        loop = asyncio.get_running_loop()
        job = _Job(call, copy_context(), loop.create_future())
        self._start(job)
        try:
            await job.future
        except asyncio.CancelledError:
            self._abandon(job)
            raise
        if job.error is not None:
            raise job.error
        return job.value

    def close(self) -> None:
        """Let idle threads end; busy ones end with their call."""
        self._tell()
        with self._lock:
            for _ in range(self._threads):
                self._jobs.put(None)

    # -- the loop's side

    def _start(self, job: _Job) -> None:
        with self._lock:
            if self._idle:
                self._idle -= 1
            else:
                self._threads += 1
                name = f"sayiir-task-{self._threads}"
                threading.Thread(target=self._work, name=name, daemon=True).start()
        self._jobs.put(job)

    def _abandon(self, job: _Job) -> None:
        with self._lock:
            if job.future.done() and not job.future.cancelled():
                return
            job.abandoned = True
            self._abandoned += 1
        if not self._untold:
            # Whatever stops many (Ctrl-C, a lost store, a timeout that a whole map runs into)
            # stops them within moments of each other: they are one line of the log.
            asyncio.get_running_loop().call_later(GATHER_SECONDS, self._tell)
        self._untold.append(_named(job))

    def _tell(self) -> None:
        told, self._untold = self._untold, []
        if not told:
            return
        more = f" and {len(told) - MAX_NAMED} more" if len(told) > MAX_NAMED else ""
        logger.warning(
            "left running on threads, for a thread can't be stopped from outside: %s%s; %d such "
            "now. Their results are dropped; a long task should check ctx.check_cancelled()",
            printable(", ".join(told[:MAX_NAMED])),
            printable(more),
            self._abandoned,
        )

    def _deliver(self) -> None:
        self._wake_up_due = False
        while self._finished:
            job = self._finished.popleft()
            if job.abandoned:
                self._abandoned -= 1
            elif not job.future.done():
                job.future.set_result(None)

    # -- the threads' side

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job.value = job.context.run(job.call)
            except BaseException as error:
                job.error = error
            loop = job.future.get_loop()
            with self._lock:
                self._idle += 1
                self._finished.append(job)
                wake_up = not self._wake_up_due
                self._wake_up_due = True
            del job
            if wake_up:
                try:
                    loop.call_soon_threadsafe(self._deliver)
                except RuntimeError:  # the loop has been closed: nobody waits any more
                    return


def _named(job: _Job) -> str:
    source = job.context.get(CURRENT_ATTEMPT)
    return source.told if isinstance(source, Attempt) else "a call"
