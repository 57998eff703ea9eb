"""Gathered loads: what items that start together read from the store is asked for at once.

A claim brings many items whose first tasks all want their inputs in the same turn of the loop.
Nothing waits for a gathering to fill: what was asked for in one turn goes out in the next, beside
whatever is still on its way.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeAlias

from sayiir.errors import StoreError, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sayiir.engine.resolve import Loader
    from sayiir.stores.records import Loaded, Wanted

__all__ = ["GatheringLoader"]

MAX_GATHERED: Final = 100
"""So many are asked for in one call, since all of their bytes come at once."""

_Asked: TypeAlias = "tuple[Wanted, asyncio.Future[Loaded]]"


class GatheringLoader:
    """Loads for all items of one process.

    Args:
        store: what is loaded from.
        held: what this process drives at the moment. Where it is one item alone, its loads go
            out without a look at who else may come.
    """

    def __init__(self, store: Loader, held: Collection[object]) -> None:
        self._store = store
        self._held = held
        self._asked: list[_Asked] = []
        self._sending: set[asyncio.Task[None]] = set()

    async def load(self, wanted: Sequence[Wanted]) -> list[Loaded]:
        """What the store has of it.

        Raises:
            StoreUnavailable: the store can't be read.
            StoreError: it makes no sense to the store.
        """
        # A join may be as large as all that the others want together: nobody waits for it.
        if len(self._held) <= 1 or any(each.joins for each in wanted):
            return await self._store.load(wanted)
        return [await future for future in [self._ask(each) for each in wanted]]

    def _ask(self, wanted: Wanted) -> asyncio.Future[Loaded]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Loaded] = loop.create_future()
        if not self._asked:
            loop.call_soon(self._send)
        self._asked.append((wanted, future))
        return future

    def _send(self) -> None:
        asked, self._asked = self._asked, []
        # Who was cancelled meanwhile wants nothing any more.
        asked = [each for each in asked if not each[1].done()]
        for first in range(0, len(asked), MAX_GATHERED):
            gathered = asked[first : first + MAX_GATHERED]
            task = asyncio.get_running_loop().create_task(self._load(gathered))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _load(self, asked: list[_Asked]) -> None:
        try:
            found = await self._store.load([wanted for wanted, _ in asked])
        except BaseException as error:
            alone = len(asked) == 1 or isinstance(error, StoreUnavailable)
            if isinstance(error, StoreError) and not alone:
                # One of them makes no sense to the store: that one alone is to pay.
                for each in asked:
                    await self._load([each])
                return
            _fail(asked, error)
            if isinstance(error, asyncio.CancelledError):
                raise
            return
        for (_, future), loaded in zip(asked, found, strict=True):
            if not future.done():
                future.set_result(loaded)


def _fail(asked: Iterable[_Asked], error: BaseException) -> None:
    for _, future in asked:
        if not future.done():
            future.set_exception(error)
