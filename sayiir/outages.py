"""Telling of an outage without flooding the log while it lasts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from sayiir.printable import printable

if TYPE_CHECKING:
    import logging

__all__ = ["OutageLog"]

LOG_INTERVAL_SECONDS: Final = 60.0


class OutageLog:
    """Logs what fails again and again, at most once a minute however often that is.

    Args:
        logger: where to.
        what: what fails, as the line begins: ``orders.db: a transaction``.

    >>> import logging
    >>> log = OutageLog(logging.getLogger("sayiir.example"), "the renewal of leases")
    >>> log.note(OSError("no route to host"))
    """

    __slots__ = ("_last", "_logger", "_unsaid", "_what")

    def __init__(self, logger: logging.Logger, what: str) -> None:
        self._logger = logger
        self._what = what
        self._last: float | None = None
        self._unsaid = 0

    def note(self, problem: BaseException) -> None:
        """It failed once more."""
        now = time.monotonic()
        if self._last is not None and now - self._last < LOG_INTERVAL_SECONDS:
            self._unsaid += 1
            return
        self._logger.error(
            "%s failed, %d more since the last line: %s",
            printable(self._what),
            self._unsaid,
            printable(problem),
        )
        self._last, self._unsaid = now, 0
