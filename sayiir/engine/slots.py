"""How many items run at once in a runner or worker, whichever call they belong to."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Protocol

from sayiir.limits import INTERRUPTIONS_BEFORE_ISOLATION

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Collection, Iterable

    from sayiir.engine.work import Work

__all__ = ["Sharer", "Slots"]


class Sharer(Protocol):
    """One of those who share the slots."""

    stopping: bool
    """It starts nothing more: what it has in the line is passed over."""

    def begin(self, work: Work) -> None:
        """The item has a slot now; it is freed by ``Slots.free``."""
        ...

    def step_back(self, work: Work) -> None:
        """The item is out of the line: give it back to the store, and tell ``Slots.gone``."""
        ...

    def wake(self) -> None:
        """There may be room again, which it asked for in vain."""
        ...


class Slots:
    """Slots for work items, given in the order in which they are asked for.

    An item that is suspected of killing its process runs when nothing else does, and nothing
    else starts beside it. From when it is first in the line on, what stands behind it goes back
    to the store, and nothing is claimed: it would only wait here, and be interrupted with the
    suspect. It is no suspect any more once the store has taken a step of it.

    Args:
        limit: how many items run at once.
    """

    __slots__ = ("_alone", "_asked", "_ending", "_hungry", "_leaving", "_limit", "_line", "_taken")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._alone: Work | None = None
        self._ending: set[asyncio.Task[None] | None] = set()
        """Have no slot any more, while an end is on its way to the store. Kept by their tasks:
        what ends in a slot needn't be what it was given to, since a join goes on in one of its
        arms'."""
        self._asked = 0
        """Kept free for claims that are on their way."""
        self._line: deque[tuple[Sharer, Work]] = deque()
        self._leaving: set[Work] = set()
        """What steps back, and may not have arrived in the store yet."""
        self._hungry: dict[Sharer, None] = {}
        """Who found no room, in that order."""

    def room(self) -> int:
        """How many further items could be started at once; below zero: so many stand in line."""
        waiting = len(self._line)
        if self._alone is not None or (waiting and _suspect(self._line[0][1])):
            return -waiting
        return self._limit - self._taken - self._asked - waiting

    def ask(self, sharer: Sharer, wanted: int) -> int:
        """Keep up to so many free for what the sharer claims; 0: it is woken when there is room."""
        kept = max(min(wanted, self.room()), 0)
        if kept == 0:
            self._hungry[sharer] = None
        self._asked += kept
        return kept

    def came(self, kept: int) -> None:
        """The claim for which these were kept has come back, and what it brought is in line."""
        self._asked -= kept
        self._serve()

    def line_up(self, sharer: Sharer, work: Work) -> None:
        """``sharer.begin`` is called with the item as soon as there is a slot for it.

        Or ``sharer.step_back``, where a suspect runs or is first in the line.
        """
        free = not self._line and self._alone is None and self._taken < self._limit
        if free and not sharer.stopping and not _suspect(work):  # nobody is before it
            self._taken += 1
            sharer.begin(work)
            return
        self._line.append((sharer, work))
        self._serve()

    def leave(self, sharer: Sharer, *, lined_up: bool) -> None:
        """The sharer wants nothing more; what it has in line, if it has, is taken out."""
        self._hungry.pop(sharer, None)
        if lined_up:
            self._line = deque(entry for entry in self._line if entry[0] is not sharer)
            self._serve()

    def send_back(self, works: Collection[Work]) -> None:
        """What of these still stands in line steps back, to be run elsewhere; no suspects."""
        line, self._line = self._line, deque()
        for sharer, work in line:
            if work in works and not _suspect(work):
                self._leaving.add(work)
                sharer.step_back(work)
            else:
                self._line.append((sharer, work))

    def gone(self, works: Iterable[Work]) -> None:
        """What had to step back, or left the line, is with the store again."""
        if self._leaving:
            self._leaving.difference_update(works)
            self._serve()

    def ending(self, work: Work) -> None:
        """Nothing more runs for the item: its end is about to be stored, and nothing follows.

        So what comes next is claimed while that end is on its way. At most as many are under way
        as there are slots, or a store that is slow to write would be given ever more. A suspect
        stays alone until the store has taken its end.
        """
        if work is not self._alone and len(self._ending) < self._limit:
            self._ending.add(work.task)
            self._taken -= 1
            self._freed()

    def free(self, work: Work) -> None:
        """The item is out of this process's hands; its slot is free again."""
        work.on_trust = None
        if work.task in self._ending:
            self._ending.discard(work.task)
        else:
            self._taken -= 1
        if work is self._alone:
            self._alone = None
        self._freed()

    def _freed(self) -> None:
        if self._line or self._hungry:
            self._serve()

    def _trusted(self, work: Work) -> None:
        """The item is no suspect any more, and keeps its slot as any other."""
        if work is self._alone:
            self._alone = None
            self._serve()

    def _serve(self) -> None:
        line = self._line
        while line and self._alone is None and self._taken < self._limit:
            sharer, work = line[0]
            suspect = _suspect(work) and not sharer.stopping
            if suspect and (self._taken or self._asked or self._leaving or self._ending):
                break
            line.popleft()
            if sharer.stopping:
                continue
            self._taken += 1
            if suspect:
                self._alone = work
                work.on_trust = partial(self._trusted, work)
            sharer.begin(work)
        if self._alone is not None:
            self._send_back(0)
        elif line and _suspect(line[0][1]):
            self._send_back(1)
        self._offer()

    def _send_back(self, staying: int) -> None:
        """Take out of the line all but the first so many."""
        line = self._line
        while len(line) > staying:
            sharer, work = line.pop()
            if not sharer.stopping:
                self._leaving.add(work)
                sharer.step_back(work)

    def _offer(self) -> None:
        if self._hungry and self.room() > 0:
            sharer = next(iter(self._hungry))
            del self._hungry[sharer]
            sharer.wake()


def _suspect(work: Work) -> bool:
    return work.interruptions >= INTERRUPTIONS_BEFORE_ISOLATION
