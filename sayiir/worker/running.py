"""Running a worker in the main thread until a signal comes, its loop in another thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sayiir.worker.signals import SIGNAL_SECONDS, StopSignals, Told

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HURRIED_SECONDS", "run_until_told"]

HURRIED_SECONDS: Final = 2.0
"""So long is a worker waited for that was told to leave at once; its leases end by themselves."""


def run_until_told(
    start: Callable[[], None],
    shutdown: Callable[[], None],
    told: Told | None = None,
) -> None:
    """Start, wait for a signal (or ``told``), shut down.

    The main thread only waits, so that signals are taken at once even where a task blocks the
    event loop; and the second one may be raised right here.

    Raises:
        SayiirError: called in another thread than the main one.
        KeyboardInterrupt, SystemExit: a second signal came.
    """
    told = told or Told()

    def second() -> None:
        request = signals.exit_request()
        if request is not None:
            raise request

    signals = StopSignals(told.set, second)
    with signals:
        try:
            start()
            while not told.wait(SIGNAL_SECONDS):
                pass
        finally:
            shutdown()
