"""Running a verb on a working set: lock and load, run it in memory, write, commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from sayiir.errors import StoreError
from sayiir.stores.postgres.flush import flush
from sayiir.stores.postgres.locking import load, lock_root
from sayiir.stores.postgres.needs import Missing, Needs
from sayiir.stores.postgres.queues import Queues
from sayiir.stores.postgres.working_set import WorkingSet

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sayiir.stores.postgres.database import Database, Session

__all__ = ["Work"]

Result = TypeVar("Result")

MAX_WIDENINGS: Final = 30
"""So often a verb may find that it needs more. Each time it gets further, so few are used."""


class Work:
    """The database, and what is remembered of it: what verbs are run by."""

    __slots__ = ("database", "has_continued", "queues")

    def __init__(self, database: Database) -> None:
        self.database = database
        self.queues = Queues(database)
        self.has_continued = False
        """Something was claimed of one instance here."""

    async def run(
        self,
        needs: Needs,
        verb: Callable[[WorkingSet], Result],
        before_commit: Callable[[Session], Awaitable[None]] | None = None,
    ) -> Result:
        """Run the verb in a transaction.

        ``before_commit`` is awaited once all that the verb has changed is written.
        """

        async def once(session: Session) -> Result:
            rows = WorkingSet(self.queues, needs)
            result = await self._done(session, needs, rows, verb)
            if before_commit is not None:
                await before_commit(session)
            return result

        return await self._widened(needs, once)

    async def run_on(
        self,
        instance_id: str,
        needs_of_run: Callable[[int], Needs],
        verb: Callable[[WorkingSet], Result],
        after: Callable[[Session, Result], Awaitable[None]] | None = None,
    ) -> Result:
        """The same for what is asked of an instance: its root is locked first.

        Where there is no such instance the verb finds none.
        """
        more = Needs()

        async def once(session: Session) -> Result:
            root = await lock_root(session, instance_id)
            needs = Needs() if root is None else needs_of_run(root.run)
            needs.widen(more)
            rows = WorkingSet(self.queues, needs)
            if root is not None:
                rows.keep_item(root)
            result = await self._done(session, needs, rows, verb)
            if after is not None:
                await after(session, result)
            return result

        return await self._widened(more, once)

    async def _done(
        self,
        session: Session,
        needs: Needs,
        rows: WorkingSet,
        verb: Callable[[WorkingSet], Result],
    ) -> Result:
        await load(session, needs, rows)
        result = verb(rows)
        await flush(session, rows)
        session.changed |= rows.changed
        return result

    async def _widened(self, needs: Needs, once: Callable[[Session], Awaitable[Result]]) -> Result:
        for _ in range(MAX_WIDENINGS):
            try:
                return await self.database.run(once)
            except Missing as missing:
                needs.widen(missing.needs)
                await self.queues.ensure(missing.needs.queues)
        raise StoreError(
            f"a verb needed more rows {MAX_WIDENINGS} times over; this is a bug. Last: {needs}"
        )
