"""SIGTERM and SIGINT while a worker runs: the first is a request, the second an order."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any, Self

from sayiir.errors import SayiirError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

__all__ = ["StopSignals"]


class StopSignals:
    """Takes both signals as long as it is entered, and what they did before comes back.

    Args:
        first: called at the first signal: drain.
        second: called at the next one, of either kind: leave at once. From then on the signals
            do again what they did before.

    Raises:
        SayiirError: entered in another thread than the main one, where no handler can be set.
    """

    def __init__(self, first: Callable[[], object], second: Callable[[], object]) -> None:
        self._first = first
        self._second = second
        self._before: dict[signal.Signals, Any] = {}
        self.received: list[signal.Signals] = []

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            raise SayiirError(
                "run() ends at SIGTERM or SIGINT, which Python hands to the main thread alone; in "
                "another thread use start() and shutdown(), or the worker in a with statement"
            )
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._taken)
        return self

    def __exit__(self, *_: object) -> None:
        self._give_back()

    def _give_back(self) -> None:
        while self._before:
            number, handler = self._before.popitem()
            # None: it was not set by Python, and can't be set by it.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _taken(self, number: int, _: FrameType | None) -> None:
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
