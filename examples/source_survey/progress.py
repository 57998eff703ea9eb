"""A progress bar on standard error that asks the store how many files are analysed.

It reads what is committed, so it also shows what other processes do, and what is left of a
former run. On a terminal it redraws one line; into a pipe or a file it writes a plain line for
every tenth of the way. ``NO_COLOR`` keeps the bar and drops its colours.
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self, TextIO

__all__ = ["Look", "Progress", "ProgressBar", "bar_line", "colour_allowed"]

INTERVAL_SECONDS: Final = 0.1
WIDEST_BAR: Final = 40
BESIDE_BAR: Final = 58
"""Columns that the words and numbers beside the bar may need."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work is, in items.

    Attributes:
        done: finished, failed ones included where that is known.
        kept: those of them that were finished before.
        total: all.
        failed: those that failed; known at the end.
    """

    done: int
    kept: int
    total: int
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """What the terminal can show: its width in columns, colours, letters beyond ASCII."""

    width: int
    colour: bool
    unicode: bool


def colour_allowed(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether to write colours: to a terminal that knows them, unless ``NO_COLOR`` is set."""
    return _redraws(stream, environment) and not environment.get("NO_COLOR")


def bar_line(progress: Progress, seconds: float, look: Look) -> str:
    """One line: bar, numbers, speed and time left; what is kept from before is drawn apart.

    Args:
        progress: how far it is.
        seconds: since this process began.
        look: what may be written.

    >>> look = Look(width=78, colour=False, unicode=False)
    >>> bar_line(Progress(done=30, kept=10, total=40), 2.0, look)
    'analysing [=====##########-----] 30 of 40   75 %  10 files/s  1 s left'
    """
    width = max(10, min(WIDEST_BAR, look.width - BESIDE_BAR))
    # Rounded down: 100 % is said when it is true.
    percent = min(100 * progress.done // progress.total, 100) if progress.total else 100
    filled = width * percent // 100
    old = min(filled, width * progress.kept // max(progress.total, 1))
    signs = "▒█░" if look.unicode else "=#-"
    pieces = (signs[0] * old, signs[1] * (filled - old), signs[2] * (width - filled))
    codes = ("36", "32", "2")
    drawn = "".join(
        f"\x1b[{code}m{piece}\x1b[0m" if look.colour and piece else piece
        for code, piece in zip(codes, pieces, strict=True)
    )
    line = f"analysing [{drawn}] {progress.done:,} of {progress.total:,} {percent:>4} %"
    rate = (progress.done - progress.kept) / seconds if seconds > 0 else 0.0
    left = progress.total - progress.done
    if progress.failed:
        line += f"  {progress.failed:,} could not be parsed"
    elif rate > 0 and left > 0:
        line += f"  {rate:,.0f} files/s  {left / rate:,.0f} s left"
    return line


class ProgressBar:
    """Draws while its ``with`` block runs, from a thread of its own.

    Args:
        ask: gives the progress, or None while there is none to show.
        stream: where to draw.
        environment: for ``NO_COLOR`` and ``TERM``.
    """

    def __init__(
        self,
        ask: Callable[[], Progress | None],
        stream: TextIO,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._ask = ask
        self._stream = stream
        self._redraws = _redraws(stream, environment)
        self._colour = colour_allowed(stream, environment)
        self._unicode = (stream.encoding or "").lower().startswith("utf")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._draw_until_ended, daemon=True)
        self._began = time.monotonic()
        self._tenths = -1
        self._shown = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()
        if error is None:
            self._draw()
        if self._redraws and self._shown:
            self._stream.write("\n")
            self._stream.flush()

    def _draw_until_ended(self) -> None:
        while not self._ended.wait(INTERVAL_SECONDS):
            self._draw()

    def _draw(self) -> None:
        progress = self._ask()
        if progress is None:
            return
        seconds = time.monotonic() - self._began
        if self._redraws:
            look = Look(shutil.get_terminal_size().columns, self._colour, self._unicode)
            # Erase to the end of the line: the one before may have been longer.
            self._write(f"\r{bar_line(progress, seconds, look)}\x1b[K")
            return
        tenths = 10 * progress.done // progress.total if progress.total else 10
        if tenths > self._tenths:
            self._tenths = tenths
            self._write(f"analysed {progress.done:,} of {progress.total:,} files\n")

    def _write(self, text: str) -> None:
        self._shown = True
        self._stream.write(text)
        self._stream.flush()


def _redraws(stream: TextIO, environment: Mapping[str, str]) -> bool:
    return stream.isatty() and environment.get("TERM") != "dumb"
