"""SIGTERM and SIGINT while a worker runs: the first is a request, the second an order."""

from __future__ import annotations

import signal
import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, Self

from sayiir.errors import SayiirError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from types import FrameType

__all__ = ["SIGNAL_SECONDS", "StopSignals", "Told"]


SIGNAL_SECONDS: Final = 0.1
"""How long the main thread may wait for anything else at a time: a signal that comes in the moment
before a wait begins is only seen after it."""
_TAKEN: Final = (signal.SIGTERM, signal.SIGINT)


class Told:
    """What one thread waits for until it is told to stop, by another or by a signal's handler.

    A handler runs in the middle of whatever its thread does: ``threading.Event`` would wait there
    for a lock that the thread itself holds while it begins or ends a wait. This queue needs none.
    """

    def __init__(self) -> None:
        self._said: SimpleQueue[None] = SimpleQueue()
        self.is_set = False

    def set(self) -> None:
        """Wake who waits. From anywhere, any number of times."""
        self.is_set = True
        self._said.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait so long at most; whether it is set."""
        if not self.is_set:
            with suppress(Empty):
                self._said.get(timeout=seconds)
        return self.is_set


class StopSignals:
    """Takes both signals as long as it is entered, and what they did before comes back.

    Args:
        first: called at the first signal: drain. Without a loop it takes no lock: see ``Told``.
        second: called at the next one, of either kind: leave at once. From then on the signals
            do again what they did before.
        loop: the main thread's event loop, if it runs one: the handlers are called there. Else
            they are called wherever the main thread is.

    Raises:
        SayiirError: entered in another thread than the main one, where no handler can be set.
    """

    def __init__(
        self,
        first: Callable[[], object],
        second: Callable[[], object],
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._first = first
        self._second = second
        self._loop = loop
        self._before: dict[signal.Signals, Any] = {}
        self.received: list[signal.Signals] = []

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            raise SayiirError(
                "run() ends at SIGTERM or SIGINT, which Python hands to the main thread alone; in "
                "another thread use start() and shutdown(), or the worker in a with statement"
            )
        for number in _TAKEN:
            self._before[number] = signal.getsignal(number)
            if self._loop is None:
                signal.signal(number, self._taken)
            else:  # which wakes the loop: it would overlook one that comes before it sleeps
                self._loop.add_signal_handler(number, self._taken, number)
        return self

    def __exit__(self, *_: object) -> None:
        self._give_back()

    def _give_back(self) -> None:
        while self._before:
            number, handler = self._before.popitem()
            if self._loop is not None:
                self._loop.remove_signal_handler(number)
            # None: it was not set by Python, and can't be set by it.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _taken(self, number: int, _: FrameType | None = None) -> None:
        self.received.append(signal.Signals(number))
        if len(self.received) == 1:
            self._first()
        else:
            self._give_back()
            self._second()

    def exit_request(self) -> BaseException | None:
        """What an order to leave at once is raised as; None where there was none."""
        if len(self.received) < 2:
            return None
        if self.received[-1] is signal.SIGINT:
            return KeyboardInterrupt()
        return SystemExit(128 + self.received[-1])
