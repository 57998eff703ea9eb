"""Telling of instances that wait in the store and that this worker can't run."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from itertools import chain, repeat
from typing import TYPE_CHECKING, Final

from sayiir.errors import StoreError
from sayiir.printable import printable
from sayiir.stores.presence import presence_of
from sayiir.stores.records import Control, InstanceQuery, StatusName

if TYPE_CHECKING:
    from collections.abc import Callable

    from sayiir.stores.protocols import Store
    from sayiir.stores.records import InstanceRecord
    from sayiir.worker.settings import WorkerSettings

__all__ = ["Unserved"]

logger = logging.getLogger("sayiir.worker")

FIRST_LOOKS_SECONDS: Final = (2.0, 5.0)
"""Who starts the wrong worker sits before it; two looks are needed to tell of anything."""
LOOK_SECONDS: Final = 60.0
LOOKED_AT: Final = 50
"""So many instances, the newest, are looked at."""


class Unserved:
    """Looks now and then, while the worker has nothing to do, and logs each definition once.

    A claim is filtered by what the worker knows, so what else waits is never answered: who starts
    the worker of another workflow, or of code that has changed, would see nothing at all. One look
    is one statement. What is ready for a moment only, since another worker is about to claim it,
    isn't told: it has to be so at two looks.

    Args:
        store: where to look.
        settings: what the worker was told.
        busy: whether the worker has something to do.
    """

    def __init__(self, store: Store, settings: WorkerSettings, busy: Callable[[], bool]) -> None:
        self._store = store
        self._worker_id = settings.worker_id
        self._own = {each.definition_hash: each.name for each in settings.workflows}
        self._busy = busy
        self._waited: set[int] = set()
        """Runs that waited at the last look."""
        self._told: set[str] = set()
        self._looking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._looking = asyncio.create_task(self._repeat(), name="sayiir-unserved")

    def stop(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()

    async def _repeat(self) -> None:
        for seconds in chain(FIRST_LOOKS_SECONDS, repeat(LOOK_SECONDS)):
            await asyncio.sleep(seconds)
            if not self._busy():
                with suppress(StoreError):  # told of where work is claimed
                    await self.look()

    async def look(self) -> None:
        """Look once, and tell of what waited at the look before too.

        Raises:
            StoreError: the store can't be asked.
        """
        query = InstanceQuery(status=StatusName.IN_PROGRESS, limit=LOOKED_AT)
        page = await self._store.page(query)
        waiting = [each for each in page.records if self._waits(each)]
        before, self._waited = self._waited, {each.run for each in waiting}
        for_long = {each.definition_hash: each for each in waiting if each.run in before}
        if not for_long:
            return
        served = await self._served_by_others()
        for record in for_long.values():
            if record.workflow_name not in served:
                self._told.add(record.definition_hash)
                self._tell(record)

    def _waits(self, record: InstanceRecord) -> bool:
        return (
            record.definition_hash not in self._own
            and record.definition_hash not in self._told
            and record.control is Control.NONE
            and record.ready > 0
            and record.leased == 0
        )

    async def _served_by_others(self) -> set[str]:
        """Names that other workers serve, and this one doesn't: those will come to it."""
        knows = presence_of(self._store)
        workers = [] if knows is None else await knows.workers()
        return {name for each in workers for name in each.notice.workflows}.difference(
            self._own.values()
        )

    def _tell(self, record: InstanceRecord) -> None:
        own = [key for key, name in self._own.items() if name == record.workflow_name]
        if own:
            why = (
                f"is of another definition than the one it has ({', '.join(own)}): the workflow "
                "has changed since. Let a worker with the earlier code run too, until what it "
                "began has ended"
            )
        else:
            why = "is of a workflow that it wasn't given. Start a worker that has it"
        logger.warning(
            "worker %s can't run instance %s of %s, which waits: its definition %s %s",
            printable(self._worker_id),
            printable(repr(record.instance_id)),
            printable(repr(record.workflow_name)),
            printable(record.definition_hash),
            printable(why),
        )
