"""Log lines of a worker: on standard error, one line each, and nothing in them steers anything."""

from __future__ import annotations

import logging
from typing import Any

from sayiir.cli.exits import Problem
from sayiir.cli.texts import clean, nearest

__all__ = ["CleanFormatter", "log_to_stderr"]

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class CleanFormatter(logging.Formatter):
    """Escapes what a terminal would obey, and line ends in messages, which would forge lines."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's own name
        """The head of an entry, on one line; a traceback follows on lines of its own."""
        return clean(super().formatMessage(record)).replace("\n", "\\n")

    def formatException(self, ei: Any) -> str:  # noqa: N802  logging's own name
        """The traceback, its lines indented: none of them can pass for another entry."""
        text = clean(super().formatException(ei))
        return "\n".join("  " + line for line in text.splitlines())


def log_to_stderr(level: str) -> None:
    """Send the logs of this process to standard error.

    Raises:
        Problem: there is no such level.
    """
    if level.lower() not in _LEVELS:
        raise Problem(
            f"no level is called {clean(level)!r}; there are {', '.join(_LEVELS)}",
            hint=nearest(level.lower(), _LEVELS),
        )
    handler = logging.StreamHandler()
    handler.setFormatter(CleanFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("sayiir").setLevel(_LEVELS[level.lower()])
