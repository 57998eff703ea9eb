"""A store as one process sees it, which dies at a write, or is taken for dead there."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from sayiir.stores.records import Fail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sayiir.stores.records import Answer, Checkpoint

__all__ = ["Crash", "MortalStore", "Point", "Witness"]

WRITES: Final = frozenset({"create", "commit", "claim", "renew", "release"})
_MOST_CALLS: Final = 200_000


class Crash(BaseException):
    """The process dies here. No ``Exception``, so that nothing on the way handles it."""


class Witness(Protocol):
    """Who is told what the store has accepted, also where its answer is lost."""

    dead: bool
    """The process is dead; its tasks must not begin anything any more."""

    def stored(self, path: str) -> None:
        """The result of a step is in the store."""
        ...

    def gave_up(self, prefix: str) -> None:
        """A map item below ``prefix`` was collected as failed."""
        ...


@dataclass(frozen=True, slots=True)
class Point:
    """Die at this write of a life, counted from 0: before it, or after it was written.

    Only what changes something counts. ``verb``: what the write is expected to be, since a claim
    or a create can't be known beforehand to change anything. ``stall``: don't die there, but be
    taken for dead: another process goes on, and later this one does.
    """

    write: int
    after: bool
    verb: str = "commit"
    stall: bool = False

    def __str__(self) -> str:
        when = "stalled before" if self.stall else "after" if self.after else "before"
        return f"{when} write {self.write}"


class MortalStore:
    """A store as one process sees it; at ``point`` the process dies.

    ``writes``: the verb of each write that changed anything.
    It also tells the witness what was committed, which only the store's side can know when the
    answer is lost.

    Args:
        inner: the store itself.
        witness: who is told.
        point: where the process dies; None: nowhere.
        on_stall: awaited at a point that stalls, while the process gets no answer.
        counted: which verbs are writes to die at.
    """

    def __init__(
        self,
        inner: Any,
        witness: Witness,
        point: Point | None = None,
        on_stall: Callable[[], Awaitable[None]] | None = None,
        counted: frozenset[str] = WRITES,
    ) -> None:
        self.inner = inner
        self.witness = witness
        self.point = point
        self.writes: list[str] = []
        self.calls: Counter[str] = Counter()
        self.busy = 0
        self.died = False
        self.stalled = False
        """It has stood still."""
        self.fell = ""
        """The write at which it died or stood still, in words."""
        self._on_stall = on_stall
        self._counted = counted
        self._away: Awaitable[None] | None = None

    def __getattr__(self, verb: str) -> Any:
        method = getattr(self.inner, verb)
        if verb == "watch":
            return method

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await self._call(verb, method, args, kwargs)

        return call

    async def _call(self, verb: str, method: Any, args: Any, kwargs: Any) -> Any:
        if self._away is not None:
            await self._away
        if self.died:
            raise Crash
        self.calls[verb] += 1
        assert self.calls[verb] < _MOST_CALLS, "no end of calls"
        if verb in self._counted and self._dies(verb, len(self.writes), after=False):
            self.fell = _described(verb, args)
            await self._fall()
        self.busy += 1
        try:
            answer = await method(*args, **kwargs)
        finally:
            self.busy -= 1
        if verb in self._counted and _changed(verb, answer):
            self.writes.append(verb)
            self._tell(verb, args, answer)
            if self._dies(verb, len(self.writes) - 1, after=True):
                self.fell = _described(verb, args)
                await self._fall()
        if self.died:
            raise Crash
        return answer

    def _dies(self, verb: str, write: int, *, after: bool) -> bool:
        point = self.point
        if self.stalled or point is None or (point.write, point.after) != (write, after):
            return False
        return after or verb == point.verb or verb not in ("claim", "create")

    async def _fall(self) -> None:
        """Die, or stand still for a while."""
        if self.point is None or not self.point.stall or self._on_stall is None:
            self._die()
            return
        self.stalled = True
        self._away = asyncio.get_running_loop().create_future()
        try:
            await self._on_stall()
        finally:
            self._away.set_result(None)
            self._away = None

    def _die(self) -> None:
        self.died = self.witness.dead = True
        raise Crash

    def _tell(self, verb: str, args: Any, answer: Any) -> None:
        if verb != "commit":
            return
        checkpoints: Sequence[Checkpoint] = args[0]
        answers: Sequence[Answer] = answer
        for checkpoint, reply in zip(checkpoints, answers, strict=True):
            if not reply.accepted:
                continue
            if checkpoint.result is not None:
                self.witness.stored(checkpoint.result.path)
            effect = checkpoint.effect
            if isinstance(effect, Fail) and effect.scope is not None:
                self.witness.gave_up(f"{effect.scope.spawn_path}[{effect.scope.index}]/")


def _changed(verb: str, answer: Any) -> bool:
    if verb == "create":
        return answer.existing is None
    return verb != "claim" or bool(answer.items)


def _described(verb: str, args: Any) -> str:
    """A write in words, for people who look for the place of a crash."""
    if verb != "commit":
        return {"create": "creating the instance", "claim": "claiming work"}.get(verb, verb)
    checkpoints: Sequence[Checkpoint] = args[0]
    told = [_checkpoint_in_words(each) for each in checkpoints]
    return " and ".join(told[:3]) + (f" and {len(told) - 3} more" if len(told) > 3 else "")


def _checkpoint_in_words(checkpoint: Checkpoint) -> str:
    if checkpoint.result is not None:
        return f"storing the result of {checkpoint.result.path}"
    where = checkpoint.fence.item.spawn_path or "the root"
    return f"storing a {type(checkpoint.effect).__name__.lower()} of {where}"
