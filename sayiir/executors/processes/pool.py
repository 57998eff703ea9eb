"""``ProcessPool``: the executor behind ``run_in="process"``."""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import signal
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self

from sayiir.errors import SayiirError
from sayiir.executors.outcomes import error_from
from sayiir.executors.processes.process import WorkerProcess
from sayiir.executors.protocol import ProcessDied
from sayiir.executors.remote import sent_call
from sayiir.executors.shipping import ShippedFunctions
from sayiir.executors.wire import Kind, tell

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from sayiir.executors.protocol import Call
    from sayiir.executors.remote import SentCall

__all__ = ["ProcessPool"]

CLOSE_SECONDS: Final = 1.0
"""How long idle workers have, all together, to end in good order."""

_Waiting = tuple[asyncio.AbstractEventLoop, "asyncio.Future[WorkerProcess | None]"]


class ProcessPool:
    """Runs calls in worker processes, which are started as needed and stay.

    A runner makes one by itself for tasks with ``run_in="process"``. Make one yourself to choose
    how many workers there are, or to keep them warm over several runs in memory, and hand it over
    as ``executors={"process": pool}``. It belongs to no event loop: runners may share it. Close it
    with ``await close()``, or use it in a ``with`` or ``async with`` statement.

    Args:
        max_workers: how many processes at most; as many as the cores that this process
            may use by default.

    Raises:
        ValueError: ``max_workers`` is less than 1.

    >>> from sayiir import task, workflow
    >>> @task(run_in="process")
    ... def double(n: int) -> int:
    ...     return 2 * n
    >>> with ProcessPool(max_workers=1) as pool:
    ...     workflow("doubling", double >> double).run(3, executors={"process": pool})
    12
    """

    def __init__(self, max_workers: int | None = None) -> None:
        self.max_workers = _usable_cores() if max_workers is None else max_workers
        if self.max_workers < 1:
            raise ValueError(f"a pool needs at least one worker, not {max_workers}")
        self._lock = threading.Lock()
        self._functions = ShippedFunctions()
        self._idle: list[WorkerProcess] = []
        self._busy: set[WorkerProcess] = set()
        self._starting = 0
        self._waiting: deque[_Waiting] = deque()
        self._lifeline: tuple[int, int] | None = None
        self._closed = False

    async def run(self, call: Call) -> Any:
        """The call's result; waits for a worker where all are busy.

        Cancelled, the process that runs it gets SIGTERM (its ``finally`` blocks run), then
        SIGKILL, with everything that it started, in less than a second.

        Raises:
            ProcessDied: the process ended by itself.
            PayloadError: function, arguments or result can't be pickled.
            SayiirError: the pool is closed.
            BaseException: what the function raised.
        """
        level = logging.getLogger("sayiir.task").getEffectiveLevel()

        async def started() -> datetime | None:
            return call.started()

        kind, body = await self.perform(
            lambda: sent_call(call, self._functions, level),
            started,
            lambda kind, body: tell(call, kind, body),
        )
        if kind is Kind.ERROR:
            raise error_from(pickle.loads(body))  # noqa: S301  our own worker wrote it
        return pickle.loads(body)  # noqa: S301

    async def perform(
        self,
        sent_of: Callable[[], SentCall],
        started: Callable[[], Awaitable[datetime | None]],
        told: Callable[[Kind, bytes], None],
    ) -> tuple[Kind, bytes]:
        """The answer to a call, RESULT or ERROR, as bytes: for who only hands them on.

        Args:
            sent_of: asked for the call when a worker is there for it.
            started: asked for the deadline when the call begins: its process runs, and has
                loaded the function and made what it needs.
            told: gets what the call tells of itself.

        Raises:
            ProcessDied: the process ended by itself.
            SayiirError: the pool is closed.
        """
        worker = await self._acquired()
        try:
            sent = sent_of()
        except BaseException:
            self._release(worker, usable=True)  # nothing has reached it
            raise
        answer = None
        try:
            answer = await worker.call(sent, started, told)
        except (asyncio.CancelledError, Exception):
            await worker.kill()
            raise
        except BaseException:  # the loop is torn down: no time to wait in it
            worker.kill_now(0)
            worker.hang_up()
            raise
        finally:
            self._release(worker, usable=answer is not None)
        if answer is None:
            raise await self._died(worker)
        return answer

    async def close(self) -> None:
        """End all workers; calls that run are killed. Idempotent."""
        await asyncio.to_thread(self._close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # -- workers: handed from call to call, whatever loop these run in

    async def _acquired(self) -> WorkerProcess:
        loop = asyncio.get_running_loop()
        with self._lock:
            worker = self._free()
            if worker is not None:
                return worker
            turn: asyncio.Future[WorkerProcess | None] = loop.create_future()
            self._waiting.append((loop, turn))
        try:
            handed = await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._take_back(turn.result())
            raise
        if handed is not None:
            return handed
        try:
            with self._lock:
                self._starting -= 1
                return self._started()
        except BaseException:
            self._pass_on(None)  # the room is there all the same, for who waits behind this call
            raise

    def _free(self) -> WorkerProcess | None:
        """An idle worker, or a new one where there is room for it."""
        if self._closed:
            raise SayiirError("this ProcessPool has been closed")
        while self._idle:
            worker = self._idle.pop()
            if worker.alive:
                self._busy.add(worker)
                return worker
            worker.hang_up()  # died while it had nothing to do: no task failed by that
        if len(self._busy) + self._starting < self.max_workers:
            return self._started()
        return None

    def _started(self) -> WorkerProcess:
        if self._closed:
            raise SayiirError("this ProcessPool has been closed")
        if self._lifeline is None:
            self._lifeline = os.pipe()
        worker = WorkerProcess(self._lifeline[0])
        self._busy.add(worker)
        return worker

    def _release(self, worker: WorkerProcess, *, usable: bool) -> None:
        with self._lock:
            self._busy.discard(worker)
        self._pass_on(worker if usable else None)

    def _pass_on(self, worker: WorkerProcess | None) -> None:
        """Give a worker, or the room of one that is gone, to the call that waits longest."""
        with self._lock:
            if self._closed:
                if worker is not None:
                    worker.hang_up()
                    worker.kill_now(CLOSE_SECONDS)
                return
            while self._waiting:
                loop, turn = self._waiting.popleft()
                if turn.cancelled():
                    continue
                with suppress(RuntimeError):  # its loop is closed: nobody waits there
                    loop.call_soon_threadsafe(self._hand, turn, worker)
                    if worker is None:
                        self._starting += 1
                    else:
                        self._busy.add(worker)
                    return
            if worker is not None:
                self._idle.append(worker)

    def _hand(
        self, turn: asyncio.Future[WorkerProcess | None], worker: WorkerProcess | None
    ) -> None:
        if turn.done():  # cancelled meanwhile
            self._take_back(worker)
        else:
            turn.set_result(worker)

    def _take_back(self, worker: WorkerProcess | None) -> None:
        with self._lock:
            if worker is None:
                self._starting -= 1
            else:
                self._busy.discard(worker)
        self._pass_on(worker)

    async def _died(self, worker: WorkerProcess) -> BaseException:
        code = await worker.ended()
        if self._closed:
            return ProcessDied(f"worker process {worker.pid} was killed: its pool was closed")
        return ProcessDied(f"worker process {worker.pid} {_how(code)}", code)

    def _close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            idle, busy, waiting = self._idle, list(self._busy), self._waiting
            self._idle, self._waiting = [], deque()
        for loop, turn in waiting:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(_refuse, turn)
        for worker in idle:
            worker.hang_up()
        for worker in busy:
            worker.kill_now(0)  # the call hears it hang up, and lets go of it
        for worker in idle:
            worker.kill_now(CLOSE_SECONDS)
        if self._lifeline is not None:
            for end in self._lifeline:
                os.close(end)


def _usable_cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS doesn't bind processes to cores
        return os.cpu_count() or 1


def _refuse(turn: asyncio.Future[WorkerProcess | None]) -> None:
    if not turn.done():
        turn.set_exception(
            SayiirError("this ProcessPool was closed while a call waited for a worker")
        )


def _how(code: int | None) -> str:
    if code is None:
        return "has gone, nobody knows how"
    if code >= 0:
        return f"ended by itself with exit status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was killed by {name}"
