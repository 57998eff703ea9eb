"""Whose line a warning points at: the user's, however many of ours are between.

``warnings.warn`` counts frames, and here their number differs: none of the caller's stand on the
stack of a portal's thread, and in a loop there are asyncio's between. Python 3.11 has no
``skip_file_prefixes`` either.
"""

from __future__ import annotations

import inspect
import os
import warnings
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import FrameType

__all__ = ["called_from_here", "warn_caller"]

_LIBRARY = __file__.rpartition(os.sep)[0] + os.sep
_STANDARD = os.__file__.rpartition(os.sep)[0] + os.sep
_PACKAGES = f"{os.sep}site-packages{os.sep}"


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of somebody's code, with the names of its module: its frame would keep it alive."""

    filename: str
    number: int
    names: dict[str, Any]


_CALLER: ContextVar[_Line | None] = ContextVar("sayiir_caller", default=None)


@contextmanager
def called_from_here() -> Generator[None, None, None]:
    """What is warned of within, in another thread too, is the line's outside of the library."""
    token = _CALLER.set(_users_line(inspect.currentframe()))
    try:
        yield
    finally:
        _CALLER.reset(token)


def warn_caller(message: str, category: type[Warning]) -> None:
    """Warn of what the user's own line asked for; once a line, as warnings are."""
    line = _users_line(inspect.currentframe()) or _CALLER.get()
    if line is None:
        warnings.warn(message, category, stacklevel=2)
        return
    warnings.warn_explicit(
        message,
        category,
        line.filename,
        line.number,
        module=str(line.names.get("__name__", "")),
        registry=line.names.setdefault("__warningregistry__", {}),
    )


def _users_line(frame: FrameType | None) -> _Line | None:
    """The nearest line that is neither ours nor the standard library's."""
    while frame is not None:
        if not _is_between(frame.f_code.co_filename):
            return _Line(frame.f_code.co_filename, frame.f_lineno, frame.f_globals)
        frame = frame.f_back
    return None


def _is_between(filename: str) -> bool:
    if filename.startswith((_LIBRARY, "<frozen")):
        return True
    return filename.startswith(_STANDARD) and _PACKAGES not in filename
