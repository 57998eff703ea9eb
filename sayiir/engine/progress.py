"""What running tasks say of themselves, on its way to the store: gathered, the last word wins."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sayiir.limits import PROGRESS_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.engine.work import Said, Work
    from sayiir.stores.protocols import Store

__all__ = ["ProgressGatherer"]


class ProgressGatherer:
    """Writes what is new, at most once a second for the whole process.

    Saying something is one assignment in the task's own thread, so user code may do it in its
    innermost loop; nothing is queued, and what wasn't written yet is simply replaced.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._written: dict[Work, Said] = {}
        self._next_at = 0.0

    async def write(self, works: Sequence[Work]) -> None:
        """Write what these items have said since the last time.

        Raises:
            StoreError: it can't be written now; it is tried again with the next call.
        """
        now = time.monotonic()
        if now < self._next_at:
            return
        said = {work: word for work in works if (word := work.said) is not None}
        fresh = {w: word for w, word in said.items() if self._written.get(w) is not word}
        if fresh:
            reports = (attempt.report(how_far, words) for attempt, how_far, words in fresh.values())
            await self._store.report([each for each in reports if each is not None])
            # A little less, or a tick that comes a moment early would skip a second.
            self._next_at = now + 0.9 * PROGRESS_SECONDS
        self._written = said
