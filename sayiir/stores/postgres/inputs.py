"""Inputs of instances that came along with their first claim.

Whoever claims a new instance reads its input next. A claim brings small ones, so that the first
task needn't wait for another round trip; they lie here until they are asked for, which is once.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.stores.records import Wanted

__all__ = ["MAX_INPUT_BYTES", "Inputs"]

MAX_INPUT_BYTES: Final = 16_384
"""Larger ones are read when they are needed."""
MAX_KEPT: Final = 500
"""The oldest go beyond that: a task may never ask for its workflow's input."""


class Inputs:
    """What one store has been brought. Usable from any thread."""

    __slots__ = ("_gate", "_kept")

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._kept: dict[int, bytes] = {}

    def keep(self, run: int, body: bytes) -> None:
        """A claim has brought the run's input."""
        with self._gate:
            self._kept[run] = body
            if len(self._kept) > MAX_KEPT:
                del self._kept[next(iter(self._kept))]

    def take(self, wanted: Sequence[Wanted]) -> list[bytes | None]:
        """Of each that is wanted its input, if it is asked for and here."""
        if not self._kept:
            return [None] * len(wanted)
        return [self._taken(each.run) if each.input else None for each in wanted]

    def _taken(self, run: int) -> bytes | None:
        with self._gate:
            return self._kept.pop(run, None)
