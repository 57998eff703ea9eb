"""An event loop with a time of its own: when nothing is left to do, it is later.

A sleep of an hour, a timeout of a minute and the renewal of a lease take no time. Code on threads
is waited for where it is called, so that its end stands at the same place in the order of every
run; what takes longer than that goes on beside the loop, and the loop's time is real meanwhile.
"""

from __future__ import annotations

import asyncio
import heapq
import threading
import time
from concurrent.futures import Executor, Future
from contextvars import Context, ContextVar, copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar, TypeVarTuple, Unpack

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PROCESS", "SimulatedClock", "SimulatedLoop"]

PATIENCE_SECONDS: Final = 5.0
"""So long (of real time) a call on a thread is waited for in place."""
MOST_MOVES: Final = 50_000
"""Of the time, without anybody having been asked: beyond it nothing but polling goes on."""
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_START_US: Final = 1_767_225_600_000_000

PROCESS: Final[ContextVar[str | None]] = ContextVar("sayiir_simulated_process", default=None)
"""The simulated process that runs here; tasks and callbacks inherit it."""


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Its time stands still while callbacks run, and jumps to the next timer when none is left.

    ``busy``: tells that something outside (a store's own thread) is going to wake the loop.
    ``on_stuck``: called where nothing is left that could go on: no timer, no thread.
    """

    def __init__(self) -> None:
        self._virtual = 0.0
        self._threads = 0
        self.moves = 0
        self.busy: Callable[[], bool] | None = None
        self.on_stuck: Callable[[], object] | None = None
        self._stopped: dict[str, list[Any]] = {}
        """What was to be called in processes that stand still."""
        super().__init__()

    def time(self) -> float:
        """Seconds since it was made, most of which never passed."""
        return self._virtual

    def _run_once(self) -> None:
        # asyncio has no public word for what is ready and what is scheduled. Both lists have
        # been there, under these names, in every version so far.
        loop: Any = self
        base: Any = super()
        if loop._ready:
            base._run_once()
        elif self._waits_for_others():
            began = time.monotonic()
            base._run_once()
            self._virtual += time.monotonic() - began
        else:
            self._move(loop._scheduled)
            base._run_once()

    def _waits_for_others(self) -> bool:
        if self._threads or (self.busy is not None and self.busy()):
            return True
        loop: Any = self
        # One is the loop's own, by which threads wake it; more are connections of user code.
        return len(loop._selector.get_map()) > 1

    def _move(self, scheduled: list[Any]) -> None:
        times: list[float] = [timer.when() for timer in scheduled if not timer.cancelled()]
        self.moves += 1
        if times and self.moves <= MOST_MOVES:
            self._virtual = max(self._virtual, min(times))
        elif self.on_stuck is not None:
            told, self.on_stuck = self.on_stuck, None
            self.call_soon(told)

    # -- processes that stand still

    def stop_process(self, process: str) -> None:
        """As SIGSTOP: nothing of the process runs any more, in the middle of whatever it did."""
        if process in self._stopped:
            return
        # As above, asyncio's own lists: callbacks know the context that they run in. A round that
        # is going on has counted what is ready, so each leaves one behind that does nothing.
        loop: Any = self
        ready, scheduled = loop._ready, loop._scheduled
        stopped: list[Any] = []
        for at, handle in enumerate(ready):
            if _process_of(handle) == process and not handle.cancelled():
                stopped.append(handle)
                ready[at] = asyncio.Handle(_nothing, (), self)
                ready[at].cancel()
        mine = [each for each in scheduled if _process_of(each) == process and not each.cancelled()]
        if mine:
            gone = set(map(id, mine))
            scheduled[:] = [each for each in scheduled if id(each) not in gone]
            heapq.heapify(scheduled)
        self._stopped[process] = stopped + mine

    def continue_process(self, process: str) -> None:
        """As SIGCONT: it goes on where it stood; timers that were due meanwhile ring at once."""
        loop: Any = self
        due: list[asyncio.TimerHandle] = []
        for handle in self._stopped.pop(process, []):
            if handle.cancelled():
                continue
            if not isinstance(handle, asyncio.TimerHandle):
                loop._ready.append(handle)
            elif handle.when() <= self._virtual:
                due.append(handle)
            else:
                heapq.heappush(loop._scheduled, handle)
        for handle in sorted(due, key=asyncio.TimerHandle.when):
            handle._scheduled = False  # type: ignore[attr-defined]
            loop._ready.append(handle)

    def call_soon(
        self,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """As every loop's; but what belongs to a process that stands still waits for it."""
        if self._stopped:
            process = PROCESS.get() if context is None else context.get(PROCESS)
            waiting = None if process is None else self._stopped.get(process)
            if waiting is not None:
                handle = asyncio.Handle(callback, args, self, context)
                waiting.append(handle)
                return handle
        return super().call_soon(callback, *args, context=context)

    # -- threads

    def patiently(self, call: Callable[[], Any]) -> Future[Any]:
        """Run a call on a thread of its own, and wait for it here for a while."""
        future: Future[Any] = Future()
        self._threads += 1

        def work() -> None:
            try:
                future.set_result(call())
            except BaseException as error:  # handed to who waits for it
                future.set_exception(error)

        threading.Thread(target=work, name="sayiir-simulated", daemon=True).start()
        finished = threading.Event()
        future.add_done_callback(lambda _: finished.set())
        if finished.wait(PATIENCE_SECONDS):
            self._threads -= 1
        else:
            future.add_done_callback(lambda _: self._wake(self._one_less))
        return future

    def _wake(self, callback: Callable[[], None]) -> None:
        if not self.is_closed():
            self.call_soon_threadsafe(callback)

    def _one_less(self) -> None:
        self._threads -= 1

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """As every loop's; without an executor the call is waited for in place."""
        if executor is not None:
            return super().run_in_executor(executor, func, *args)
        call = partial(copy_context().run, func, *args)
        return asyncio.wrap_future(self.patiently(call), loop=self)


def _nothing() -> None:
    """In place of a callback that waits."""


def _process_of(handle: Any) -> str | None:
    context: Context = handle._context
    return context.get(PROCESS)


class SimulatedClock:
    """Wall time and sleeping by the time of a simulated loop; made inside that loop.

    Args:
        start_us: where it begins, in microseconds since the Unix epoch.

    Raises:
        TypeError: the loop that runs here is another.
    """

    def __init__(self, start_us: int = _START_US) -> None:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, SimulatedLoop):
            raise TypeError(f"a simulated clock goes by a SimulatedLoop, not by {loop!r}")
        self._loop = loop
        self._offset_us = start_us - round(loop.time() * 1e6)

    def now_us(self) -> int:
        """The time, in whole microseconds since the Unix epoch."""
        return round(self._loop.time() * 1e6) + self._offset_us

    async def sleep(self, seconds: float) -> None:
        """Until the loop's time has moved so far."""
        await asyncio.sleep(max(seconds, 0))

    def shift(self, seconds: float) -> None:
        """Jump by so much, backwards if negative. Nobody wakes."""
        self._offset_us += round(seconds * 1e6)
