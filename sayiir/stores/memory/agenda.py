"""When items are due and in which order, so that claiming never scans what isn't."""

from __future__ import annotations

import heapq
from collections import defaultdict
from typing import TypeAlias

__all__ = ["Agenda", "Agendas", "Rank", "Slot", "new_agendas"]

Slot: TypeAlias = tuple[int, str, int]
"""An item across runs: run, spawn path, index. Also the tie-break between equal ranks."""

Rank: TypeAlias = tuple[int, Slot]


class Agenda:
    """Slots with a due time and a rank. Putting and finding take logarithmic time.

    Two heaps hold entries that may be out of date; ``_entries`` is the truth, and an entry
    that disagrees with it is dropped when it comes up. ``_later`` is ordered by due time,
    ``_ready`` by rank: what is due moves over when somebody looks.

    >>> agenda = Agenda()
    >>> agenda.put((1, "", 0), due=50, rank=7)
    >>> agenda.first(now=49), agenda.first(now=50)
    (None, (7, (1, '', 0)))
    """

    __slots__ = ("_entries", "_later", "_ready")

    def __init__(self) -> None:
        self._entries: dict[Slot, tuple[int, int]] = {}
        self._later: list[tuple[int, Slot]] = []
        self._ready: list[Rank] = []

    def put(self, slot: Slot, *, due: int, rank: int) -> None:
        """Set the slot's due time and rank, instead of what it had."""
        if self._entries.get(slot) == (due, rank):
            return
        self._entries[slot] = (due, rank)
        heapq.heappush(self._later, (due, slot))
        if len(self._later) > 2 * len(self._entries) + 64:
            # Renewed leases leave an entry each; without this a long task would grow the heap.
            self._later = [(entry[0], slot) for slot, entry in self._entries.items()]
            heapq.heapify(self._later)
            self._ready = []

    def drop(self, slot: Slot) -> None:
        """The slot is never due."""
        self._entries.pop(slot, None)

    def first(self, now: int) -> Rank | None:
        """The slot of lowest rank among those due by ``now``, or None."""
        self._move_over(now)
        while self._ready:
            rank, slot = self._ready[0]
            entry = self._entries.get(slot)
            if entry is not None and entry[1] == rank:
                if entry[0] <= now:
                    return rank, slot
                # The clock went backwards since it was moved over: a timer is never early.
                heapq.heappush(self._later, (entry[0], slot))
            heapq.heappop(self._ready)
        return None

    def next_due(self, now: int) -> int | None:
        """The earliest due time; ``now`` at the earliest; None where nothing is ever due."""
        if self.first(now) is not None:
            return now
        return self._later[0][0] if self._later else None

    def _move_over(self, now: int) -> None:
        """Move what is due to the other heap, and uncover the earliest entry that is true."""
        while self._later:
            due, slot = self._later[0]
            entry = self._entries.get(slot)
            current = entry is not None and entry[0] == due
            if current and due > now:
                return
            heapq.heappop(self._later)
            if entry is not None and current:
                heapq.heappush(self._ready, (entry[1], slot))


Agendas: TypeAlias = defaultdict[tuple[str, ...], Agenda]
"""An agenda for each combination of tags, so that nobody goes past what he may not have."""


def new_agendas() -> Agendas:
    """None yet; each is made when the first item asks for its tags."""
    return defaultdict(Agenda)
